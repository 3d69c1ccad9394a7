"""The train.py that a language model edits: text in memory, by the commands that models know."""

from dataclasses import dataclass

MOST_BYTES = 512_000
NEAR_LINES = 3  # shown around an edit


class CannotEdit(ValueError):
    """Says why, and what to do instead, in words for the model."""


@dataclass(slots=True)
class VirtualFile:
    text: str

    def view(self, first: int = 1, last: int = -1) -> str:
        """Lines with their numbers, from 1; `last` -1 is the end. Raises CannotEdit."""
        lines = self.text.split("\n")
        end = len(lines) if last == -1 else last
        if not 1 <= first <= end <= len(lines):
            raise CannotEdit(f"lines {first} to {last}: the file has lines 1 to {len(lines)}")
        return _numbered(lines, first, end)

    def create(self, text: str) -> str:
        """The whole file anew. Raises CannotEdit."""
        self._set(text)
        return f"train.py now has {_count(text)} lines"

    def str_replace(self, old: str, new: str) -> str:
        """Raises CannotEdit where `old` is not there exactly once."""
        found = self.text.count(old) if old else 0
        if found != 1:
            raise CannotEdit(self._why_not(old, found))
        start = self.text.index(old)
        self._set(self.text[:start] + new + self.text[start + len(old) :])
        first = self.text.count("\n", 0, start) + 1
        return self._around(first, first + new.count("\n"))

    def insert(self, line: int, text: str) -> str:
        """After that line; 0 is the top. Raises CannotEdit."""
        lines = self.text.split("\n")
        if not 0 <= line <= len(lines):
            raise CannotEdit(f"line {line}: the file has lines 1 to {len(lines)}, 0 is its top")
        added = text.removesuffix("\n").split("\n")
        self._set("\n".join([*lines[:line], *added, *lines[line:]]))
        return self._around(line + 1, line + len(added))

    def _set(self, text: str) -> None:
        size = len(text.encode("utf-8", errors="replace"))
        if size > MOST_BYTES:
            raise CannotEdit(f"train.py would have {size} bytes, and {MOST_BYTES} is the most")
        self.text = text

    def _around(self, first: int, last: int) -> str:
        lines = self.text.split("\n")
        start, end = max(1, first - NEAR_LINES), min(len(lines), last + NEAR_LINES)
        return _numbered(lines, start, end)

    def _why_not(self, old: str, found: int) -> str:
        if not old:
            return "the old text is empty; give the text to replace, or use insert"
        if found > 1:
            return f"the old text stands there {found} times; give more lines, so that it is unique"
        wanted = [line.strip() for line in old.strip().split("\n")]
        lines = [line.strip() for line in self.text.split("\n")]
        places = [n + 1 for n, line in enumerate(lines) if line == wanted[0] and wanted[0]]
        near = next((n for n in places if lines[n - 1 : n - 1 + len(wanted)] == wanted), None)
        if near:
            return f"the old text is not there; line {near} differs from it in spaces alone"
        where = f"; its first line is line {places[0]}" if places else ""
        return f"the old text is not there{where}; view the file and copy it exactly"


def _numbered(lines: list[str], first: int, last: int) -> str:
    return "\n".join(f"{n:5}  {lines[n - 1]}" for n in range(first, last + 1))


def _count(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n"))
