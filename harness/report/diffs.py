"""What each experiment changed in train.py: all differences of a campaign in a few git processes.

Not covered: a repository that lost the commits; such experiments have no difference here.
"""

import re
from collections.abc import Iterable, Mapping

from harness.history import Record
from harness.repo import Repo
from harness.report import text

AT_ONCE = 50  # experiments whose differences are in memory together
HEADER = re.compile(r"[0-9a-f]{40,64}")  # a line of a difference begins otherwise
NOISE = ("diff --git ", "index ", "--- ", "+++ ")  # there is one file


class Diffs:
    """Those that were asked for so far, by the commit; git is asked for each one once."""

    def __init__(self, repo: Repo | None) -> None:
        self.repo = repo
        self.known: dict[tuple[str, str], list[str]] = {}

    def of(self, records: Mapping[int, Record]) -> dict[int, list[str]]:
        """Lines by the experiment's number; no entry for the baseline, none for what git lacks."""
        pairs = {
            number: (records[record.experiment.parent].commit, record.commit)
            for number, record in records.items()
            if record.experiment.parent != number
        }
        missing = [pair for pair in pairs.values() if pair not in self.known]
        for start in range(0, len(missing), AT_ONCE):
            self._ask(missing[start : start + AT_ONCE])
        return {n: self.known[pair] for n, pair in pairs.items() if self.known.get(pair)}

    def _ask(self, pairs: list[tuple[str, str]]) -> None:
        found = self._differences(pairs)
        for pair in pairs:  # what was not found is not asked again
            self.known[pair] = text.split("\n".join(found.get(pair[1], [])))
            if self.known[pair] == [""]:
                self.known[pair] = []

    def _differences(self, pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
        if self.repo is None:
            return {}
        try:
            told = self.repo.differences(pairs)
        except (self.repo.failure, OSError):
            return {}
        found: dict[str, list[str]] = {}
        lines: list[str] = []
        is_head = True
        for line in told.split("\n"):
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


def counts(lines: Iterable[str]) -> tuple[int, int]:
    """Lines added and removed."""
    marks = [marked(line) for line in lines]
    return marks.count("ins"), marks.count("del")
