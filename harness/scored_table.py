"""The scored table: an Evaluation as text, after a training by hand and for `thinker verify` alike.

It describes, it does not print. All fits in 80 columns; from 100 on there are bars as well.
"""

import math
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from harness.controls import QUESTIONS
from harness.evaluation import Control, Evaluation, Interval, LevelResult
from harness.paint import say
from harness.solver_process import LATE

BARS_FROM = 100  # columns
BAR_WIDTH = 20
PARTS = " ▏▎▍▌▋▊▉█"  # eighths of a column
NOUNS = {"copy": "copy family", "add": "addition", "mul": "multiplication"}
NOUNS |= {"factor": "factorisation"}
CONTROLS = {
    "permuted": "permuted weights",
    "dose": "noise on the weights",
    "zero_step": "untrained weights",
    "same_answer": "same question again",
}

ASKED = (
    f"controls ask {QUESTIONS} questions a level; {CONTROLS['same_answer']} counts those right once"
)


def scored_table(evaluation: Evaluation, *, command: str = "") -> "ScoredTable":
    """The table as a rich renderable; `command` is the line that asks the same problems again."""
    return ScoredTable(evaluation, command)


@dataclass(frozen=True, slots=True)
class ScoredTable:
    evaluation: Evaluation
    command: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.evaluation.levels:
            yield levels_table(self.evaluation, has_bars=options.max_width >= BARS_FROM)
            yield from notes(self.evaluation)
        if self.evaluation.controls:
            yield Text()
            yield controls_table(self.evaluation.controls)
            yield Text(ASKED, style="dim")
        yield Text()
        yield conclusion(self.evaluation)
        if self.command:
            yield Text("\nthe same problems again:", style="dim")
            yield Text(in_lines(self.command, options.max_width))


def levels_table(evaluation: Evaluation, *, has_bars: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("exact match", no_wrap=True)
    table.add_column("right", justify="right", no_wrap=True)
    table.add_column("accuracy", justify="right", no_wrap=True)
    if has_bars:
        table.add_column("", no_wrap=True, width=BAR_WIDTH)
    table.add_column("95% interval", no_wrap=True)
    table.add_column("floor", justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)

    def add_mean(name: str, share: float, interval: Interval | None = None) -> None:
        bars = [bar(share)] if has_bars else []
        within = between(interval) if interval else ""
        table.add_row(name, "", figure(share), *bars, within, style="bold")

    def add_level(name: str, result: LevelResult) -> None:
        table.add_row(
            f"  {name}{' *' if result.level.is_full_domain else ''}",
            f"{result.correct}/{result.total}",
            figure(result.accuracy),
            *([bar(result.accuracy)] if has_bars else []),
            between(result.interval),
            Text(figure(result.floor), style="dim"),
            Text(f"{result.seconds:.1f}", style="dim"),
            style="red" if result.error else "",
        )

    for task, share in evaluation.tasks.items():
        add_mean(NOUNS.get(task, task), share)
        for result in evaluation.levels:
            if result.level.task == task:
                add_level(result.level.title.partition(", ")[2], result)
    if evaluation.extra:
        table.add_row(Text("beside the ladder", style="bold"))
    for result in evaluation.extra:
        add_level(result.level.name, result)
    table.add_row()
    add_mean("validation accuracy", evaluation.accuracy, evaluation.interval)
    return table


def notes(evaluation: Evaluation) -> Iterator[Text]:
    """What a reader must know to read the table right, and what went wrong in it."""
    results = (*evaluation.levels, *evaluation.extra)
    yield Text(
        "floor: right by repeating an operand; no more than that is no knowledge", style="dim"
    )
    if any(result.level.is_full_domain for result in results):
        yield Text("* so few problems that training may have met them all", style="dim")
    if evaluation.extra:
        yield Text("beside the ladder: asked as well, not part of the accuracy", style="dim")
    if late := sum(LATE in result.error for result in evaluation.levels):
        many = f"{late} level{'s were' if late > 1 else ' was'}"
        yield Text(f"a lower bound: {many} not asked in full before the time limit", style="yellow")
    for result in results:
        if result.error:
            yield Text(f"{result.level.name}: {first_line(result.error)}", style="red")


def figure(share: float) -> str:
    """Three decimals, where neither 1 nor 0 is said of what only comes close to it."""
    if 0.9995 <= share < 1:
        return "0.999"
    if 0 < share < 0.0005:
        return "<0.001"
    return f"{share:.3f}"


def between(interval: Interval) -> str:
    return f"{interval[0]:.3f}–{interval[1]:.3f}"


def bar(share: float) -> Text:
    eighths = round(share * BAR_WIDTH * 8)
    full, part = divmod(eighths, 8)
    return Text("█" * full + (PARTS[part] if part else ""), style="cyan")


def controls_table(controls: tuple[Control, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("controls", no_wrap=True)
    table.add_column("right", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("")
    for control in controls:
        word, style = verdict(control)
        table.add_row(
            Text(CONTROLS.get(control.name, control.name)),
            Text(f"{control.correct}/{control.total}" if control.total else ""),
            Text(word, style=style),
            Text(control.detail or rule(control), style="dim"),
        )
    return table


def rule(control: Control) -> str:
    """What a control that had nothing to say was held to."""
    match control.name:
        case "permuted" | "zero_step":
            return f"should be chance: {control.limit:.1%}"
        case "dose":
            return f"should be {math.ceil(control.limit * control.total)} or more"
        case "same_answer":
            return f"should be {control.limit:.0%} or more"
        case _:
            return ""


def verdict(control: Control) -> tuple[str, str]:
    if control.skipped:
        return "skipped", "yellow"
    return ("passed", "green") if control.passed else ("FAILED", "bold red")


def conclusion(evaluation: Evaluation) -> Text:
    if evaluation.status == "ok":
        scope = " · the intervals are over the draw of problems, not over training seeds"
        return Text.assemble(("status ok", "bold green"), (scope, "dim"))
    return Text.assemble(
        (f"NOT ACCEPTED, status {evaluation.status}: ", "bold red"),
        evaluation.reason or "no reason was given",
        (f"\nThe accuracy of {figure(evaluation.accuracy)} does not count.", "bold"),
    )


def in_lines(command: str, width: int) -> str:
    """The command indented, broken before an option where it is too long, to be pasted as it is."""
    lines = [""]
    for part in command.split(" --"):
        words = f" --{part}" if lines != [""] else f"  {part}"
        if len(lines[-1]) + len(words) + 2 > width and lines != [""]:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += words
    return "\n".join(lines)


def verify_command(run: Path, evaluation: Evaluation, *, device: str) -> str:
    """The command that asks this run the same problems again."""
    words = ["thinker", "verify", str(short_path(run)), "--seed", evaluation.seed]
    words += ["--problems", str(evaluation.problems)]  # the default depends on who trained it
    if evaluation.extra:
        words += ["--tasks", ",".join(result.level.name for result in evaluation.extra)]
    words += ["--device", device]  # the default is what another machine has
    return shlex.join(words)


def short_path(path: Path) -> Path:
    """Relative where it lies below the current folder, as a person would type it."""
    resolved, here = path.resolve(), Path.cwd()
    return resolved.relative_to(here) if resolved.is_relative_to(here) else resolved


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def say_drawn(*renderables: RenderableType) -> None:
    """On standard output, with colours on a terminal, and no line filled up with spaces."""
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as caught:
        for each in renderables:
            console.print(each)
    say("\n".join(line.rstrip() for line in caught.get().splitlines()))
