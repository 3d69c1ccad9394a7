"""The gates as a researcher meets them: one source through all of them, the last answer kept."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.gates import Passed, Refusal, check
from harness.history import History
from harness.preflight import Flight

TryOut = Callable[[str], Flight]


@dataclass(frozen=True, slots=True)
class Ruling:
    """`passed` the gates without a process and what they found; `refused` the gate that refused, or
    None; `flight` the preflight, None where it did not come to that."""

    passed: Passed | None
    refused: Refusal | None
    flight: Flight | None


class Gatekeeper:
    """A researcher that tries its edit before it submits it does not fly it twice."""

    def __init__(self, history: History, try_out: TryOut) -> None:
        self.history, self.try_out = history, try_out
        self.last: tuple[str, Ruling] | None = None

    def rule(self, source: str) -> Ruling:
        """Raises Lost where the preflight was stopped."""
        if self.last is None or self.last[0] != source:
            self.last = source, self._rule(source)
        return self.last[1]

    def _rule(self, source: str) -> Ruling:
        found = check(source, self.history)
        if isinstance(found, Refusal):
            return Ruling(None, found, None)
        flight = self.try_out(source)
        refused = Refusal("preflight", flight.report) if flight.end == "failed" else None
        return Ruling(found, refused, flight)
