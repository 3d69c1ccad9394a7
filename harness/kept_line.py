"""The kept line of a campaign as texts: what train.py was after each keep, some left out or not.

Leaving an edit out puts the later ones, one after another, onto what was before it: a three-way
merge each (base: what the later edit was made on, theirs: what it made of it). For one edit that is
the same as taking it back from the last text.
"""

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass

from harness.errors import Broken
from harness.history import History
from harness.merging import merge
from harness.repo import Repo

Merge = Callable[[str, str, str], str | None]  # mine, base, theirs


class Inseparable(Exception):
    """`number` changes what an edit that is left out has changed: it cannot stay without it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"experiment {number} stands on what is left out")
        self.number = number


@dataclass(frozen=True, slots=True)
class Step:
    """train.py after a keep. `is_trained`: this very text was trained, as that experiment."""

    number: int
    text: str
    is_trained: bool


@dataclass(frozen=True, slots=True)
class Line:
    """Experiments, each standing on the one before it, from the baseline to the last."""

    numbers: tuple[int, ...]
    commits: tuple[str, ...]
    texts: tuple[str, ...]
    merge: Merge

    def steps(self, out: Collection[int] = ()) -> list[Step]:
        """All that are not left out, the baseline first. Raises Inseparable."""
        found: list[Step] = []
        before = ""
        for number, text in zip(self.numbers, self.texts, strict=True):
            if not found or (number not in out and found[-1].text == before):
                found.append(Step(number, text, True))
            elif number not in out:
                merged = self.merge(found[-1].text, before, text)
                if merged is None:
                    raise Inseparable(number)
                found.append(Step(number, merged, merged == text))
            before = text
        return found

    def standing_on(self, out: Collection[int]) -> frozenset[int]:
        """What is left out, and what has to be with it."""
        found = frozenset(out)
        while True:
            try:
                self.steps(found)
            except Inseparable as inseparable:
                found |= {inseparable.number}
            else:
                return found


def read_line(history: History, repo: Repo, number: int) -> Line:
    """Raises Broken where git lacks one of its commits."""
    numbers = history.line(number)[::-1]
    commits = tuple(history.records[n].commit for n in numbers)
    try:
        texts = tuple(map(repo.source, commits))
    except repo.failure as error:
        raise Broken(
            f"git does not have all commits of experiments {', '.join(map(str, numbers))}; fetch"
            f" {repo.refs}/* from where the campaign ran"
        ) from error

    @functools.cache  # a plan asks the same again and again
    def merged(mine: str, base: str, theirs: str) -> str | None:
        return merge(repo, mine, base, theirs)

    return Line(numbers, commits, texts, merged)
