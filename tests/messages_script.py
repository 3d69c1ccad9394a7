"""What a scripted Messages server is told to answer: replies, misbehaviours, a whole campaign.

A script is a callable that gets a Request and returns a Reply, or an iterable of Replies. A message
is a Say, a Think or a Call, a list of them, a Raw or a Short; every other reply misbehaves.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from messages_cache import as_blocks

UNFINISHED = "This sentence is long enough to be cut in the middle, and so it was never finished."
HTML = "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclasses.dataclass(frozen=True)
class Say:
    text: str


@dataclasses.dataclass(frozen=True)
class Think:
    text: str
    tokens: int | None = None  # billed; None: a quarter of the bytes of the text


@dataclasses.dataclass(frozen=True)
class Call:
    """One tool_use, with a text before it where there is one."""

    name: str
    input: Mapping[str, Any]
    text: str = ""
    id: str | None = None  # None: a new one
    json: str | None = None  # streamed instead of the input's JSON, so that it may be broken


@dataclasses.dataclass(frozen=True)
class Raw:
    """Any blocks (Say, Think, Call or a dict as in the API) with any stop reason."""

    blocks: Sequence[Any]
    stop_reason: str | None = None  # None: tool_use if a tool is called, else end_turn
    usage: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # laid over the real one
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Short:
    """A message cut as if max_tokens were this: half a text, or half a tool_use."""

    reply: Any
    tokens: int


@dataclasses.dataclass(frozen=True)
class Fail:
    """An HTTP error in the API's shape. With echo its message repeats the request's headers."""

    status: int
    type: str = "api_error"
    message: str = "Something went wrong."
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    echo: bool = False


# `after_events` counts the events of the stream that are sent, pings too, and may be negative as in
# a slice; or it names a kind of delta, such as "input_json_delta": half of those are sent; or it is
# None: not even the response's headers are sent. Without a stream it all comes before the headers.
@dataclasses.dataclass(frozen=True)
class Drop:
    """The connection breaks: reset, or (reset=False) closed in the middle of the body."""

    after_events: int | str | None = 0
    reply: Any = Say(UNFINISHED)
    reset: bool = True


@dataclasses.dataclass(frozen=True)
class CutClean:
    """The stream ends before message_stop, as if that were all: only the content tells."""

    after_events: int | str | None = 0
    reply: Any = Say(UNFINISHED)


@dataclasses.dataclass(frozen=True)
class Hang:
    """A stall of so many real seconds, then the rest. With pings, one every so many seconds."""

    seconds: float
    after_events: int | str | None = 0
    reply: Any = Say(UNFINISHED)
    pings: float | None = None


@dataclasses.dataclass(frozen=True)
class ErrorEvent:
    """An error in the middle of a stream that began with status 200."""

    type: str = "overloaded_error"
    message: str = "Overloaded"
    after_events: int | str | None = 0
    reply: Any = Say(UNFINISHED)


@dataclasses.dataclass(frozen=True)
class Garbage:
    """An answer that is not the API's, as of a proxy: HTML, or JSON that cannot be read."""

    body: str | bytes = HTML
    content_type: str = "text/html"
    status: int = 200


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked, and what a script wants to know of it."""

    body: dict[str, Any]
    headers: dict[str, str]  # names in small letters
    number: int  # of the requests for a message that were answered by the script, from 0
    time: float  # simulated seconds

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body["messages"]

    @property
    def is_fresh(self) -> bool:
        """Whether this begins a conversation: no turn of the assistant's is in it."""
        return all(message["role"] != "assistant" for message in self.messages)

    @property
    def system(self) -> str:
        return "\n".join(block["text"] for block in as_blocks(self.body.get("system")))

    @property
    def tools(self) -> list[str]:
        return [tool["name"] for tool in self.body.get("tools") or []]

    @property
    def last_text(self) -> str:
        """The user's last text, tool results aside; empty if there was none."""
        texts = [
            block["text"]
            for message in self.messages
            if message["role"] == "user"
            for block in as_blocks(message["content"])
            if block["type"] == "text"
        ]
        return texts[-1] if texts else ""

    @property
    def results(self) -> dict[str, str]:
        """The text of each tool result, by the id of its tool_use, oldest first."""
        return {
            block["tool_use_id"]: "".join(
                inner.get("text", "") for inner in as_blocks(block.get("content"))
            )
            for block in self._result_blocks()
        }

    @property
    def failed(self) -> set[str]:
        """The ids of the tool_use blocks whose result is an error."""
        return {block["tool_use_id"] for block in self._result_blocks() if block.get("is_error")}

    @property
    def last_result(self) -> str:
        """The text of the newest tool result; empty if there was none."""
        return next(reversed(self.results.values()), "")

    def _result_blocks(self) -> list[dict[str, Any]]:
        blocks = [block for message in self.messages for block in as_blocks(message["content"])]
        return [block for block in blocks if block["type"] == "tool_result"]


Reply = Any  # one of the classes above, or a list of Say, Think and Call
Script = Callable[[Request], Reply] | Iterable[Reply]
FAILURES = (Fail, Drop, CutClean, Hang, ErrorEvent, Garbage)


def with_ids(reply: Reply, name: str) -> Reply:
    """The reply with an id made from this name in each Call that has none of its own."""
    if isinstance(reply, Call):
        return reply if reply.id else dataclasses.replace(reply, id=name)
    if isinstance(reply, list | tuple):
        return [with_ids(part, f"{name}_{number}") for number, part in enumerate(reply)]
    if isinstance(reply, Raw):
        return dataclasses.replace(reply, blocks=with_ids(list(reply.blocks), name))
    if hasattr(reply, "reply"):
        return dataclasses.replace(reply, reply=with_ids(reply.reply, name))
    return reply


class Campaign:
    """A script that plays a list of edits, each a list of steps to take for one proposal.

    A step is a Reply, or a callable of the Request that returns one. A request without a turn of
    the assistant's begins the next edit, unless it is the retry of one that was answered by a
    failure: that goes on with the next step of its edit. Conversations may run side by side.

    `done` answers when an edit has no more steps, `nothing` when there are no more edits.
    """

    def __init__(
        self,
        edits: Iterable[Sequence[Any]],
        *,
        done: Reply = Say("That was all."),  # noqa: B008 (frozen)
        nothing: Reply = Say("I have no other idea."),  # noqa: B008
    ) -> None:
        self.edits = [list(steps) for steps in edits]
        self.started = 0  # edits begun
        self.taken: list[int] = []  # steps taken of each of them
        self._done, self._nothing = done, nothing
        self._failing: dict[str, int] = {}  # a first request that was answered by a failure -> edit
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            edit = self._edit_of(request)
            if edit is None:
                return self._nothing
            number = self.taken[edit]
            self.taken[edit] += 1
        steps = self.edits[edit]
        step = steps[number] if number < len(steps) else self._done
        reply = step(request) if callable(step) else step
        if request.is_fresh and isinstance(reply, FAILURES):
            with self._lock:
                self._failing[str(request.messages)] = edit
        return with_ids(reply, f"toolu_edit{edit}_step{number}")

    @property
    def finished(self) -> int:
        """Edits all of whose steps were taken."""
        steps = (len(self.edits[edit]) for edit in range(self.started))
        return sum(taken >= all_ for taken, all_ in zip(self.taken, steps, strict=True))

    def _edit_of(self, request: Request) -> int | None:
        if not request.is_fresh:
            for message in reversed(request.messages):
                for block in as_blocks(message["content"]):
                    name = block.get("id", "") if block["type"] == "tool_use" else ""
                    if name.startswith("toolu_edit"):
                        return self._past(int(name.removeprefix("toolu_edit").partition("_")[0]))
            return self._past(self.started - 1) if self.started else None
        again = self._failing.pop(str(request.messages), None)
        if again is not None:
            return again
        if self.started == len(self.edits):
            return None
        self.started += 1
        self.taken.append(0)
        return self.started - 1

    def _past(self, edit: int) -> int:
        """This edit, whose first request needs no retry any more."""
        self._failing = {asked: other for asked, other in self._failing.items() if other != edit}
        return edit
