"""A ledger that somebody else writes, read as it grows, without disturbing it.

It may be wiped and put back, cut, or damaged meanwhile: what was read stays until there is more to
read, and what is wrong is said. A last line that is being written counts once it is whole.
"""

import os
from pathlib import Path

from harness import ledger as ledger_file
from harness.errors import Contradiction
from harness.history import History
from harness.ledger import Entry


class Follower:
    """`history` is what was read so far, `wrong` what is the matter with the file ("": nothing)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.history = History()
        self.wrong = ""
        self._file: tuple[int, int] | None = None  # the device and number of the one that was read
        self._offset, self._lines = 0, 0
        self._seen: tuple[int, int] | None = None  # size and time of change when it was read last

    def look(self) -> bool:
        """Read what is new; whether there was anything."""
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                if (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset:
                    self._file = found.st_dev, found.st_ino
                    self._offset = self._lines = 0
                    self._seen = None
                if (found.st_size, found.st_mtime_ns) == self._seen:
                    return False
                file.seek(self._offset)
                content = file.read()
        except OSError as error:
            self._file, self._seen = None, None
            self.wrong = f"{self.path} cannot be read: {error.strerror}"
            return False
        self._seen = found.st_size, found.st_mtime_ns
        return self._take(content)

    def take(self, content: bytes) -> None:
        """The whole of a ledger from elsewhere, such as its copy in git; the file stays wrong."""
        self._offset = self._lines = 0
        wrong = self.wrong
        self._take(content)
        self.wrong = wrong or self.wrong
        self._file = self._seen = None

    def _take(self, content: bytes) -> bool:
        entries: list[Entry] = []
        self.wrong = ""
        for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):
            try:
                entries.append(ledger_file.decode(line.decode()))
            except (ValueError, RecursionError) as error:
                number = self._lines + len(entries) + 1
                self.wrong = f"{self.path} line {number} is damaged: {error}"
                break
            self._offset += len(line)
        is_new = self._lines == 0
        self._lines += len(entries)
        try:
            self._add(entries, is_new=is_new)
        except Contradiction as error:
            self.wrong = str(error)
        return bool(entries)

    def _add(self, entries: list[Entry], *, is_new: bool) -> None:
        """Raises Contradiction; what came before it counts."""
        if not entries:
            return
        if is_new:
            try:
                self.history = History.of(entries)
            except Contradiction as error:
                self.history = History.of(entries[: error.line - 1])
                raise
            return
        for entry in entries:
            self.history = self.history.after(entry)
