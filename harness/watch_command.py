"""`thinker watch`: what `thinker run` shows, from another terminal, and without being in its way.

It reads the ledger, status.json and the curves of trainings that run, and writes nothing. The
campaign may end, be killed, go on, or lose its folder meanwhile.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness import ledger as ledger_file
from harness.errors import Interrupted, Misuse
from harness.follow import Follower
from harness.health import look
from harness.live import EVERY_S, HEALTH_S, Lines
from harness.picture import render
from harness.plain import plain
from harness.reading import RESULTS, ledger_of, ledgers, state_of
from harness.repo import Repo
from harness.scene import Health, Scene
from harness.screen import Screen, TerminalGone, drawn
from harness.stage import Stage
from harness.state import State
from harness.status import Status, read_status

PAGE = 80, 40  # columns and lines of one picture, where COLUMNS and LINES do not say
KEYS, LEFT = "q leaves; the campaign goes on", "q leaves"
KEY_S = 0.25  # between looks at the keys and the terminal's size
STORED_S = 10.0  # between looks at git's copy, where the ledger is gone
SWITCH_S = 5.0  # between looks for a newer campaign, where none was named
LEAVE = (b"q", b"Q", b"\x03", b"\x04", b"")  # the last: the terminal is gone


class Watcher:
    """The campaign that is watched: the one named, else the one that runs, else the newest."""

    def __init__(self, project: Path, tag: str | None) -> None:
        """Raises Misuse where there is none."""
        self.project, self.wanted = project, tag
        self._turn_to(_find(project, tag))

    def _turn_to(self, path: Path) -> None:
        self.path, self.tag = path, path.parent.name
        self.follower = Follower(path)
        self.stage: Stage | None = None
        self._health: Health | None = None
        self._health_at = self._stored_at = -STORED_S
        self._switch_at = time.monotonic() + SWITCH_S
        self.writer: int | None = None

    def look(self) -> None:
        """Read what is new."""
        self.follower.look()
        now = time.monotonic()
        if not self.path.exists() and now - self._stored_at > STORED_S:
            self._stored_at = now
            if stored := _stored(self.project, self.tag):
                self.follower.take(stored.encode())
        self.writer = ledger_file.writer_of(self.path)
        if self.wanted is None and self.writer is None and now > self._switch_at:
            self._switch_at = now + SWITCH_S
            with contextlib.suppress(Misuse):
                newest = _find(self.project, None)
                if newest != self.path and ledger_file.writer_of(newest) is not None:
                    self._turn_to(newest)
                    self.follower.look()
        started = self.follower.history.started
        if started and self.stage is None:
            self.stage = Stage(self.path.parent, State(started.campaign).scratch)

    @property
    def status(self) -> Status | None:
        """The writer's own; where nothing writes, what a killed harness left."""
        found = read_status(self.path.parent)
        return found if found and self.writer in (None, found.pid) else None

    def scene(self) -> Scene | None:
        """None where the campaign has not begun."""
        history, stage = self.follower.history, self.stage
        if history.started is None or stage is None:
            return None
        now = time.monotonic()
        if self._health is None or now - self._health_at > HEALTH_S:
            self._health = look(history.started.gpus, self.path.parent, stage.scratch)
            self._health_at = now
        status = self.status
        wrong = self.follower.wrong
        notes = (*([wrong] if wrong else []), *(status.notes if status and self.writer else ()))
        return stage.scene(history, status, self._health, writer=self.writer, notes=notes)

    @property
    def is_over(self) -> bool:
        """There is nothing more to come."""
        history = self.follower.history
        if self.writer is not None or history.started is None:
            return False
        return state_of(history, None, self.status)[0] in ("finished", "closed")

    @property
    def words(self) -> str:
        """How the campaign stands."""
        return state_of(self.follower.history, self.writer, self.status)[1]


def watch(tag: str | None, once: bool) -> int:
    """Raises Misuse, and Interrupted where there is no picture to leave."""
    watcher, screen = Watcher(Path.cwd(), tag), Screen(sys.stdout)
    try:
        if once:
            _one_picture(watcher, screen)
        elif screen.is_usable:
            with contextlib.suppress(Interrupted):  # Ctrl-C
                _pictures_or_lines(watcher, screen)
        else:
            _lines(watcher)
    except TerminalGone:  # or what reads the lines, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _one_picture(watcher: Watcher, screen: Screen) -> None:
    watcher.look()
    if scene := watcher.scene():
        page = shutil.get_terminal_size(PAGE)
        size = screen.wanted_size() if screen.is_usable else (page.columns, page.lines)
        Lines(sys.stdout).print(*drawn(render(scene, *size), size, screen.colours))


def _pictures_or_lines(watcher: Watcher, screen: Screen) -> None:
    try:
        _pictures(watcher, screen)
    except TerminalGone:
        raise
    except Exception as error:
        said = f"the view failed ({type(error).__name__}: {error}); lines from here"
        Lines(sys.stdout).print(plain(said))
        _lines(watcher)


def _find(project: Path, tag: str | None) -> Path:
    """Its ledger. Raises Misuse."""
    if tag is not None:
        path = ledger_of(project, tag)
        if path.is_file() or _stored(project, tag):
            return path
        found = sorted(p.parent.name for p in (project / RESULTS).glob("*/ledger.jsonl"))
        there = f"; there is {', '.join(found)}" if found else ""
        raise Misuse(f"there is no campaign {tag} in {project / RESULTS}{there}")
    paths = ledgers(project)
    if not paths:
        raise Misuse(
            f"there is no campaign in {project / RESULTS}; thinker run begins one,"
            " in the project's folder"
        )
    return next((path for path in paths if ledger_file.writer_of(path) is not None), paths[0])


def _stored(project: Path, tag: str) -> str:
    """The copy of its ledger in git; empty without one."""
    try:
        repo = Repo(project, tag)
    except Misuse:
        return ""
    try:
        return repo.stored_ledger() or ""
    except repo.failure:
        return ""


def _lines(watcher: Watcher) -> None:
    """A line for each verdict, and one when it stands differently; until there is no more."""
    lines, said = Lines(sys.stdout), ""
    while True:
        watcher.look()
        if watcher.stage:
            lines.tell(watcher.stage.learn(watcher.follower.history))
            words = "; ".join(filter(None, [watcher.words, watcher.follower.wrong]))
            if words != said:
                said = words
                lines.print(plain(f"{watcher.tag} {words}"))
        if watcher.is_over:
            return
        time.sleep(EVERY_S)


def _pictures(watcher: Watcher, screen: Screen) -> None:
    """Until a key or a signal ends it."""
    with _keys() as keys, screen:
        signal.signal(signal.SIGCONT, lambda number, frame: screen.forget())
        while True:
            watcher.look()
            scene = watcher.scene()
            if scene:
                screen.paint(replace(scene, keys=KEYS if scene.state == "running" else LEFT))
            until = time.monotonic() + EVERY_S
            while time.monotonic() < until and not screen.has_new_size():
                if keys is None:
                    time.sleep(KEY_S)
                elif select.select([keys], [], [], KEY_S)[0] and _key(keys) in LEAVE:
                    return


def _key(handle: int) -> bytes:
    """Empty where the terminal is gone."""
    try:
        return os.read(handle, 1)
    except OSError:
        return b""


@contextlib.contextmanager
def _keys() -> Iterator[int | None]:
    """Where keys can be read one by one; None where there is no terminal to type at."""
    if not sys.stdin or not sys.stdin.isatty():
        yield None
        return
    import termios
    import tty

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    try:
        tty.setcbreak(handle)
        yield handle
    finally:
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(handle, termios.TCSADRAIN, before)
