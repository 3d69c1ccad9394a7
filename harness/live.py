"""What a person sees of a campaign that is run here: a plan, then a picture or plain lines."""

import itertools
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Event, Thread
from typing import Self, TextIO

from harness.costs import plan_lines
from harness.executor import Note
from harness.experiment import Gpu
from harness.health import look
from harness.history import History
from harness.paint import facts_lines, paint_for, width_of_terminal
from harness.picture import line_of, render
from harness.plain import plain
from harness.scene import Health, Scene, Told
from harness.schedule import trial_s
from harness.screen import Screen, TerminalGone, drawn, write
from harness.settings import trial_words
from harness.stage import Stage
from harness.status import Status
from harness.tasks import LADDER_SIZES, ladder_of

EVERY_S = 1.0  # between two pictures
LEAST_S = 0.25  # the same, where something has happened meanwhile
PLAN_S = 5.0  # that the plan is left standing for, before pictures cover it until the end
HEALTH_S = 3.0  # between looks at the machine
ENDS_S = 3.0  # for the last picture or line
LAST_LINES = 24  # of the picture that is left standing
MOST_NOTES = 100  # that wait to be told
KEYS = "Ctrl-C: what runs ends, then no more · twice: stop at once, resume later"


def plan(
    history: History, sandbox: str, more: Mapping[str, str], *, resumed: bool, ends: str
) -> str:
    """One screen: what will happen, where, how, until when; then `more`, by its names."""
    assert history.started
    settings, started, slots = history.settings, history.started, history.slots
    where = ", ".join(gpu.name for gpu in started.gpus) or settings.device
    facts = {
        "campaign": started.tag
        + (f", from {started.based_on}" if started.based_on else "")
        + (", resumed" if resumed else ""),
        "researcher": " ".join(settings.researcher),
        **plan_lines(history),
        "rehearsal": "nothing is trained, and every figure is invented"
        if settings.rehearse
        else "",
        "trials": trial_words(settings),
        "slots": f"{slots} on {where}, preset {settings.preset}",
        "sandbox": sandbox,
        "ends": ends,
        "pace": "" if settings.rehearse else _pace(history),
        "sizes": _far(settings.tasks),
        **more,
    }
    columns, paint = width_of_terminal(), paint_for(sys.stderr)
    shown = (facts_lines(k, words, columns, paint, "") for k, words in facts.items() if words)
    return "\n".join(itertools.chain.from_iterable(shown))


def _pace(history: History) -> str:
    settings = history.settings
    if history.trials:
        each_s = trial_s(history) * settings.seeds / history.slots
        return f"some {3600 / each_s:.1f} experiments an hour, as trials took of late"
    each_s = settings.budget_s * settings.seeds / history.slots
    fewer = " (fewer steps take less)" if settings.max_steps is not None else ""
    return f"up to {3600 / each_s:.1f} experiments an hour, less start-up and scoring{fewer}"


def _far(tasks: str | None) -> str:
    """Of sizes beyond the ladder's: what nobody has measured a training at."""
    levels = ladder_of(tasks)
    ends = {level.name: f"{level.task}:{LADDER_SIZES[level.task][-1]}" for level in levels}
    far = [level.name for level in levels if level.size > LADDER_SIZES[level.task][-1]]
    if not far:
        return ""
    return (
        f"{', '.join(far)} is beyond the ladder ({', '.join(ends[name] for name in far)}): few"
        " trainings come so far, and to score such answers may take longer than to train"
    )


class View:
    """The picture on a terminal, else a line for each verdict; silent once `detach` was called.

    It works in a thread of its own: a terminal that takes nothing, or a mistake in what is drawn,
    holds up nobody. After a mistake it goes on in lines.
    """

    def __init__(
        self,
        stage: Stage,
        status: Callable[[], Status],
        history: History,
        gpus: Sequence[Gpu] = (),
        stream: TextIO | None = None,
    ) -> None:
        """What `history` tells already is not told again in lines."""
        self.stage, self.status, self.gpus = stage, status, gpus
        self.history = history
        self.screen = Screen(stream or sys.stderr)
        self.lines = Lines(stream or sys.stderr)
        self.lines.pass_over(stage.learn(history))
        self.is_detached = False
        self.said: deque[str] = deque(maxlen=MOST_NOTES)  # notes that no line tells yet
        self._note = ""
        self._health: Health | None = None
        self._health_at = 0.0
        self._is_over = False
        self._changed = Event()
        self._thread = Thread(target=self._work, name="view", daemon=True)

    def show(self, history: History, note: Note | None) -> None:
        """Called by the loop, and never waits."""
        if history is self.history and note is None:
            return
        if history is not self.history:
            self._note = ""  # what was waited for has come
        self.history = history
        if note and note.text != self._note:
            self._note = note.text
            self.said.append(note.text)
        self._changed.set()

    def detach(self) -> None:
        """The terminal was closed: nothing is written to it any more."""
        self.is_detached = True

    def scene(self) -> Scene:
        status = self.status()
        now = time.monotonic()
        if self._health is None or now - self._health_at > HEALTH_S:
            self._health = look(self.gpus, self.stage.results, self.stage.scratch)
            self._health_at = now
        is_over = self._is_over or self.history.stopped is not None
        writer = None if is_over else status.pid
        scene = self.stage.scene(
            self.history, status, self._health, writer=writer, notes=status.notes
        )
        return scene if is_over else replace(scene, keys=KEYS)

    def _work(self) -> None:
        try:
            if self.screen.is_usable:
                self._pictures()
        except TerminalGone:  # and the campaign is not
            self.detach()
        except Exception as error:
            self.said.append(f"the view failed ({type(error).__name__}: {error}); lines from here")
        try:
            while not self._tell_lines():
                self._pause(0.0)
        except Exception:
            self.detach()

    def _pictures(self) -> None:
        """Until it is over. Leaves the last one standing."""
        first = time.monotonic() + (0.0 if self.history.settings.rehearse else PLAN_S)
        while time.monotonic() < first and not (self._is_over or self.is_detached):
            time.sleep(LEAST_S)
        with self.screen:
            while not (self._is_over or self.is_detached):
                self.screen.paint(self.scene())
                self._pause(LEAST_S)
        if not self.is_detached:
            size = self.screen.size
            last = render(self.scene(), size[0], min(size[1], LAST_LINES))
            self.lines.print(*drawn(last, size, self.screen.colours))
            self.said.clear()
            self.lines.pass_over(self.stage.learn(self.history))

    def _tell_lines(self) -> bool:
        """What is new; whether it is over."""
        is_over = self._is_over
        while self.said and not self.is_detached:
            self.lines.print(plain(self.said.popleft()))
        if not self.is_detached:
            self.lines.tell(self.stage.learn(self.history))
        return is_over

    def _pause(self, least_s: float) -> None:
        """Until something happens, and not shorter than that."""
        if not self._is_over:
            time.sleep(least_s)
            self._changed.wait(EVERY_S - least_s)
            self._changed.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._changed.set()
        self._thread.join(timeout=ENDS_S)


class Lines:
    """Plain lines, one for each verdict, and another when it stands differently later."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._told: set[tuple[int, str, str]] = set()

    def pass_over(self, told: Sequence[Told]) -> None:
        self._told.update((one.id, one.verdict, one.standing) for one in told)

    def tell(self, told: Sequence[Told]) -> None:
        """`told` comes the newest first. Raises TerminalGone."""
        for one in reversed(told):
            fact = (one.id, one.verdict, one.standing)
            if fact not in self._told:
                self._told.add(fact)
                self.print(line_of(one))

    def print(self, *lines: str) -> None:
        write(self.stream, "".join(f"{line}\n" for line in lines))
