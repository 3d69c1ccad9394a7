"""What reaches the loop from the threads that work for it, and from the person."""

from dataclasses import dataclass, replace
from queue import SimpleQueue

from harness.desk import Asked
from harness.executor import Finished, Note, Unsealed
from harness.researcher.prepare import Prepared


@dataclass(frozen=True, slots=True)
class Drained:
    """The researcher has nothing more to propose."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something of the harness's own went wrong in a thread; the campaign stops and says so."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Signal:
    """Somebody wants it to end: after what runs (False), or at once."""

    at_once: bool
    is_patient: bool = False  # asking a second time changes nothing

    def after(self, before: "Signal | None") -> "Signal":
        """What is wanted now; a second one that is not patient means at once."""
        if before is None:
            return self
        return replace(before, at_once=before.at_once or self.at_once or not self.is_patient)


Message = Asked | Finished | Unsealed | Note | Prepared | Drained | Failed | Signal
Inbox = SimpleQueue[Message]
