"""The researcher claude against everything that a server and a model can do wrong."""

import contextlib
import json
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread, Timer

import anthropic
import httpx2
import pytest
from briefs import Clerk, make_brief
from messages_server import (
    Call,
    CutClean,
    Drop,
    ErrorEvent,
    Fail,
    Garbage,
    Hang,
    MessagesServer,
    Raw,
    Say,
    Short,
    Think,
)
from test_history import SETTINGS, START, experiment, outcome

from harness.desk import Halted
from harness.errors import Misuse
from harness.experiment import Judged, Proposed, Settled, Tried, Verdict
from harness.history import History
from harness.ledger import Entry
from harness.money import Model, Reserved
from harness.preflight import Flight
from harness.pricing import price_of
from harness.researcher import Exhausted
from harness.researcher.access import Access, check
from harness.researcher.api import UNKNOWN, Api, Away, OutOfMoney
from harness.researcher.claude import STAND_IN, Claude
from harness.researcher.conversation import TURNS
from harness.researcher.scrub import scrubber
from harness.researcher.transcript import path_of
from harness.thinking import early_crashes

STAMP = "2026-01-31T22:00:00+00:00"
MODEL = "claude-opus-5-5"
LOADER = "\n\ndef load_solver(checkpoint, device):\n    return lambda questions: questions\n"
SOURCE = f"RATE = 0.1  # [0.01, 1] log\nBATCH = 8\n{LOADER}"
EDIT = Call("str_replace", {"old": "RATE = 0.1 ", "new": "RATE = 0.2 "})
SUBMIT = Call("submit", {"hypothesis": "Faster", "expected_effect": 0.01, "kind": "optimisation"})


def history_of(*events, max_usd=100.0):
    settings = replace(SETTINGS, model=Model(MODEL, "medium"), max_usd=max_usd)
    kept = Verdict(0, "keep", "", 0.5, 0, None)
    first = [replace(START, settings=settings), Proposed(experiment(0)), Tried(outcome(0, 1))]
    return History.of(Entry(STAMP, e) for e in (*first, Judged(kept, "c0"), *events))


class Table:
    """A researcher at its desk, with a server that answers by this script."""

    def __init__(self, tmp_path, script, *, history=None, patience_s=3.0, **options):
        self.server = MessagesServer(script)
        self.clerk = Clerk(history or history_of())
        self.tmp_path, self.patience_s, self.options = tmp_path, patience_s, options

    def __enter__(self):
        self.server.up()
        self.clerk.__enter__()
        client = anthropic.Anthropic(
            base_url=self.server.url, api_key=self.server.key, max_retries=0,
            timeout=httpx2.Timeout(self.options.pop("silence_s", 10.0)),
        )  # fmt: skip
        scrub = scrubber(self.server.key)
        api = Api(client, MODEL, "medium", price_of(MODEL, ""), scrub, self.patience_s)
        self.claude = Claude(api, self.tmp_path / "inspirations")
        return self

    def __exit__(self, *error):
        self.clerk.__exit__(*error)
        self.server.close()
        if error[0] is None and self.server.errors:
            raise self.server.errors[0]

    def brief(self):
        options = {"source": SOURCE, "results": self.tmp_path} | self.options
        return make_brief(history=self.clerk.history, desk=self.clerk.desk, **options)

    def propose(self):
        return self.claude.propose(self.brief())

    @property
    def spent(self):
        return self.clerk.history.spending


def script_of(*replies):
    """These, and after them a conversation that comes to a good end."""
    left = list(replies)

    def script(request):
        if left:
            reply = left.pop(0)
            return reply(request) if callable(reply) else reply
        return SUBMIT if any(EDIT.input["old"] in str(m) for m in request.messages) else EDIT

    return script


def kinds_of(table):
    """Of the lines of the transcript."""
    path = path_of(table.tmp_path, 1)
    return [json.loads(line)["kind"] for line in path.read_text().splitlines()]


# ---------------------------------------------------------------------------
# A proposal
# ---------------------------------------------------------------------------


def test_a_proposal_is_edited_tried_and_submitted(tmp_path):
    """By tools; its calls are reserved, settled and written down."""
    with Table(tmp_path, [EDIT, Call("preflight", {}), SUBMIT]) as table:
        found = table.propose()
        assert found.source == SOURCE.replace("0.1 ", "0.2 ")
        assert (found.hypothesis, found.kind, found.expected) == ("Faster", "optimisation", 0.01)
        assert found.researcher == "claude"
        assert table.spent.total.calls == 3
        assert not table.spent.open
        billed = table.server.billed
        assert table.spent.total.tokens.output == billed.output
        assert table.spent.total.tokens.cache_read == billed.read > 0
        assert kinds_of(table) == ["system", "said", "reply", "said", "reply", "said", "reply"]


def test_what_was_said_is_only_added_to(tmp_path):
    """Each request begins with the one before it, thinking blocks and all, and has four
    breakpoints at most; the server would refuse anything else."""
    replies = [[Think("Let me see."), EDIT], [Think("Hm."), Say("So."), SUBMIT]]
    with Table(tmp_path, replies) as table:
        table.propose()
        first, second = (call.body for call in table.server.calls)
        assert second["system"] == first["system"]
        bare = [{k: v for k, v in b.items() if k != "cache_control"} for m in first["messages"]
                for b in m["content"]]  # fmt: skip
        again = second["messages"][0]["content"]
        assert again == bare


def test_a_refused_proposal_goes_on_in_its_conversation(tmp_path):
    """The gate's reason is the result of submit."""
    mended = Call("str_replace", {"old": "RATE = 0.2 ", "new": "RATE = 0.3 "})
    with Table(tmp_path, [EDIT, SUBMIT, mended, SUBMIT]) as table:
        brief = table.brief()
        first = table.claude.propose(brief)
        second = table.claude.repair(brief, first, "audit: no sockets")
        assert "RATE = 0.3" in second.source
        asked = str(table.server.calls[2].body["messages"][-1])
        assert "Refused." in asked
        assert "| audit: no sockets" in asked
        assert table.spent.by_experiment.keys() == {1}


def test_an_early_crash_goes_back_once(tmp_path):
    """The model gets the crashed source and the end of its log; an experiment that mends is not
    sent back itself, nor one that was mended."""
    crash = replace(outcome(1, 1), status="crash", levels=(), reason="boom")
    crashed = replace(experiment(1), researcher="claude")
    history = history_of(
        Proposed(crashed), Tried(crash), Judged(Verdict(1, "crash", "boom", None, 0, 0.5), "c1")
    )
    assert early_crashes(history) == [1]
    log = tmp_path / "experiments" / "0001" / "1" / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("NameError: name 'rate' is not defined\n")
    broken = SOURCE.replace("0.1 ", "0.1 * rate ")
    fix = Call("str_replace", {"old": "0.1 * rate ", "new": "0.2 "})
    sources = {0: SOURCE, 1: broken}
    with Table(tmp_path, [fix, SUBMIT], history=history, source_of=sources.__getitem__) as table:
        found = table.claude.mend(table.brief(), 1)
        assert found.mends == 1
        assert "RATE = 0.2 " in found.source
        assert "NameError: name 'rate'" in str(table.server.calls[0].body["messages"])
    mending = replace(experiment(2), mends=1)
    assert early_crashes(history.after(Entry(STAMP, Proposed(mending)))) == []
    later = [Entry(f"2026-01-31T23:0{n}:00+00:00", Proposed(experiment(n))) for n in (2, 3)]
    assert early_crashes(history.after(later[0])) == [1], "one was under way"
    assert early_crashes(history.after(later[0]).after(later[1])) == [], "it was sent back then"


# ---------------------------------------------------------------------------
# What servers do
# ---------------------------------------------------------------------------

HALF = Call("create", {"text": "x = 1\n" * 50})


@pytest.mark.parametrize(
    ("failure", "end", "is_free"),
    [
        (Fail(429, "rate_limit_error", "Slow down", {"retry-after": "0"}), "429", True),
        (Fail(429, "rate_limit_error", "Slow down", {"retry-after-ms": "5"}), "429", True),
        (Fail(429, "rate_limit_error", "Slow down"), "429", True),
        (Fail(500, "api_error", "Internal"), "500", True),
        (Fail(529, "overloaded_error", "Overloaded"), "529", True),
        (Fail(504, "timeout_error", "Gateway"), "504", False),
        (Drop(None), "no connection", False),
        (Drop(3), "stream broken", False),
        (Drop(3, reset=False), "stream broken", False),
        (CutClean(4), "reply unreadable", False),
        (CutClean("input_json_delta", HALF), "reply unreadable", False),
        (CutClean(0), "reply unreadable", False),
        (ErrorEvent("overloaded_error", "Overloaded", 3), "overloaded_error", False),
        (Garbage(), "reply unreadable", False),
        (Garbage('{"type": "mess', "application/json"), "reply unreadable", False),
        (Call("create", {}, json='{"text": "unfinis'), None, False),
        (Call("create", {}, json='{"text": nonsense}'), "reply unreadable", False),
    ],
    ids=str,
)
def test_what_passes_is_tried_again(tmp_path, failure, end, is_free):
    """The proposal comes; what the attempt may have cost is booked whole, or nothing where the
    server said no."""
    seen = []
    with Table(tmp_path, script_of(failure)) as table:
        table.clerk.record = seen.append
        found = table.propose()
        assert found.researcher == "claude"
        settled = [event for event in seen if isinstance(event, Settled)]
        if end is not None:
            assert settled[0].end.startswith(end)
            assert (settled[0].usd == 0.0) is is_free
            assert (settled[0].tokens is None) is not is_free
            assert any(MODEL in text for text in table.clerk.told)
        assert all(event.tokens is not None for event in settled[1:])
        assert not table.spent.open


def test_a_server_that_asks_for_no_wait_is_not_asked_without_end(tmp_path):
    """`retry-after: 0`, or a date that is past by its clock, thousands of times."""
    failures = [Fail(429, "rate_limit_error", "Slow down", {"retry-after": "0"})] * 200
    with Table(tmp_path, script_of(*failures), patience_s=1.0) as table:
        with contextlib.suppress(Away, Exhausted):
            table.propose()
        assert 2 <= len(table.server.requests) <= 8


def test_what_a_reply_does_not_say_is_booked_whole(tmp_path):
    """A gateway that passes on no usage: else nothing would ever reach the cap."""
    seen = []
    odd = Raw([EDIT], "tool_use", usage={"input_tokens": None, "output_tokens": None})
    with Table(tmp_path, script_of(odd)) as table:
        table.clerk.record = seen.append
        table.propose()
    reserved = next(event for event in seen if isinstance(event, Reserved))
    settled = next(event for event in seen if isinstance(event, Settled))
    assert (settled.usd, settled.tokens) == (reserved.usd, None)


def test_a_silent_stream_is_given_up(tmp_path):
    """And tried again: pings would have kept it alive."""
    script = script_of(Hang(30.0, 3), Hang(1.2, 3, pings=0.2))
    with Table(tmp_path, script, silence_s=0.6, patience_s=20.0) as table:
        assert table.propose().researcher == "claude"
        assert table.spent.total.unknown == 1


def test_a_reply_that_breaks_late_is_tried_again(tmp_path):
    """However long it took: patience is counted from the first failure."""
    with Table(tmp_path, script_of(Hang(30.0, 3)), silence_s=1.6, patience_s=1.5) as table:
        assert table.propose().researcher == "claude"


@pytest.mark.parametrize(
    ("failure", "wait_s"),
    [
        (Fail(429, "rate_limit_error", "Slow down", {"retry-after": "86400000"}), 3600.0),
        (Fail(529, "overloaded_error", "Overloaded", {"retry-after": "40"}), 40.0),
        (Fail(401, "authentication_error", "invalid key"), 0.0),
        (Fail(403, "permission_error", "not yours"), 0.0),
        (Fail(404, "not_found_error", "model: gone"), 0.0),
        (Fail(400, "invalid_request_error", "Your credit balance is too low"), 0.0),
    ],
    ids=str,
)
def test_what_does_not_pass_leaves_the_field_to_the_tuner(tmp_path, failure, wait_s):
    """At once, without a second attempt; the rows say so, and nothing was paid."""
    with Table(tmp_path, [failure]) as table:
        found = table.propose()
        assert found.researcher == STAND_IN
        assert found.kind == "constant"
        assert len(table.server.calls) == 1
        assert table.spent.total.usd == 0.0
        assert "away" in table.clerk.told[-1]
        assert table.claude.again_at - time.monotonic() == pytest.approx(wait_s, abs=5)


def test_an_outage_ends_as_it_began(tmp_path):
    """Refused connections for a while: one attempt for each proposal, then the model is back."""
    with Table(tmp_path, script_of(), patience_s=0.5) as table:
        table.server.down()
        names = [table.propose().researcher for _ in range(2)]
        assert names == [STAND_IN] * 2
        assert table.spent.total.usd == 0.0, "what was never sent cost nothing"
        calls = table.spent.total.calls
        assert calls <= 4
        table.server.up()
        assert table.propose().researcher == "claude"
        assert "claude is back" in table.clerk.told


def test_a_server_that_is_silent_for_hours_does_not_eat_the_cap(tmp_path):
    """The first call may have cost something; after it the server is only knocked at."""
    with Table(tmp_path, lambda request: Hang(20.0, None), silence_s=0.3, patience_s=0.0) as table:
        assert table.propose().researcher == STAND_IN
        assert table.spent.total.unknown == 1
        table.server.down()
        names = [table.propose().researcher for _ in range(5)]
        assert names == [STAND_IN] * 5
        assert table.spent.total.calls == 1


def test_with_nothing_to_tune_an_outage_is_waited_for(tmp_path):
    """The stand-in has no constants either: after a pause the model is asked again."""
    script = script_of(Fail(401, "authentication_error", "no"), Fail(529, "overloaded_error", "no"))
    bare = SOURCE.replace("  # [0.01, 1] log", " ")
    with Table(tmp_path, script, patience_s=0.0, source=bare) as table:
        table.claude.stand_in.pause_s = 0.1
        assert table.propose().researcher == "claude"
        assert sum("declares no constant" in text for text in table.clerk.told) == 2


def test_attempts_that_may_have_cost_something_are_few(tmp_path):
    """A proxy that answers each call with a page does not eat the cap."""
    with Table(tmp_path, lambda request: Garbage(), patience_s=1e9) as table:
        assert table.propose().researcher == STAND_IN
        assert len(table.server.calls) == UNKNOWN
        assert table.spent.total.unknown == UNKNOWN


def test_a_request_that_is_refused_is_not_sent_again(tmp_path):
    """A new conversation is; after that the tuner proposes, this once."""
    failure = Fail(400, "invalid_request_error", "messages.1: odd")
    with Table(tmp_path, script_of(failure, failure)) as table:
        assert table.propose().researcher == STAND_IN
        assert len(table.server.calls) == 2
        assert "messages.1: odd" in table.clerk.told[-1]
        assert table.propose().researcher == "claude"


@pytest.mark.parametrize(
    "failure",
    [
        Fail(413, "request_too_large", "Too large"),
        Fail(400, "invalid_request_error", "prompt is too long: 2 tokens > 1"),
        Raw([Say("I have no room")], "model_context_window_exceeded"),
    ],
    ids=str,
)
def test_what_is_too_large_is_made_smaller(tmp_path, failure):
    """The next conversation has less of the history, and says how much was cut."""
    with Table(tmp_path, script_of(failure)) as table:
        assert table.propose().researcher == "claude"
        first, second = (call.body["system"][-1]["text"] for call in table.server.calls[:2])
        assert len(second) < len(first) / 2
        assert "characters more were cut" in second


# ---------------------------------------------------------------------------
# What models do
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (Say("I would raise the rate."), "Go on with the tools"),
        (Raw([], "end_turn"), "Go on with the tools"),
        (Raw([Say("  ")], "end_turn"), "Go on with the tools"),
        (Raw([Say("half")], "max_tokens"), "cut off at its limit"),
        (Short(HALF, 40), "cut off at its limit"),
        (Raw([Say("stop")], "stop_sequence", stop_sequence="\n"), "Go on with the tools"),
        (Raw([Think("Hm."), {"type": "hologram", "data": "x"}, EDIT]), None),
        (Raw([{"type": "hologram", "data": "x"}], "end_turn"), "Go on with the tools"),
        (Call("destroy", {}), "there is no tool 'destroy'"),
        (Call("view", {"first": "one"}), "first is 'one'; it takes a integer"),
        (Call("view", {"start": 1}), "unknown start"),
        (Call("submit", {"hypothesis": "x"}), "missing expected_effect, kind"),
        (Call("str_replace", {"old": "nowhere", "new": "x"}), "the old text is not there"),
        (Call("str_replace", {"old": "\n", "new": "x"}), "stands there"),
        (Call("insert", {"line": 999, "text": "x"}), "line 999"),
        (Call("read_inspiration", {"name": "../../etc/passwd"}), "no note named"),
        (Call("read_experiment", {"id": 77, "what": "summary"}), "77"),
        (Call("write_lesson", {"text": "", "experiment": 0}), "a lesson is empty"),
        (Call("write_lesson", {"text": "x", "experiment": 5}), "no verdict yet"),
        (SUBMIT, "edit it first"),
        (Call("\udfff", {}), "there is no tool"),
    ],
    ids=str,
)
def test_a_model_is_told_what_it_did_wrong(tmp_path, odd, told):
    """And goes on: whatever stop reason, blocks, tools and arguments came."""
    with Table(tmp_path, script_of(odd)) as table:
        assert table.propose().researcher == "claude"
        if told:
            assert told in str(table.server.calls[1].body["messages"][-1])


def test_a_pause_goes_on(tmp_path):
    """The reply is sent back as it is."""
    with Table(tmp_path, script_of(Raw([Say("Wait.")], "pause_turn"))) as table:
        assert table.propose().researcher == "claude"
        assert table.server.calls[1].body["messages"][-1]["role"] == "assistant"


def test_a_refusal_ends_the_conversation_and_not_the_campaign(tmp_path):
    """Twice, and the tuner proposes in its place; what was billed counts."""
    refusal = Raw([Say("I cannot")], "refusal")
    with Table(tmp_path, [refusal, refusal]) as table:
        assert table.propose().researcher == STAND_IN
        assert "the model refused to go on" in table.clerk.told[-1]
        assert table.spent.by_experiment[1].tokens.output > 0


def test_twenty_turns_without_a_submission_are_enough(tmp_path):
    """It is told when few are left; each turn counts as money of that proposal."""
    with Table(tmp_path, lambda request: Call("view", {"first": 1, "last": 2})) as table:
        assert table.propose().researcher == STAND_IN
        assert len(table.server.calls) == 2 * TURNS
        assert table.spent.by_experiment[1].calls == 2 * TURNS
        said = [str(call.body["messages"][-1]) for call in table.server.calls]
        assert sum("turns are left" in text for text in said) == 2


def test_several_calls_in_one_reply_are_all_answered(tmp_path):
    """In order; what comes beside a submission waits for its result."""
    mended = Call("str_replace", {"old": "RATE = 0.2 ", "new": "RATE = 0.3 "})
    replies = [[EDIT, Call("view", {}), SUBMIT, SUBMIT], [mended, SUBMIT]]
    with Table(tmp_path, replies) as table:
        brief = table.brief()
        first = table.claude.propose(brief)
        assert "RATE = 0.3" in table.claude.repair(brief, first, "novelty").source
        results = table.server.calls[1].body["messages"][-1]["content"]
        assert len(results) == 4
        assert "submitted already" in str(results)


def test_lessons_are_recorded(tmp_path):
    """One of an experiment, and a notebook made short."""
    lesson = Call("write_lesson", {"text": "Rates matter.", "experiment": 0})
    short = Call("rewrite_notebook", {"text": "Rates matter.\nBatches do not."})
    with Table(tmp_path, [lesson, [short, EDIT], SUBMIT]) as table:
        table.propose()
        (kept,) = table.clerk.history.lessons
        assert kept.replaces_all
        assert kept.text == "Rates matter.\nBatches do not."


def test_a_notebook_is_not_written_over_and_over(tmp_path):
    """A model that does nothing else is told to go on: one rewriting, eight lessons."""
    short = Call("rewrite_notebook", {"text": "nonsense"})
    lesson = Call("write_lesson", {"text": "Rates matter."})
    with Table(tmp_path, [[short, short], [lesson] * 9, EDIT, SUBMIT]) as table:
        table.propose()
        assert len(table.clerk.history.lessons) == 1 + 8
        said = [str(call.body["messages"][-1]) for call in table.server.calls]
        assert "rewritten already" in said[1]
        assert "8 lessons are enough" in said[2]


# ---------------------------------------------------------------------------
# Money, keys, ends
# ---------------------------------------------------------------------------


def test_the_cap_stops_before_the_call(tmp_path):
    """No request is sent that could pass it."""
    with Table(tmp_path, script_of(), history=history_of(max_usd=0.5)) as table:
        with pytest.raises(OutOfMoney, match="the cap on dollars"):
            table.propose()
        assert table.server.calls == []
        assert issubclass(OutOfMoney, Exhausted)


def test_the_key_is_nowhere(tmp_path):
    """A server that sends it back, in an error and in a reply, finds it taken out."""
    key = MessagesServer().key
    early = Fail(500, "api_error", f"{'x' * 280}{key} was refused, {key}")  # cut amid the key
    echo = Fail(500, "api_error", "Odd.", echo=True)
    told = Raw([Say(f"Your key is {key}"), EDIT])
    with Table(tmp_path, script_of(early, echo, told)) as table:
        seen = []
        table.clerk.record = seen.append
        table.propose()
        transcript = path_of(tmp_path, 1).read_text()
        assert "[key]" in transcript
        assert any("[key]" in text for text in table.clerk.told)
        assert "[key]" in str(table.server.calls[3].body["messages"])
        for text in (transcript, str(seen), *table.clerk.told, repr(Access(key, "", "x"))):
            assert key[:12] not in text


def test_the_end_of_a_campaign_ends_the_thought(tmp_path):
    """Amid a stream; what the call may have cost stays reserved."""
    with Table(tmp_path, script_of(Hang(30.0, 3, pings=0.1))) as table:
        Timer(0.5, table.clerk.halt.set).start()
        began = time.monotonic()
        with pytest.raises(Halted):
            table.propose()
        assert time.monotonic() - began < 10, "a campaign does not wait for a thought"
        assert len(table.spent.open) == 1


def test_what_a_preflight_says_reaches_the_model(tmp_path):
    """The traceback is the tool's result."""
    flights = iter([Flight("failed", "NameError: rate"), Flight("unproven", "it took long")])
    replies = [EDIT, Call("preflight", {}), Call("create", {"text": SOURCE + "A = 1\n"}),
               Call("preflight", {}), SUBMIT]  # fmt: skip
    with Table(tmp_path, replies, try_out=lambda source: next(flights)) as table:
        table.propose()
        said = [str(call.body["messages"][-1]) for call in table.server.calls]
        assert "| NameError: rate" in said[2]
        assert "unproven: it took long" in said[4]


def test_a_key_is_checked_before_anything_is_begun():
    """Wrong: the remedy. No list of models at an address of one's own, no answer: no obstacle."""
    with MessagesServer([]) as server:
        good = Access(server.key, "", server.url)
        assert check(good, MODEL) == ""
        assert check(good, "a model of one's own") == ""
        with pytest.raises(Misuse, match="set ANTHROPIC_API_KEY"):
            check(Access("sk-wrong", "", server.url), MODEL)
        server.down()
        assert "does not answer yet" in check(good, MODEL)


class Forgetful(BaseHTTPRequestHandler):
    """Promises to keep its connections, and answers one request on each."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        said = json.dumps({"id": "m", "type": "model", "created_at": STAMP, "display_name": "M"})
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())
        self.connection.recv(1)  # the next request, or that the client is gone
        self.close_connection = True

    def log_message(self, *words):
        pass


def test_no_call_is_lost_on_a_connection_that_was_kept():
    """A server may drop it as the next request comes, and that call could have cost something."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Forgetful) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        client = Access("k", "", f"http://127.0.0.1:{server.server_port}").client()
        assert [client.models.retrieve("m").id for _ in range(3)] == ["m"] * 3
        server.shutdown()


def test_inspirations_are_offered_from_the_next_proposal_on(tmp_path):
    """A file that a person drops in while the campaign runs is in the index, and can be read."""
    folder = tmp_path / "inspirations"
    folder.mkdir()
    read = Call("read_inspiration", {"name": "mine.md"})
    with Table(tmp_path, [EDIT, SUBMIT, read, EDIT, SUBMIT]) as table:
        table.propose()
        (folder / "mine.md").write_text("# An idea of mine\n\nTry wider memory.\n")
        table.propose()
        first, second = (str(table.server.calls[n].body["system"]) for n in (0, 2))
        assert "An idea of mine" in second
        assert "An idea of mine" not in first
        assert "Try wider memory" in str(table.server.calls[3].body["messages"])
