"""The scripted Messages server, seen through the real SDK: what it says, refuses, bills, breaks."""

import contextlib
import copy
import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor

import anthropic
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_cache import LIFETIMES, SMALLEST, PrefixCache, prompt_of
from messages_rules import Refused, check
from messages_server import (
    MODELS,
    Call,
    Campaign,
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
    Usage,
)

MODEL = "claude-opus-5-5"
TOOL = {"name": "edit", "description": "Edit.", "input_schema": {"type": "object"}}
FIVE, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
KEY = "sk-ant-of-a-test"
CLIENT = anthropic.Anthropic(api_key=KEY, base_url="http://127.0.0.1:9", max_retries=0, timeout=20)
REASONS = (
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)


def asked(**changes):
    body = {"model": MODEL, "max_tokens": 4000, "tools": [TOOL], "messages": [user("Begin.")]}
    return {key: value for key, value in (body | changes).items() if value is not None}


def user(*content):
    blocks = [text(part) if isinstance(part, str) else part for part in content]
    return {"role": "user", "content": blocks}


def text(words, **more):
    return {"type": "text", "text": words} | more


def result(name, words="ok"):
    return {"type": "tool_result", "tool_use_id": name, "content": words}


def use(name, **more):
    return {"type": "tool_use", "id": name, "name": "edit", "input": {}} | more


def assistant(*content):
    return {"role": "assistant", "content": list(content)}


def said(message):
    return assistant(*(block.to_dict() for block in message.content))


def at(server, **options):
    return CLIENT.with_options(base_url=server.url, **options)


def stream(server, *, timeout=20, **changes):
    with at(server, timeout=timeout).messages.stream(**asked(**changes)) as events:
        return events.get_final_message()


def post(server, body, *, key=KEY, path="/v1/messages", **headers):
    sent = {"authorization": f"Bearer {key}", "anthropic-version": "2026-10-21"} | headers
    sent = {name: value for name, value in sent.items() if value}
    data = {"content": body} if isinstance(body, bytes) else {"json": body}
    return httpx2.post(server.url + path, headers=sent, timeout=20, **data)


# --- what it says ---


def test_a_streamed_message_is_what_was_scripted():
    """Thinking, text and several calls arrive as the SDK's own blocks, with their usage."""
    calls = [Call("edit", {"old": "ä\n" * 100, "n": [1, None]}, "First."), Call("edit", {})]
    with MessagesServer([[Think("Hm.", tokens=50), Say("So:"), *calls]]) as server:
        message = stream(server)
    kinds = [block.type for block in message.content]
    assert kinds == ["thinking", "text", "text", "tool_use", "tool_use"]
    assert message.content[3].input == {"old": "ä\n" * 100, "n": [1, None]}
    assert message.content[3].id != message.content[4].id
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens_details.thinking_tokens == 50
    assert message.usage.output_tokens > 50
    assert server.billed.output == message.usage.output_tokens
    assert server.billed.input == message.usage.input_tokens
    record = server.calls[0]
    assert (record.ended, record.status, record.path) == ("complete", 200, "/v1/messages")
    assert record.headers["authorization"] == f"Bearer {KEY}"


def test_a_message_without_a_stream_is_the_same():
    """With stream off the JSON holds the message that the stream would have ended with."""
    with MessagesServer(lambda request: [Say("Yes."), Call("edit", {"a": 1}, id="one")]) as server:
        streamed = stream(server)
        whole = at(server).messages.create(**asked())
    assert said(whole) == said(streamed)
    assert whole.stop_reason == streamed.stop_reason
    assert whole.usage.output_tokens == streamed.usage.output_tokens


def test_events_come_in_the_order_of_the_api():
    """The raw stream has the API's events, with a ping, and its content types."""
    with MessagesServer([[Think("a"), Call("edit", {"a": "b"})]]) as server:
        answer = post(server, asked(stream=True))
    names = [line[7:] for line in answer.text.splitlines() if line.startswith("event: ")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert names.count("content_block_start") == names.count("content_block_stop") == 2


@pytest.mark.parametrize("reason", REASONS)
def test_every_stop_reason(reason):
    """Each of the seven stop reasons can be scripted, a refusal with its details."""
    details = {"type": "refusal", "category": "bio", "explanation": "No."}
    reply = Raw([Say("x")], reason, stop_sequence="END", stop_details=details)
    with MessagesServer([reply]) as server:
        message = stream(server)
    assert message.stop_reason == reason
    assert message.stop_sequence == "END"
    assert message.stop_details.category == "bio"


def test_max_tokens_cuts_a_tool_use_in_half():
    """What is longer than max_tokens is cut there, and never billed beyond it."""
    long = Call("edit", {"a": "x", "text": "y" * 1000})
    with MessagesServer([Short(long, 20), long, [Say("z" * 100), long]]) as server:
        for most in (4000, 30, 25):
            message = stream(server, max_tokens=most)
            assert message.stop_reason == "max_tokens"
            assert message.usage.output_tokens <= min(most, 30)
        assert [block.type for block in message.content] == ["text"]
    inputs = [record.message["content"][0] for record in server.calls[:2]]
    assert all(block["input"] == {} for block in inputs)


def test_unknown_blocks_empty_content_and_broken_json():
    """Blocks of an unknown type, no blocks at all, and JSON that is none come as scripted."""
    news = {"type": "news", "headline": "x"}
    broken = Call("edit", {}, json='{"a": ]')
    with MessagesServer([Raw([news, Say("a")]), Raw([]), broken]) as server:
        message = stream(server)
        assert message.content[0].to_dict() == news
        assert stream(server).content == []
        with pytest.raises(ValueError, match="Unable to parse tool parameter JSON"):
            stream(server)


def test_usage_can_be_overridden():
    """A server that leaves out, or inflates, parts of the usage."""
    odd = {"cache_creation": None, "cache_read_input_tokens": None, "output_tokens": 777}
    with MessagesServer([Raw([Say("x")], usage=odd)]) as server:
        usage = stream(server).usage
    assert (usage.cache_creation, usage.cache_read_input_tokens) == (None, None)
    assert usage.output_tokens == server.billed.output == 777


def test_models_and_count_tokens():
    """models.list, models.retrieve and count_tokens answer; an unknown model is not found."""
    with MessagesServer([Say("x")]) as server:
        client = at(server)
        assert MODEL in [model.id for model in client.models.list()]
        assert client.models.retrieve(MODEL).max_tokens == 128_000
        with pytest.raises(anthropic.NotFoundError):
            client.models.retrieve("claude-0")
        body = asked(max_tokens=None)
        counted = client.messages.count_tokens(**body).input_tokens
        assert counted == stream(server).usage.input_tokens
        assert server.billed.input == counted  # counting costs nothing
    lacking = MessagesServer(missing=["/v1/messages/count_tokens"])
    with lacking, pytest.raises(anthropic.NotFoundError):
        at(lacking).messages.count_tokens(**body)


def test_the_script_sees_the_request():
    """A script reads texts, tools, results and errors of the request that it answers."""
    seen = []

    def script(request):
        seen.append(request)
        return Call("edit", {"a": 1}, id="one") if request.is_fresh else Say("Done.")

    with MessagesServer(script) as server:
        first = stream(server, system="Be good.")
        failed = result("one", "no such line") | {"is_error": True}
        turns = [user("Begin."), said(first), user(failed, "Go on.")]
        assert stream(server, system="Be good.", messages=turns).content[0].text == "Done."
    assert [request.number for request in seen] == [0, 1]
    assert (seen[0].system, seen[0].tools, seen[0].last_text) == ("Be good.", ["edit"], "Begin.")
    assert seen[0].last_result == ""
    assert seen[1].results == {"one": "no such line"}
    assert (seen[1].failed, seen[1].last_text) == ({"one"}, "Go on.")
    assert seen[1].last_result == "no such line"


def test_an_error_of_the_script_is_raised_where_the_server_ends():
    """A script that fails, or that has no reply left, cannot go unnoticed."""

    def script(request):
        raise AssertionError(request.last_text)

    for bad, kind in ((script, AssertionError), ([], RuntimeError), ([object()], TypeError)):
        with pytest.raises(kind), MessagesServer(bad) as server:  # noqa: PT012
            with pytest.raises(anthropic.InternalServerError):
                stream(server)
            assert len(server.errors) == 1


# --- what it refuses ---

BOTH = [user("a"), assistant(use("one"))]
MARKED = text("x", cache_control=FIVE)
REFUSED = {
    "unknown model": ({"model": "claude-0"}, "model: claude-0"),
    "no max_tokens": ({"max_tokens": None}, "max_tokens: Field required"),
    "no tokens": ({"max_tokens": 0}, "greater than or equal to 1"),
    "too many tokens": ({"max_tokens": 128_001}, "max_tokens: 128001"),
    "no message": ({"messages": []}, "at least one message"),
    "temperature": ({"temperature": 1.0}, "temperature"),
    "top_p": ({"top_p": 0.9}, "top_p"),
    "top_k": ({"top_k": 5}, "top_k"),
    "unknown field": ({"colour": 1}, "colour: Extra inputs"),
    "any tool": ({"tool_choice": {"type": "any"}}, "tool_choice"),
    "one tool": ({"tool_choice": {"type": "tool", "name": "edit"}}, "tool_choice"),
    "thinking off": ({"thinking": {"type": "disabled"}}, "thinking.type.disabled"),
    "thinking budget": ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "enabled"),
    "unknown effort": ({"output_config": {"effort": "huge"}}, "effort"),
    "prefill": ({"messages": [user("a"), assistant(text("Sure:"))]}, "prefill"),
    "no result": ({"messages": [*BOTH, user("b")]}, "without `tool_result` blocks"),
    "late result": ({"messages": [*BOTH, user("b"), user(result("one"))]}, "without `tool_result`"),
    "text before result": ({"messages": [*BOTH, user("b", result("one"))]}, "without"),
    "result of nothing": ({"messages": [user(result("one"))]}, "unexpected `tool_use_id`"),
    "result twice": ({"messages": [*BOTH, user(result("one"), result("one"))]}, "unexpected"),
    "result of another": (
        {"messages": [*BOTH, user(result("one"), result("two"))]},
        "unexpected `tool_use_id`",
    ),
    "same id twice": (
        {"messages": [user("a"), assistant(use("one"), use("one")), user(result("one"))]},
        "must be unique",
    ),
    "same id again": (
        {"messages": [*BOTH, user(result("one")), *BOTH[1:], user(result("one"))]},
        "must be unique",
    ),
    "text as input": (
        {"messages": [user("a"), assistant(use("one", input='{"a": ')), user(result("one"))]},
        "tool_use.input",
    ),
    "field of the SDK": (
        {"messages": [user("a"), assistant(text("b", parsed_output=None)), user("c")]},
        "Extra inputs",
    ),
    "empty text": ({"messages": [user("")]}, "must be non-empty"),
    "empty system text": ({"system": [text("")]}, "must be non-empty"),
    "spaces": ({"messages": [user(" \n")]}, "more than spaces"),
    "empty content": ({"messages": [user()]}, "non-empty content"),
    "five breakpoints": ({"messages": [user(*[MARKED] * 5)]}, "Found 5"),
    "five with the last": ({"messages": [user(*[MARKED] * 4)], "cache_control": FIVE}, "Found 5"),
    "long after short": (
        {"system": [MARKED], "messages": [user(text("x", cache_control=HOUR))]},
        "must not come after",
    ),
    "odd lifetime": (
        {"messages": [user(text("x", cache_control={"type": "ephemeral", "ttl": "2h"}))]},
        "ttl",
    ),
    "unknown block": ({"messages": [user({"type": "news"})]}, "expected tags"),
    "same tool twice": ({"tools": [TOOL, TOOL]}, "unique"),
    "no schema": ({"tools": [{"name": "edit"}]}, "input_schema"),
    "no tools": ({"tools": None, "messages": [*BOTH, user(result("one"))]}, "tools"),
    "words for messages": ({"messages": "hello"}, "valid list"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_api_refuses(case):
    """A wrong request is refused in the API's error shape, costs nothing and asks no script."""
    change, words = REFUSED[case]
    with MessagesServer() as server:
        answer = post(server, asked(stream=True, **change))
    error = answer.json()
    assert (error["type"], error["request_id"]) == ("error", answer.headers["request-id"])
    is_model = case == "unknown model"
    assert answer.status_code == (404 if is_model else 400)
    assert error["error"]["type"] == ("not_found_error" if is_model else "invalid_request_error")
    assert words in error["error"]["message"]
    assert server.billed == Usage()
    assert server.calls[0].reply is None
    assert server.calls[0].error == error["error"]["message"]


def test_right_requests_are_not_refused():
    """The near twins of what is refused: each is answered."""
    four = [text("x", cache_control=HOUR)] * 2 + [MARKED] * 2
    right = [
        {"max_tokens": 128_000},
        {"tool_choice": {"type": "auto"}, "output_config": {"effort": "max"}},
        {"thinking": {"type": "adaptive"}},
        {"model": "claude-haiku-5-5", "thinking": {"type": "disabled"}},
        {"messages": [*BOTH, user(result("one"), "b")]},
        {"messages": [*BOTH, user(result("one")), user("b")]},
        {"messages": [*BOTH, user(result("one", "") | {"is_error": True})]},
        {"messages": [user(*four)]},
        {"system": [MARKED], "messages": [user(MARKED)], "cache_control": FIVE},
        {"messages": [{"role": "user", "content": "plain"}], "system": "plain"},
        {"metadata": {"user_id": "x"}, "stop_sequences": ["END"]},
    ]
    with MessagesServer(lambda request: Say("Yes.")) as server:
        for change in right:
            assert stream(server, **change).stop_reason == "end_turn"


NOISE = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.text("a1 {", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "id"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value, path=()):
    """The path to each value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        yield (*path, key)
        if isinstance(part, dict | list):
            yield from places(part, (*path, key))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_request_is_odd_enough_to_break_the_server(data):
    """Whatever stands anywhere in a right request, it is right still or it is refused."""
    inner = result("one") | {"content": [text("b", cache_control=FIVE)]}
    body = asked(
        thinking={"type": "adaptive"},
        tool_choice={"type": "auto"},
        system=[text("a", cache_control=HOUR)],
        messages=[user("a"), assistant(use("one", input={"a": [1]})), user(inner, "c")],
        cache_control=FIVE,
    )
    body = copy.deepcopy(body)
    check(body, MODELS)
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(list(places(body))))
        holder = body
        for key in way:
            holder = holder[key]
        holder[last] = data.draw(NOISE)
    with contextlib.suppress(Refused):
        assert check(body, MODELS).total > 0


def test_a_prompt_beyond_the_context_window_is_refused():
    """More tokens than the model's window are too many, and are not billed."""
    small = {MODEL: dataclasses.replace(MODELS[MODEL], context=100)}
    with MessagesServer([Say("x")], models=small) as server:
        with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
            stream(server, messages=[user("x" * 400)])
        assert stream(server).stop_reason == "end_turn"


def test_many_requests_at_once_are_each_answered():
    """Requests side by side get a reply each, and the bill has them all."""
    server = MessagesServer(Say(str(number)) for number in range(40))
    with server, ThreadPoolExecutor(8) as pool:
        messages = list(pool.map(lambda _: stream(server), range(40)))
    assert sorted(int(message.content[0].text) for message in messages) == list(range(40))
    assert server.billed.input == sum(message.usage.input_tokens for message in messages)
    assert sorted(record.number for record in server.calls) == list(range(40))


def test_keys_versions_and_sizes():
    """A wrong or absent key is 401, no version 400, no JSON 400 and more than 32 MB 413."""
    with MessagesServer([Say("x")]) as server:
        wrong = CLIENT.with_options(base_url=server.url, api_key="sk-wrong")
        with pytest.raises(anthropic.AuthenticationError, match="invalid API key"):
            wrong.models.list()
        assert post(server, asked(), authorization=None).status_code == 401
        assert post(server, asked(), **{"anthropic-version": None}).status_code == 400
        assert post(server, b'{"model": ').status_code == 400
        assert post(server, asked(), path="/v1/complete").status_code == 404
        with pytest.raises(anthropic.ContentTooLargeError) as caught:
            stream(server, messages=[user("x" * (32 << 20))])
        assert caught.value.type == "request_too_large"
        assert stream(server, messages=[user("x" * (3 << 20))]).stop_reason == "end_turn"


def conversation(server, thinking):
    first = stream(server, thinking=thinking)
    turns = [user("Begin."), said(first), user(result("one"))]
    second = stream(server, thinking=thinking, messages=turns)
    return [*turns, said(second), user(result("two"))]


THOUGHTS = [
    [Think("Deep."), Say("So."), Call("edit", {"b": 1, "a": [2]}, id="one")],
    [Think("Deeper."), Say("Now."), Think("Deepest."), Call("edit", {}, id="two")],
]


@pytest.mark.parametrize("display", ["summarized", "omitted"])
def test_thinking_is_taken_back_as_it_was(display):
    """An unchanged conversation goes on, shown or not, wherever its breakpoints are now."""
    thinking = {"type": "adaptive", "display": display}
    with MessagesServer([*THOUGHTS, Say("Done."), Say("Done.")]) as server:
        turns = conversation(server, thinking)
        shown = [block["thinking"] for block in (turns[1]["content"][0], turns[3]["content"][0])]
        assert shown == (["Deep.", "Deeper."] if display == "summarized" else ["", ""])
        assert stream(server, thinking=thinking, messages=turns).content[0].text == "Done."
        turns[0]["content"][0]["cache_control"] = HOUR
        turns[4]["content"][0]["cache_control"] = FIVE
        assert stream(server, thinking=thinking, messages=turns).content[0].text == "Done."


EDITS = {
    "first message": lambda turns: turns[0]["content"][0].update(text="Begin!"),
    "result": lambda turns: turns[2]["content"][0].update(content="fine"),
    "text between": lambda turns: turns[1]["content"][1].update(text="Thus."),
    "input": lambda turns: turns[1]["content"][2]["input"].update(a=[3]),
    "thinking left out": lambda turns: turns[1]["content"].pop(0),
    "trimmed": lambda turns: turns.__delitem__(slice(1, 3)),
}


@pytest.mark.parametrize("case", EDITS)
def test_thinking_is_bound_to_all_before_it(case):
    """An edit anywhere before a thinking block is refused as another conversation."""
    with MessagesServer(THOUGHTS) as server:
        turns = conversation(server, {"type": "adaptive", "display": "summarized"})
        EDITS[case](turns)
        with pytest.raises(anthropic.BadRequestError, match="bound to a different conversation"):
            stream(server, messages=turns)


def test_thinking_is_bound_to_system_and_tools_and_to_its_own_words():
    """Other tools or another system refuse it; so does a changed or invented block."""
    with MessagesServer(THOUGHTS) as server:
        turns = conversation(server, {"type": "adaptive", "display": "summarized"})
        for change in ({"system": "New."}, {"tools": [TOOL | {"description": "Other."}]}):
            with pytest.raises(anthropic.BadRequestError, match="bound to a different"):
                stream(server, messages=turns, **change)
        changed, forged, marked = (copy.deepcopy(turns) for _ in range(3))
        changed[1]["content"][0]["thinking"] = "Shallow."
        forged[1]["content"][0]["signature"] = "abcd"
        marked[1]["content"][0]["cache_control"] = FIVE
        for bad, words in (
            (changed, "cannot be modified"),
            (forged, "Invalid `signature`"),
            (marked, "thinking.cache_control: Extra inputs"),
        ):
            with pytest.raises(anthropic.BadRequestError, match=words):
                stream(server, messages=bad)


def test_a_paused_turn_may_be_sent_back():
    """After pause_turn a request may end with the assistant's turn, and with no other."""
    with MessagesServer([Raw([Say("Wait.")], "pause_turn"), Say("Done.")]) as server:
        paused = said(stream(server))
        assert stream(server, messages=[user("Begin."), paused]).content[0].text == "Done."
        with pytest.raises(anthropic.BadRequestError, match="prefill"):
            stream(server, messages=[user("Begin."), assistant(text("Other."))])


# --- how it breaks ---


def test_http_errors_are_the_sdks_exceptions():
    """Each status is the exception of its kind, with retry-after and type where they are."""
    kinds = {
        400: anthropic.BadRequestError,
        403: anthropic.PermissionDeniedError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        529: anthropic.OverloadedError,
    }
    replies = [Fail(status, "odd_error", "Odd.", {"retry-after": "7"}) for status in kinds]
    with MessagesServer(replies) as server:
        for kind in kinds.values():
            with pytest.raises(kind) as caught:
                stream(server)
            assert caught.value.response.headers["retry-after"] == "7"
            assert (caught.value.type, caught.value.api_message) == ("odd_error", "Odd.")
    assert server.billed == Usage()
    assert [record.status for record in server.calls] == list(kinds)


def test_an_error_can_echo_the_key():
    """An error body that repeats the Authorization header, to prove that it is scrubbed."""
    server = MessagesServer([Fail(400, "invalid_request_error", "Bad.", echo=True)])
    with server, pytest.raises(anthropic.BadRequestError, match=KEY):
        stream(server)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Drop(4), httpx2.ReadError),
        (Drop(0), httpx2.ReadError),
        (Drop(None), anthropic.APIConnectionError),
        (Drop(None, reset=False), anthropic.APIConnectionError),
        (Drop(4, reset=False), httpx2.RemoteProtocolError),
        (Drop("input_json_delta", Call("edit", {"a": "b"})), httpx2.ReadError),
        (ErrorEvent(after_events=4), anthropic.APIStatusError),
        (ErrorEvent(after_events=None), anthropic.OverloadedError),
    ],
    ids=str,
)
def test_a_broken_stream_is_an_error_and_billed(reply, error):
    """A reset, a half body and an error event raise, and what was begun is billed whole."""
    with MessagesServer([reply]) as server, pytest.raises(error):
        stream(server)
    record = server.calls[0]
    assert record.ended == "misbehaved"
    assert server.billed.input > 0
    assert server.billed.output == record.message["usage"]["output_tokens"] > 1


@pytest.mark.parametrize("after", [1, 4, -2])
def test_a_clean_cut_is_no_error_but_has_no_stop_reason(after):
    """A stream that just ends gives a partial message whose stop_reason is None."""
    with MessagesServer([CutClean(after)]) as server:
        message = stream(server)
    assert message.stop_reason is None
    assert message.usage.output_tokens == 1 < server.billed.output


def test_a_clean_cut_within_a_tool_use():
    """Cut within its JSON, a call looks whole and lacks what had not arrived."""
    call = Call("edit", {"first": 1, "second": "x" * 200})
    with MessagesServer([CutClean("input_json_delta", call)]) as server:
        message = stream(server)
    assert message.stop_reason is None
    assert message.content[0].type == "tool_use"
    assert message.content[0].input == {"first": 1}


def test_a_stall_is_a_timeout_unless_pings_hide_it():
    """A stall ends in a read timeout; one with pings lasts as long as it likes."""
    with MessagesServer([Hang(30, 4), Hang(30, None), Hang(1.0, 4, pings=0.1)]) as server:
        with pytest.raises(httpx2.ReadTimeout):
            stream(server, timeout=0.4)
        with pytest.raises(anthropic.APITimeoutError):
            stream(server, timeout=0.4)
        begun = time.monotonic()
        assert stream(server, timeout=0.4).stop_reason == "end_turn"
        assert time.monotonic() - begun >= 1.0
        begun = time.monotonic()
    assert time.monotonic() - begun < 5  # the ones that still hang do not hold it up


def test_answers_that_are_not_the_apis():
    """HTML or broken JSON with status 200: no message comes out of it, and nothing is billed."""
    cut = Garbage('event: message_start\ndata: {"type": "mess\n\n', "text/event-stream")
    with MessagesServer([Garbage(), cut, Garbage(status=502), Garbage('{"id": ')]) as server:
        with pytest.raises(AssertionError):
            stream(server)
        with pytest.raises(ValueError, match="Unterminated string"):
            stream(server)
        with pytest.raises(anthropic.InternalServerError, match="502 Bad Gateway"):
            stream(server)
        answer = post(server, asked())
    assert answer.text == '{"id": '
    assert server.billed == Usage()


def test_without_a_stream_the_same_ways_to_break():
    """A message that is not streamed can be reset, cut, refused and delayed as well."""
    replies = [Drop(3), CutClean(3), ErrorEvent("rate_limit_error"), Hang(0.2)]
    with MessagesServer(replies) as server:
        create = at(server).messages.create
        for error in (
            anthropic.APIConnectionError,
            anthropic.APIConnectionError,
            anthropic.RateLimitError,
        ):
            with pytest.raises(error):
                create(**asked())
        assert create(**asked()).stop_reason == "end_turn"


def test_down_and_up_again_on_the_same_port():
    """While it is down connections are refused; up again it is the same server."""
    with MessagesServer(lambda request: Say(str(request.number))) as server:
        url = server.url
        assert stream(server).content[0].text == "0"
        server.down()
        with pytest.raises(anthropic.APIConnectionError):
            stream(server)
        server.up()
        assert server.url == url
        assert stream(server).content[0].text == "1"
    with pytest.raises(anthropic.APIConnectionError):
        stream(server)


def test_a_client_that_leaves_is_noticed():
    """A client that leaves in the middle of a reply is recorded, and the reply is billed."""
    with MessagesServer([Hang(30, 4, pings=0.02)]) as server:
        with at(server).messages.stream(**asked()) as events:
            next(iter(events))
        deadline = time.monotonic() + 10
        while server.calls[0].ended == "waiting" and time.monotonic() < deadline:
            time.sleep(0.01)
    assert server.calls[0].ended == "client left"
    assert server.billed.output > 1


# --- what it bills ---

LONG = "A sentence of the brief that stays the same. " * 60  # more than 512 tokens


def test_a_cached_prefix_is_billed_as_a_read_through_the_sdk():
    """Written, read, refreshed by the read, and gone five minutes after the last one."""
    system = [text(LONG, cache_control=FIVE)]
    with MessagesServer(lambda request: Say("x")) as server:
        first = stream(server, system=system).usage
        assert first.cache_creation_input_tokens > SMALLEST
        assert first.cache_creation.ephemeral_5m_input_tokens == first.cache_creation_input_tokens
        assert first.cache_read_input_tokens == 0
        for seconds in (299, 299):
            server.clock.advance(seconds)
            again = stream(server, system=system, messages=[user("Other.")]).usage
            assert again.cache_read_input_tokens == first.cache_creation_input_tokens
            assert again.cache_creation_input_tokens == 0
        server.clock.advance(300)
        assert stream(server, system=system).usage.cache_read_input_tokens == 0
        server.clock.now += 1
        other = stream(server, system=system, model="claude-haiku-5-5").usage
        assert other.cache_read_input_tokens == 0
        hour = stream(server, system=[text(LONG + "!", cache_control=HOUR)]).usage
        assert hour.cache_creation.ephemeral_1h_input_tokens == hour.cache_creation_input_tokens
        server.clock.advance(3599)
        late = stream(server, system=[text(LONG + "!", cache_control=HOUR)]).usage
        assert late.cache_read_input_tokens == hour.cache_creation_input_tokens
    times = [record.time for record in server.calls]
    assert times == sorted(times)
    assert times[-1] == 299 + 299 + 300 + 1 + 3599
    usages = [record.usage for record in server.calls]
    assert server.billed == sum(usages, Usage())
    assert server.billed.write_1h == hour.cache_creation_input_tokens


def test_a_conversation_that_grows_is_read_by_a_top_level_breakpoint():
    """With cache_control on the request each turn reads the one before."""
    with MessagesServer(lambda request: Say("And?")) as server:
        turns, read = [user(LONG)], 0
        for _ in range(4):
            message = stream(server, messages=turns, cache_control=FIVE)
            assert message.usage.cache_read_input_tokens == read
            read += message.usage.cache_creation_input_tokens
            turns += [said(message), user("More.")]
        assert read > SMALLEST


def test_a_short_prompt_is_not_cached():
    """Below 512 tokens nothing is cached, and nothing says so."""
    cache = PrefixCache()
    for words, cached in ((4 * SMALLEST - 60, 0), (4 * SMALLEST, 1)):
        body = asked(tools=[], messages=[user(text("x" * words, cache_control=FIVE))])
        prompt = prompt_of(body)
        assert (prompt.total >= SMALLEST) == bool(cached)
        for now in (0, 1):
            usage = cache.charge(prompt, now)
        assert (usage.read > 0) == bool(cached)


def test_a_prefix_is_found_twenty_blocks_before_the_breakpoint_and_no_further():
    """Twenty blocks more are bridged, twenty-one are not."""
    for more in (20, 21):
        cache = PrefixCache()
        first = [text(LONG, cache_control=FIVE)]
        written = cache.charge(prompt_of(asked(messages=[user(*first)])), 0)
        grown = [text(LONG), *[text(str(n)) for n in range(more)]]
        grown[-1]["cache_control"] = FIVE
        usage = cache.charge(prompt_of(asked(messages=[user(*grown)])), 1)
        assert usage.read == (written.write_5m if more == 20 else 0)


def test_a_read_does_not_make_a_short_life_long():
    """An hour's breakpoint on what five minutes' wrote is a read: nothing more was paid for."""
    cache = PrefixCache()
    bodies = [asked(messages=[user(text(LONG, cache_control=mark))]) for mark in (FIVE, HOUR)]
    cache.charge(prompt_of(bodies[0]), 0)
    assert cache.charge(prompt_of(bodies[1]), 10).write_1h == 0
    assert cache.charge(prompt_of(bodies[1]), 10 + 301).read == 0


def test_a_breakpoint_inside_what_was_read_is_cached_for_nothing():
    """It costs no write, is found by itself later, and lives as long as what covered it."""
    cache = PrefixCache()
    whole = [text(LONG), text(LONG, cache_control=FIVE)]
    inner = [text(LONG, cache_control=HOUR), text(LONG, cache_control=FIVE)]
    alone = [text(LONG, cache_control=HOUR), text("Other.")]
    prompts = [prompt_of(asked(messages=[user(*blocks)])) for blocks in (whole, inner, alone)]
    cache.charge(prompts[0], 0)
    usage = cache.charge(prompts[1], 10)
    assert (usage.write_5m, usage.write_1h, usage.read) == (0, 0, prompts[1].total)
    assert cache.charge(prompts[2], 20).read == prompts[2].tokens[1]
    assert cache.charge(prompts[2], 20 + 300).read == 0


def test_settings_of_the_messages_keep_the_system():
    """Another tool_choice or effort is another conversation, after the same tools and system."""
    cache = PrefixCache()
    body = asked(
        system=[text(LONG, cache_control=FIVE)], messages=[user(text(LONG, cache_control=FIVE))]
    )
    cache.charge(prompt_of(body), 0)
    whole = cache.charge(prompt_of(body), 1).read
    other = cache.charge(prompt_of(body | {"output_config": {"effort": "low"}}), 2)
    assert 0 < other.read < whole


WORDS = st.text("ab ", min_size=1, max_size=4).map(lambda words: words * 120)
BLOCKS = st.lists(WORDS, min_size=1, max_size=12)


@st.composite
def bodies(draw):
    """A request with any blocks, and breakpoints in a right order on some of them."""
    tools, system, words = draw(st.lists(WORDS, max_size=2)), draw(BLOCKS), draw(BLOCKS)
    body = {
        "model": MODEL,
        "tools": [TOOL | {"name": f"t{n}", "description": d} for n, d in enumerate(tools)],
        "system": [text(part) for part in system],
        "messages": [user(part) for part in words],
    }
    blocks = all_blocks(body)
    marked = sorted(draw(st.sets(st.integers(0, len(blocks) - 1), max_size=4)))
    hours = draw(st.integers(0, len(marked)))
    for number, place in enumerate(marked):
        blocks[place]["cache_control"] = HOUR if number < hours else FIVE
    return body


def all_blocks(body):
    inner = [message["content"] for message in body["messages"]]
    return [*body["tools"], *body["system"], *(block for blocks in inner for block in blocks)]


def after_last_mark(body):
    """Tokens behind the last breakpoint that is far enough from the start to be cached."""
    prompt = prompt_of(body)
    cached = [place for place in prompt.marks if prompt.tokens[place] >= SMALLEST]
    return prompt.total - (prompt.tokens[max(cached)] if cached else 0)


def total(usage):
    return usage.input + usage.write_5m + usage.write_1h + usage.read


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(bodies(), st.floats(0, 4000)), min_size=1, max_size=6))
def test_read_created_and_other_input_add_up(requests):
    """Whatever was cached before, the kinds of input add up to the prompt, and none is negative."""
    cache, now = PrefixCache(), 0.0
    for body, seconds in requests:
        now += seconds
        usage = cache.charge(prompt_of(body), now)
        assert total(usage) == prompt_of(body).total
        assert min(usage.input, usage.write_5m, usage.write_1h, usage.read) >= 0
        assert usage.input == after_last_mark(body)


@settings(max_examples=80, deadline=None)
@given(bodies(), st.floats(0, 299.9), st.integers(1, 5))
def test_a_repeated_request_reads_all_up_to_its_last_breakpoint(body, seconds, times):
    """Within the lifetime since the last use, an identical request writes nothing."""
    cache, prompt = PrefixCache(), prompt_of(body)
    cache.charge(prompt, 0.0)
    for number in range(1, times + 1):
        usage = cache.charge(prompt, number * seconds)
        assert (usage.write_5m, usage.write_1h) == (0, 0)
        assert usage.read == prompt.total - after_last_mark(body)


@settings(max_examples=80, deadline=None)
@given(bodies(), st.floats(0, 4000))
def test_after_its_lifetime_nothing_is_read(body, seconds):
    """What five minutes' breakpoints wrote is gone after five minutes, an hour's after an hour."""
    cache, prompt = PrefixCache(), prompt_of(body)
    first = cache.charge(prompt, 0.0)
    usage = cache.charge(prompt, seconds)
    if seconds >= LIFETIMES["1h"]:
        assert usage.read == 0
    elif seconds >= LIFETIMES["5m"]:
        assert usage.read == first.write_1h
    else:
        assert usage.read == first.write_1h + first.write_5m


@settings(max_examples=80, deadline=None)
@given(bodies(), st.data())
def test_a_changed_block_hides_all_that_follows(body, data):
    """After a change in a block nothing from there on is read; what is before it may be."""
    cache, prompt = PrefixCache(), prompt_of(body)
    cache.charge(prompt, 0.0)
    changed = copy.deepcopy(body)
    place = data.draw(st.integers(0, len(prompt.tokens) - 1))
    block = all_blocks(changed)[place]
    field = "description" if "description" in block else "text"
    block[field] += "!"
    before = prompt.tokens[place - 1] if place else 0
    usage = cache.charge(prompt_of(changed), 1.0)
    assert usage.read <= before
    kept = [at for at in prompt.marks if at < place and prompt.tokens[at] >= SMALLEST]
    assert usage.read == (prompt.tokens[max(kept)] if kept else 0)


@settings(max_examples=40, deadline=None)
@given(bodies(), st.sampled_from(["claude-haiku-5-5", "claude-fable-5-2"]))
def test_models_share_no_cache(body, other):
    """A prefix that one model cached is none of another's."""
    cache = PrefixCache()
    cache.charge(prompt_of(body), 0.0)
    assert cache.charge(prompt_of(body | {"model": other}), 1.0).read == 0


# --- campaigns ---


def propose(server, words="Propose."):
    """One conversation to its end, results and all; the calls that it held."""
    turns, calls = [user(words)], []
    while True:
        message = stream(server, messages=turns)
        uses = [block for block in message.content if block.type == "tool_use"]
        if not uses:
            return calls
        calls += [block.input for block in uses]
        results = (result(block.id, f"did {block.input['n']}") for block in uses)
        turns += [said(message), user(*results)]


def test_a_campaign_plays_one_edit_for_each_fresh_conversation():
    """Each fresh conversation gets the next edit's steps in order, then the edits are over."""
    seen = []

    def reacts(request):
        seen.append(request.last_result)
        return Call("edit", {"n": 3})

    both = [Say("Both:"), Call("edit", {"n": 2}), Call("edit", {"n": 5})]
    edits = [[Call("edit", {"n": 1}), both], [Call("edit", {"n": 4}), reacts]]
    campaign = Campaign(edits)
    with MessagesServer(campaign) as server:
        assert propose(server) == [{"n": 1}, {"n": 2}, {"n": 5}]
        assert (campaign.started, campaign.finished) == (1, 1)
        assert propose(server) == [{"n": 4}, {"n": 3}]
        assert seen == ["did 4"]
        assert propose(server) == []
        assert (campaign.started, campaign.finished) == (2, 2)
        assert stream(server).content[0].text == "I have no other idea."


def test_a_campaign_keeps_conversations_side_by_side_apart():
    """Two conversations at once each get the steps of their own edit."""
    edits = [[Call("edit", {"n": 10 * e + s}) for s in range(2)] for e in range(2)]
    with MessagesServer(Campaign(edits)) as server:
        turns = [[user("Propose.")], [user("Propose.")]]
        got = []
        for _ in range(2):
            for mine in turns:
                message = stream(server, messages=mine)
                got.append(message.content[0].input["n"])
                mine += [said(message), user(result(message.content[0].id))]
    assert got == [0, 10, 1, 11]


def test_a_campaign_goes_on_with_its_edit_after_a_failure():
    """A retry, of the first request too, takes the next step of the same edit."""
    first = [Fail(529), CutClean(4), Hang(0.1, reply=Call("edit", {"n": 1}))]
    first += [Fail(500), Call("edit", {"n": 2})]
    campaign = Campaign([first, [Call("edit", {"n": 3})]])
    with MessagesServer(campaign) as server:
        with pytest.raises(anthropic.OverloadedError):
            stream(server)
        assert stream(server).stop_reason is None
        message = stream(server)
        turns = [user("Begin."), said(message), user(result(message.content[0].id))]
        with pytest.raises(anthropic.InternalServerError):
            stream(server, messages=turns)
        assert stream(server, messages=turns).content[0].input == {"n": 2}
        assert propose(server, "Begin.") == [{"n": 3}]
    assert campaign.finished == 2
