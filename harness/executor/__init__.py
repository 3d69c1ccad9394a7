"""Where trials run: the interface of an executor. How they run is the sandbox's."""

from dataclasses import dataclass
from typing import Protocol

from harness.experiment import Outcome, Trial


@dataclass(frozen=True, slots=True)
class Finished:
    """A trial has ended; what an executor delivers."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person is to know now: what a slot waits for, say."""

    text: str


class Executor(Protocol):
    """Outcomes are delivered to the loop as they come; a failure is an outcome."""

    slots: int

    def running(self) -> list[Trial]:
        """Trials that have been started and not been delivered."""

    def start(self, trial: Trial, source: str) -> None:
        """Begin on a free slot."""

    def done(self, trial: Trial) -> None:
        """The loop has taken its outcome: its slot is free."""

    def kill(self) -> None:
        """End all trials now, without outcomes, and wait until they have."""
