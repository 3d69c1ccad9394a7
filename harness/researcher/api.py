"""One call of a language model: reserved, streamed, settled; tried again where that may help.

Written to the Messages API, so that any server that speaks it can serve. The SDK's own retries are
off: each attempt has its own reservation in the ledger.
"""

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from typing import Any

from harness.desk import Desk
from harness.history import History
from harness.money import Reserved, Settled, Tokens
from harness.pricing import Price
from harness.researcher import Exhausted
from harness.researcher.trouble import Trouble, probe, trouble_of

MAX_TOKENS = 32_000  # of a reply, thinking counted
PATIENCE_S = 120.0  # that a call is tried again for, once it failed; then the server is away
WATCH_S = 0.2  # between looks whether the campaign ends
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
LEAST_WAIT_S = 0.1  # the first of those, where the server asks for none
UNKNOWN = 3  # attempts that may have cost something and gave nothing; more are not made


class OutOfMoney(Exhausted):
    """The next call could pass the cap; the campaign ends with this reason."""


class Away(Exception):
    """The server does not answer, or not us. `wait_s` is how long it wants to be left alone."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.said)
        self.wait_s = trouble.wait_s or 0.0


class Unfit(Exception):
    """The request cannot be served as it is; `is_large` where a smaller one may be."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.said)
        self.is_large = trouble.kind == "large"


@dataclass(frozen=True, slots=True)
class Reply:
    """`content` are the blocks as they go back into the conversation. `usd` is what it cost."""

    content: list[dict[str, Any]]
    stop_reason: str
    tokens: Tokens
    usd: float


class Api:
    """`client` is an anthropic.Anthropic; `scrub` takes the key out of what came back."""

    def __init__(
        self,
        client: Any,
        model: str,
        effort: str,
        price: Price,
        scrub: Callable[[Any], Any],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.client, self.model, self.effort, self.price = client, model, effort, price
        self.scrub, self.patience_s = scrub, patience_s

    def ask(
        self,
        system: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        messages: Sequence[Mapping[str, Any]],
        *,
        experiment: int,
        desk: Desk,
        patience_s: float | None = None,
    ) -> Reply:
        """For the proposal that would become `experiment`.

        Raises OutOfMoney, Away, Unfit, Halted."""
        request = {
            "model": self.model,
            "max_tokens": MAX_TOKENS,
            "system": list(system),
            "tools": list(tools),
            "messages": list(messages),
        }
        if self.effort:
            request["output_config"] = {"effort": self.effort}
        patience_s = self.patience_s if patience_s is None else patience_s
        attempt, unknown, failed_at = 0, 0, 0.0
        while True:
            call = self._reserve(request, experiment, desk)
            try:
                return self._settled(call, self._stream(request, desk), desk)
            except Exception as error:
                trouble = trouble_of(error, self.scrub)
                if trouble is None:
                    raise
            self._settle(call, trouble.end, None, 0.0 if trouble.is_free else call.usd, desk)
            if trouble.kind in ("refused", "large"):
                raise Unfit(trouble)
            if trouble.kind == "locked":
                raise Away(trouble)
            unknown += not trouble.is_free
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * random.uniform(0.75, 1)
            if trouble.wait_s is not None:  # as asked for, though never at once without end
                wait_s = max(trouble.wait_s, min(wait_s, LEAST_WAIT_S * 2**attempt))
            failed_at = failed_at if attempt else time.monotonic()  # a long reply may be lost late
            attempt += 1
            if unknown >= UNKNOWN or time.monotonic() - failed_at + wait_s > patience_s:
                raise Away(trouble)
            desk.tell(f"{self.model}: {trouble.said}; again in {wait_s:.0f} s")
            desk.rest(wait_s)

    def knock(self) -> None:
        """See whether the server is there at all, before a call that may be billed for silence.

        Raises Away."""
        trouble = probe(self.client, self.model, self.scrub)
        if trouble and trouble.kind == "retry":
            raise Away(trouble)

    # -- one attempt -----------------------------------------------------------------------------

    def _stream(self, request: Mapping[str, Any], desk: Desk) -> Any:
        """The whole message. Raises what the SDK does, ValueError for half a one, and Halted."""
        with self.client.messages.stream(**request) as stream, closed_at_halt(stream, desk):
            message = stream.get_final_message()
        if message.stop_reason is None:  # a connection that was closed early raises nothing
            raise ValueError("the reply was cut off")
        return message

    def _settled(self, call: Reserved, message: Any, desk: Desk) -> Reply:
        tokens, usage = tokens_of(message.usage), message.usage
        content = [self.scrub(block_of(block)) for block in message.content]
        kept = [block for block in content if not is_empty(block)]
        is_told = usage.input_tokens is not None and usage.output_tokens is not None
        usd = self.price.cost(tokens) if is_told else call.usd  # what is not said counts whole
        reply = Reply(kept, str(message.stop_reason), tokens, usd)
        self._settle(call, reply.stop_reason, tokens if is_told else None, usd, desk)
        return reply

    # -- money -----------------------------------------------------------------------------------

    def _reserve(self, request: Mapping[str, Any], experiment: int, desk: Desk) -> Reserved:
        size = len(json.dumps(request, ensure_ascii=False).encode("utf-8", errors="replace"))
        usd = self.price.most(size, MAX_TOKENS)

        def make(history: History) -> Reserved | None:
            spending, cap = history.spending, history.max_usd
            if cap is not None and spending.committed_usd + usd > cap:
                return None
            return Reserved(spending.calls + 1, experiment, self.model, usd)

        reserved = desk.record(make)
        if not isinstance(reserved, Reserved):
            raise OutOfMoney(f"the cap on dollars: the next call could cost {usd:.2f}")
        return reserved

    def _settle(
        self, call: Reserved, end: str, tokens: Tokens | None, usd: float, desk: Desk
    ) -> None:
        if tokens is None and usd == 0.0:
            tokens = Tokens()  # nothing was billed, and that is known
        desk.record(lambda history: Settled(call.call, usd, tokens, end))


@contextlib.contextmanager
def closed_at_halt(stream: Any, desk: Desk) -> Iterator[None]:
    """A model that thinks sends pings, which the SDK does not pass on: the end of the campaign is
    watched for by a thread, and ends the reading. Raises Halted then."""
    done = Flag()

    def watch() -> None:
        while not done.wait(WATCH_S):
            if desk.halt.is_set():
                stream.close()
                return

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        desk.check()
        raise
    finally:
        done.set()


def tokens_of(usage: Any) -> Tokens:
    """A server that says nothing of a kind has none of it."""
    written = usage.cache_creation_input_tokens or 0
    hour = (usage.cache_creation.ephemeral_1h_input_tokens or 0) if usage.cache_creation else 0
    return Tokens(
        input=usage.input_tokens or 0,
        cache_write_5m=max(0, written - hour),
        cache_write_1h=hour,
        cache_read=usage.cache_read_input_tokens or 0,
        output=usage.output_tokens or 0,
    )


def block_of(block: Any) -> dict[str, Any]:
    """As it goes back to the server: what it sent, without what the SDK added."""
    found: dict[str, Any] = block.to_dict(mode="json")
    found.pop("parsed_output", None)
    return found


def is_empty(block: Mapping[str, Any]) -> bool:
    """The server refuses to take such a text back."""
    return block.get("type") == "text" and not str(block.get("text", "")).strip()
