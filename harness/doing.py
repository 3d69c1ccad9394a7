"""What this process does for its campaign right now: the source of its view and of status.json."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from harness.executor import Note
from harness.experiment import Trial
from harness.history import History
from harness.listeners import Listeners
from harness.status import Running, Status


class Doing:
    """`busy` gives the trials that run and their slots. Told by the loop, asked from any thread."""

    def __init__(self, busy: Callable[[], Mapping[Trial, int]]) -> None:
        self.busy = busy
        self.listeners: Listeners | None = None
        self.thinking_since: Callable[[], float | None] = lambda: None  # of time.monotonic()
        self.trying_since: float | None = None
        self.note = self.trouble = ""
        self.is_low = False
        self.died = ""
        self._since: dict[Trial, str] = {}
        self._events, self._known = -1, 0  # of the newest history: events, experiments

    def heard(self, history: History, note: Note | None) -> None:
        """Take what the loop shows. A note holds until something is recorded; a researcher is away
        until it says that it is back, or proposes itself."""
        if history.events != self._events:
            self._events = history.events
            self.note, self.is_low = "", False
            if history.next_id > self._known:
                self._known = history.next_id
                newest = history.records[history.next_id - 1].experiment
                if not newest.researcher.startswith("offline for"):
                    self.trouble = ""
        if note:
            self.note = note.text
            self.is_low = note.about == "disk"
            if note.about in ("away", "back"):
                self.trouble = note.text if note.about == "away" else ""
        self._stamp()

    @contextlib.contextmanager
    def trying(self) -> Iterator[None]:
        """A proposal is tried on the CPU meanwhile."""
        self.trying_since = time.monotonic()
        try:
            yield
        finally:
            self.trying_since = None

    def status(self) -> Status:
        running = [
            Running(slot, trial.experiment, trial.seed, since)
            for trial, slot, since in self._stamp()
        ]
        return Status(
            os.getpid(),
            _utc(0.0),
            tuple(running),
            _moment(self.thinking_since()),
            _moment(self.trying_since),
            self.note,
            self.trouble,
            self.is_low,
            self.listeners.failures if self.listeners else 0,
            self.listeners.said if self.listeners else "",
            self.died,
        )

    def _stamp(self) -> list[tuple[Trial, int, str]]:
        """The trials that run, since they were seen first; the loop looks twice a second."""
        now, busy = _utc(0.0), dict(self.busy())
        since = {trial: self._since.get(trial, now) for trial in busy}
        self._since = since
        return [(trial, slot, since[trial]) for trial, slot in busy.items()]


def _moment(monotonic_s: float | None) -> str:
    return "" if monotonic_s is None else _utc(time.monotonic() - monotonic_s)


def _utc(ago_s: float) -> str:
    moment = datetime.now(UTC) - timedelta(seconds=ago_s)
    return moment.isoformat(timespec="milliseconds")
