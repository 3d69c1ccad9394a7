"""What a person sees of a running campaign: a plan, then a table on a terminal or plain lines."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.costs import money, plan_lines
from harness.experiment import Trial
from harness.history import History
from harness.leaderboard import Row, rows, summary
from harness.plain import plain

STYLES = {
    "keep": "green",
    "confirmed": "bold green",
    "withdrawn": "magenta",
    "crash": "red",
    "running": "cyan",
    "waiting": "dim",
}
SHOWN = 15  # experiments in the table: the last ones


def plan(history: History, sandbox: str, *, resumed: bool, ends: str) -> str:
    """One screen: what will happen, where, how, until when."""
    assert history.started
    settings, started, slots = history.settings, history.started, history.slots
    each_s = settings.budget_s * settings.seeds
    where = ", ".join(gpu.name for gpu in started.gpus) or settings.device
    lines = {
        "campaign": started.tag
        + (f", from {started.based_on}" if started.based_on else "")
        + (", resumed" if resumed else ""),
        "researcher": " ".join(settings.researcher),
        **plan_lines(history),
        "rehearsal": "nothing is trained, and every figure is invented"
        if settings.rehearse
        else "",
        "trials": f"{settings.budget_s:g} s each"
        + (f" on {settings.tasks}" if settings.tasks else "")
        + (f", at most {settings.max_steps} steps" if settings.max_steps is not None else "")
        + f", {settings.seeds} seed{'s' if settings.seeds > 1 else ''}, scored on"
        f" {settings.problems} problems a level",
        "slots": f"{slots} on {where}, preset {settings.preset}",
        "sandbox": sandbox,
        "ends": ends,
        "pace": f"up to {3600 / each_s * slots:.1f} experiments an hour, less scoring"
        + (" (fewer steps take less)" if settings.max_steps is not None else ""),
    }
    return "\n".join(f"{key:11} {value}" for key, value in lines.items() if value)


class View:
    """The table on a terminal, else a line for each verdict; silent once `detach` was called."""

    def __init__(self, running: Callable[[], list[Trial]], console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.running = running
        self.history = History()
        self.note = ""
        self.told: set[tuple[int, str, str]] = set()
        self.started = time.monotonic()
        self.live = (
            Live(get_renderable=self.render, console=self.console, refresh_per_second=2)
            if self.console.is_interactive
            else None
        )
        self.detached = False

    def show(self, history: History, text: str | None) -> None:
        if history is not self.history and not text:
            self.note = ""  # what was waited for has come
        self.history = history
        if self.detached:
            return
        if text and text != self.note:
            self.note = text
            if not self.live:
                self.line(text)
        if not self.live:
            for row in rows(history):
                fact = (row.id, row.verdict, row.standing)
                if row.verdict in ("keep", "discard", "crash") and fact not in self.told:
                    self.told.add(fact)
                    self.line(f"{row.id:4} {_line(row)}")

    def line(self, text: str) -> None:
        try:
            self.console.print(Text(text), soft_wrap=True)
        except OSError:  # the terminal is gone; the campaign is not
            self.detach()

    def detach(self) -> None:
        """The terminal was closed: nothing is written to it any more."""
        self.detached = True
        self.live = None

    def render(self) -> RenderableType:
        busy = [trial.experiment for trial in self.running()]
        parts: list[RenderableType] = [table(rows(self.history, busy)[-SHOWN:])]
        parts.append(Text(summary(self.history), style="dim"))
        if spent := money(self.history):
            parts.append(Text(spent, style="dim"))
        if self.note:
            parts.append(Text(self.note, style="yellow"))
        return Group(*parts)

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.live:
            self.live.stop()


def table(shown: list[Row]) -> Table:
    found = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("id", "verdict", "accuracy", "effect", "P(real)"):
        found.add_column(name, justify="right" if name != "verdict" else "left", no_wrap=True)
    found.add_column("hypothesis", ratio=1)
    for row in shown:
        mark = "*" if row.is_incumbent else " "
        found.add_row(
            Text(f"{row.id}{mark}"),
            Text(_word(row), style=STYLES.get(_word(row), STYLES.get(row.verdict, ""))),
            Text(_figure(row.accuracy, row.accuracy_sd, "")),
            Text(_figure(row.effect, row.effect_sd, "+")),
            Text("" if row.p_real is None else f"{row.p_real:.2f}"),
            Text(plain(row.hypothesis)),
        )
    return found


def _figure(value: float | None, sd: float | None, sign: str) -> str:
    if value is None:
        return ""
    return f"{value:{sign}.3f}" + ("" if sd is None else f" ± {sd:.3f}")


def _word(row: Row) -> str:
    if row.standing in ("confirmed", "withdrawn"):
        return row.standing
    if row.verdict == "keep" or row.status in ("ok", ""):
        return row.verdict
    return f"{row.verdict} ({row.status.replace('_', ' ')})"


def _line(row: Row) -> str:
    figure = _figure(row.accuracy, row.accuracy_sd, "")
    accuracy = f" {figure}" if figure else ""
    reason = f": {row.reason}" if row.reason and row.id else ""
    return plain(f"{_word(row)}{accuracy}  {row.hypothesis}{reason}")
