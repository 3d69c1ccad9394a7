"""Where trials run: the interface of an executor. How they run is the sandbox's."""

from dataclasses import dataclass
from typing import Literal, Protocol

from harness.experiment import Outcome, Trial
from harness.sealed import Compared, Opened


@dataclass(frozen=True, slots=True)
class Finished:
    """A trial has ended; what an executor delivers."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A sealed set was asked; delivered like a trial."""

    compared: Compared


About = Literal["", "away", "back", "disk"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person is to know now: what a slot waits for, say.

    `about` names what may be worth waking somebody: the researcher is away, or back; there is no
    room on a disk."""

    text: str
    about: About = ""


class Executor(Protocol):
    """Outcomes are delivered to the loop as they come; a failure is an outcome."""

    slots: int

    def running(self) -> list[Trial]:
        """Trials that have been started and not been delivered."""

    def start(self, trial: Trial, source: str) -> None:
        """Begin on a free slot."""

    def done(self, trial: Trial) -> None:
        """The loop has taken its outcome: its slot is free."""

    def is_stored(self, trial: Trial) -> bool:
        """Its checkpoint can be asked still."""

    def unseal(self, opened: Opened) -> None:
        """Ask a sealed set on the first slot, while no trial runs."""

    def is_unsealing(self) -> bool:
        """A set is being asked, and what it says has not been taken."""

    def unsealed(self) -> None:
        """The loop has taken what it said."""

    def kill(self) -> None:
        """End all trials and what is asked now, without outcomes, and wait until they have."""
