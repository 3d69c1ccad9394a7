"""Who is told of a campaign's newest history, off the loop's thread: files, notifications, a view.

Each is a callable that takes a History. One thread calls them one after another, always with the
newest history, so that what is slow delays nobody and nothing piles up. Whatever a listener does
(raise, hang, fill the disk) is counted and never the campaign's business.
Not covered: a listener that spends the processor for itself, or ends the process.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Condition, Thread

from harness.history import History
from harness.plain import plain

Listener = Callable[[History], None]
HANGS_S = 120.0  # in one call: the others go on without it until it comes back
ENDS_S = 20.0  # for the last history at the end
SAID_CHARS = 300
MOST_KINDS = 100  # of failures that are written down, so that the file stays short


class Listeners:
    """`failures` counts what they raised and the calls that hung; `said` is the last of those in
    one line. The first of each kind is a line of the file `errors` too."""

    def __init__(
        self, listeners: Mapping[str, Listener], errors: Path, *, hangs_s: float = HANGS_S
    ) -> None:
        self.listeners, self.errors, self.hangs_s = dict(listeners), errors, hangs_s
        self.failures, self.said = 0, ""
        self._newest: History | None = None
        self._told: dict[str, History] = {}  # the newest that each has been called with
        self._away: set[str] = set()  # those whose call has not come back
        self._busy, self._since = "", 0.0  # who is called, and from when on
        self._thread: Thread | None = None
        self._kinds: set[str] = set()
        self._changed = Condition()

    def tell(self, history: History, *, again: bool = False) -> None:
        """Never waits for a listener, and raises nothing of theirs. `again`: something beside the
        history has changed, so they are called even with one that they know."""
        with self._changed:
            if again:
                self._told.clear()
            self._newest = history
            self._look_after_thread()
            self._changed.notify_all()

    def end(self, within_s: float = ENDS_S) -> bool:
        """Wait until all have been called with the newest history; whether they have in time."""
        deadline = time.monotonic() + within_s
        with self._changed:
            while self._next() is not None or self._busy:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return False
                self._look_after_thread()
                self._changed.wait(min(left_s, 0.2))
        return not self._away

    def _look_after_thread(self) -> None:
        """Begin it, and another one in place of one that hangs."""
        if self._busy and time.monotonic() - self._since > self.hangs_s:
            self._away.add(self._busy)
            self._fail(self._busy, f"has not come back for {self.hangs_s:g} s")
            self._busy, self._thread = "", None
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._work, name="listeners", daemon=True)
            self._thread.start()

    def _next(self) -> str | None:
        """Who has not heard of the newest history and can be called."""
        return next(
            (
                name
                for name in self.listeners
                if name not in self._away and self._told.get(name) is not self._newest
            ),
            None,
        )

    def _work(self) -> None:
        while True:
            with self._changed:
                while (name := self._next()) is None:
                    self._changed.wait()
                history = self._newest
                assert history
                self._told[name] = history
                self._busy, self._since, mine = name, time.monotonic(), self._thread
            words = _words_of_failure(self.listeners[name], history)
            with self._changed:
                if words:
                    self._fail(name, words)
                if self._thread is not mine:  # it was taken for hung: another goes on
                    self._away.discard(name)
                    self._changed.notify_all()
                    return
                self._busy = ""
                self._changed.notify_all()

    def _fail(self, name: str, words: str) -> None:
        self.failures += 1
        self.said = plain(f"{name}: {words}")[:SAID_CHARS]
        if self.said in self._kinds or len(self._kinds) >= MOST_KINDS:
            return
        self._kinds.add(self.said)
        with contextlib.suppress(OSError), self.errors.open("a", encoding="utf-8") as file:
            file.write(self.said + "\n")


def _words_of_failure(listener: Listener, history: History) -> str:
    """Empty where there was none."""
    try:
        listener(history)
    except BaseException as error:  # even what would end the thread
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ""
