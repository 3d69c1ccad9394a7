"""results/<tag>/status.json: what a running harness does right now, for `thinker watch`.

Nothing of it is needed to resume; what counts is in the ledger. It is replaced in one step, and a
reader takes what is no status, or another harness's, for none.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from harness.ledger import reader_of_dataclass

FILE = "status.json"
EVERY_S = 2.0  # between two writings
LARGEST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Running:
    """A trial on its slot, since a time (UTC, ISO 8601)."""

    slot: int
    experiment: int
    seed: int
    since: str


@dataclass(frozen=True, slots=True)
class Status:
    """Of the process `pid` at `time`; times are UTC, ISO 8601, and "" for what is not so.

    `trying_since`: a proposal is being tried on the CPU; `trouble` is why the researcher is away;
    `is_low`: there is no room on a disk; `failures` are those of listeners, and `said` the last;
    `died` is the error that ends the process.
    """

    pid: int
    time: str
    running: tuple[Running, ...] = ()
    thinking_since: str = ""
    trying_since: str = ""
    note: str = ""
    trouble: str = ""
    is_low: bool = False
    failures: int = 0
    said: str = ""
    died: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person is to know now, the trouble aside, which stands with the researcher."""
        listeners = f"{self.said} ({self.failures} failures)" if self.said else ""
        return tuple(text for text in (self.note, listeners) if text and text != self.trouble)


def read_status(folder: Path) -> Status | None:
    """None where there is none that can be read."""
    try:
        with (folder / FILE).open("rb") as file:
            found = json.loads(file.read(LARGEST))
        names = {field.name for field in dataclasses.fields(Status)}
        known = {name: value for name, value in found.items() if name in names}
        status = reader_of_dataclass(Status)(known)
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return status if isinstance(status, Status) else None


def write_status(folder: Path, status: Status) -> None:
    """For its owner's eyes. Raises OSError."""
    unfinished = folder / f"{FILE}.tmp"
    with contextlib.suppress(FileNotFoundError):
        unfinished.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(unfinished, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump(dataclasses.asdict(status), file, allow_nan=False)
    unfinished.replace(folder / FILE)


class Publisher:
    """Writes what `now` gives while it is open, in a thread of its own. Use it in a `with`."""

    def __init__(self, folder: Path, now: Callable[[], Status], every_s: float = EVERY_S) -> None:
        self.folder, self.now, self.every_s = folder, now, every_s
        self._end = Event()
        self._thread = Thread(target=self._work, name="status", daemon=True)

    def _work(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # a full disk, say: the next one may be written
                write_status(self.folder, self.now())
            if self._end.wait(self.every_s):
                return

    def __enter__(self) -> "Publisher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=1.0)
        for name in (FILE, f"{FILE}.tmp"):
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()
