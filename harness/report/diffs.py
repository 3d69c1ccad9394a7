"""What each experiment changed in train.py: all differences of a campaign in a few git processes.

Not covered: a repository that lost the commits; such experiments have no difference here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.history import Record
from harness.repo import Repo
from harness.report.text import Long

AT_ONCE = 50  # experiments whose differences are in memory together
HEADER = re.compile(r"[0-9a-f]{40,64}")  # a line of a difference begins otherwise
NOISE = ("diff --git ", "index ", "--- ", "+++ ")  # there is one file


@dataclass(frozen=True, slots=True)
class Difference:
    """Its text, and how many lines it adds and removes."""

    long: Long = Long()
    added: int = 0
    removed: int = 0


NONE = Difference()


class Diffs:
    """Those that were asked for so far, by the commits; git is asked for each one once."""

    def __init__(self, repo: Repo | None) -> None:
        self.repo = repo
        self.known: dict[tuple[str, str], Difference] = {}

    def of(self, records: Mapping[int, Record]) -> dict[int, Difference]:
        """By the experiment's number; an empty one of the baseline, and of what git lacks."""
        pairs = {
            number: (records[record.experiment.parent].commit, record.commit)
            for number, record in records.items()
        }
        missing = [(old, new) for old, new in pairs.values() if old != new]
        missing = [pair for pair in missing if pair not in self.known]
        for start in range(0, len(missing), AT_ONCE):
            self._ask(missing[start : start + AT_ONCE])
        return {number: self.known.get(pair, NONE) for number, pair in pairs.items()}

    def _ask(self, pairs: list[tuple[str, str]]) -> None:
        """What git does not have is not asked for again; what it failed at is."""
        if self.repo is None:
            return
        try:
            found = _parsed(self.repo.differences(pairs))
        except (self.repo.failure, OSError):
            return
        for pair in pairs:
            lines = found.get(pair[1], [])
            marks = [marked(line) for line in lines]
            added, removed = marks.count("ins"), marks.count("del")
            self.known[pair] = Difference(Long.of(lines), added, removed)


def _parsed(told: str) -> dict[str, list[str]]:
    """Lines by the new commit, without what only names the file."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    is_head = True
    for line in told.removesuffix("\n").split("\n"):
        if HEADER.fullmatch(line):
            lines = found.setdefault(line, [])
            is_head = True
        elif not (is_head and line.startswith(NOISE)):
            is_head = False
            lines.append(line)
    return found


def marked(line: str) -> str:
    """The element that a line of a difference stands in."""
    return {"+": "ins", "-": "del", "@": "b"}.get(line[:1], "")
