"""What the names of a solver hold, found by reading its statements until nothing new is found.

Each place is set at most once, and a statement is read again only for a name that it asked for:
the work grows with the text, and stops at a bound.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from harness.evaluation import Refused

Kind = Literal["texts", "text", "character", "numbers", "number", "table"] | None
Place = tuple[int, str]  # a scope's id and a name, or "return"
STEPS = 300_000  # names and expressions looked at: under a second; train.py's takes 1,000


class Facts:
    """Kinds by place. Whether a dict holds numbers is only asked late, when texts are known."""

    def __init__(self) -> None:
        self.known: dict[Place, Kind] = {}
        self.kinds: dict[int, Kind] = {}  # of expressions, once all is known
        self.is_late = False
        self.now: int | None = None  # the statement that is read, None once all is known
        self._unknown: dict[Place, dict[int, None]] = {}  # the statements that asked, in order
        self._waiting: deque[int] = deque()
        self._steps = 0

    def settle(self, statements: Sequence[Callable[[], None]]) -> None:
        """Call each, and again those that asked for what has become known since."""
        for self.is_late in (False, True):
            self._waiting.extend(range(len(statements)))
            while self._waiting:
                self.now = self._waiting.popleft()
                statements[self.now]()
        self.now = None

    def look_up(self, place: Place) -> Kind:
        self.count()
        found = self.known.get(place)
        if found is None and self.now is not None:
            self._unknown.setdefault(place, {})[self.now] = None
        return found

    def note(self, place: Place, kind: Kind) -> None:
        if kind is not None and self.known.get(place) is None:
            self.known[place] = kind
            self._waiting.extend(self._unknown.pop(place, ()))

    def count(self) -> None:
        self._steps += 1
        if self._steps > STEPS:
            raise too_long()


def too_long() -> Refused:
    return Refused(
        "train.py's solver is too long and tangled to be checked for arithmetic; write it more"
        " simply"
    )
