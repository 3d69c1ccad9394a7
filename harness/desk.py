"""What a researcher may ask of the campaign while it thinks, from a thread of its own.

The loop alone writes the ledger: what a researcher wants recorded goes to it and is waited for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event as Flag

from harness.executor import About, Note
from harness.experiment import Event
from harness.history import History

WAIT_S = 0.2  # between looks whether the campaign ends


class Halted(Exception):
    """The campaign ends: what is being thought out is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`make` gives the event to record in the light of the newest history, None to record none; it
    runs in the loop. `done` is set when the answer is in `answers`."""

    make: Callable[[History], Event | None]
    done: Flag = field(default_factory=Flag)
    answers: list[Event | None] = field(default_factory=list)

    def answer(self, event: Event | None) -> None:
        self.answers.append(event)
        self.done.set()


class Desk:
    """`halt` is set when the campaign ends."""

    def __init__(self, send: Callable[[Asked | Note], None], halt: Flag) -> None:
        self.send, self.halt = send, halt

    def record(self, make: Callable[[History], Event | None]) -> Event | None:
        """What was recorded; it is on the disk then. Raises Halted."""
        asked = Asked(make)
        self.send(asked)
        while not asked.done.wait(WAIT_S):
            self.check()
        return asked.answers[0]

    def tell(self, text: str, about: About = "") -> None:
        """Shown to the person who runs the campaign."""
        self.send(Note(text, about))

    def rest(self, seconds: float) -> None:
        """Raises Halted."""
        self.halt.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raises Halted."""
        if self.halt.is_set():
            raise Halted
