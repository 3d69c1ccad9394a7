"""A conversation with a language model about one proposal: append-only, bounded, then thrown away.

The ledger is the memory, so nothing is lost with it. What is sent only ever grows at its end: the
server's cache reads the rest, and thinking blocks stay bound to what came before them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.experiment import Proposal
from harness.researcher import Brief
from harness.researcher.api import Api, Reply
from harness.researcher.transcript import Transcript
from harness.researcher.workbench import Workbench, refusal, tools_of_request

TURNS = 20  # replies until something is submitted
WARN_AT = 5  # turns left when the model is told so
HOUR, MINUTES = {"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral", "ttl": "5m"}
GO_ON = "Go on with the tools; the conversation ends with a call of submit."


class Fruitless(Exception):
    """It ended without a proposal; the text says how. `is_large`: a shorter one may do better."""

    def __init__(self, reason: str, *, is_large: bool = False) -> None:
        super().__init__(reason)
        self.is_large = is_large


class Conversation:
    """`parts` are the system prompt's texts, each with the breakpoint that ends it; what changes
    least stands first."""

    def __init__(
        self,
        api: Api,
        brief: Brief,
        bench: Workbench,
        transcript: Transcript,
        parts: Sequence[tuple[str, Mapping[str, str]]],
        task: str,
    ) -> None:
        self.api, self.brief, self.bench, self.transcript = api, brief, bench, transcript
        self.experiment = brief.history.next_id
        self.system = [
            {"type": "text", "text": text, "cache_control": mark}
            for text, mark in parts
            if text.strip()
        ]
        self.messages: list[dict[str, Any]] = []
        self.waiting = ""  # the call of submit that has no result yet
        self.results: list[dict[str, Any]] = []  # those beside it
        transcript.add("system", parts=[text for text, _ in parts], model=api.model)
        self._say([{"type": "text", "text": task}])

    def run(self, patience_s: float | None = None) -> Proposal:
        """Until something is submitted. Raises Fruitless and what Api.ask does."""
        for turn in range(TURNS):
            reply = self._ask(patience_s if turn == 0 else None)
            if reply.stop_reason == "refusal":
                raise Fruitless("the model refused to go on")
            if reply.stop_reason == "model_context_window_exceeded":
                raise Fruitless("the conversation outgrew the model's context", is_large=True)
            if reply.content:
                self.messages.append({"role": "assistant", "content": reply.content})
            calls = [block for block in reply.content if block.get("type") == "tool_use"]
            if reply.stop_reason == "pause_turn" and not calls:
                continue  # sent back as it is, it goes on
            if proposal := self._answer(calls, reply.stop_reason, TURNS - 1 - turn):
                return proposal
        raise Fruitless(f"{TURNS} turns, and nothing was submitted")

    def refuse(self, reason: str) -> Proposal:
        """What was submitted did not pass; the model is told, and goes on. Raises as `run`."""
        text = f"Refused.\n{refusal(reason)}\nMend it and submit it again, or submit another idea."
        self.results.append(_result(self.waiting, text, is_error=True))
        self.bench.submitted, self.waiting = None, ""
        results, self.results = self.results, []
        self._say(results)
        return self.run()

    def _answer(self, calls: list[dict[str, Any]], ended: str, left: int) -> Proposal | None:
        """Do what the model asked for; what it submitted, if it did."""
        results = []
        for call in calls:
            if ended == "max_tokens":
                text, is_error = "The reply was cut off at its limit; take smaller steps.", True
            else:
                text, is_error = self.bench.use(str(call.get("name")), call.get("input"))
            if call.get("name") == "submit" and not is_error:
                self.waiting = str(call.get("id"))
                continue
            results.append(_result(str(call.get("id")), text, is_error=is_error))
        if self.bench.submitted:
            self.results = results
            return self.bench.submitted
        extra = []
        if not calls:
            extra.append("The reply was cut off at its limit." if ended == "max_tokens" else GO_ON)
        if left == WARN_AT:
            extra.append(f"{left} turns are left; submit within them.")
        self._say([*results, *({"type": "text", "text": text} for text in extra)])
        return None

    def _ask(self, patience_s: float | None) -> Reply:
        reply = self.api.ask(
            self.system,
            tools_of_request(),
            marked(self.messages),
            experiment=self.experiment,
            desk=self.brief.desk,
            patience_s=patience_s,
        )
        self.transcript.add(
            "reply", content=reply.content, stop_reason=reply.stop_reason, usd=reply.usd,
            tokens={name: getattr(reply.tokens, name) for name in reply.tokens.__slots__},
        )  # fmt: skip
        return reply

    def _say(self, content: list[dict[str, Any]]) -> None:
        self.messages.append({"role": "user", "content": content})
        self.transcript.add("said", content=content)


def marked(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With a breakpoint at the end of the last message of ours; the messages stay as they are."""
    place = next(n for n in reversed(range(len(messages))) if messages[n]["role"] == "user")
    *others, last = messages[place]["content"]
    message = messages[place] | {"content": [*others, last | {"cache_control": MINUTES}]}
    return [*messages[:place], message, *messages[place + 1 :]]


def _result(call: str, text: str, *, is_error: bool) -> dict[str, Any]:
    result = {"type": "tool_result", "tool_use_id": call, "content": text or "(nothing)"}
    return result | ({"is_error": True} if is_error else {})
