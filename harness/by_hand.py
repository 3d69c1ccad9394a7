"""What a person sees of a training: its progress, its curve, and at the end the scored table.

Progress goes to standard error, results to standard output. A training under a harness uses none
of it. Nothing here may cost a training that goes well: a terminal that went away or a full disk
costs the picture, not the checkpoint.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.curve import by_task
from harness.curve import draw_curve as draw_curve  # train.py draws through this module
from harness.evaluation import Evaluation, Refused
from harness.metrics import is_number, read_metrics
from harness.paint import tell
from harness.problems import COPY_OPERATIONS, LADDER_SIZES, TASKS, Level
from harness.scored_table import say_drawn, scored_table, short_path, verify_command
from harness.sparks import sparks

RECENT_S = 20.0  # samples a second are those of so many seconds
PLAIN_EVERY = 0.1  # share of the training between lines where there is no terminal
DRAWS_A_SECOND = 2  # each costs some 3 ms of the training's core


class View:
    """The progress of a training: a bar and the curve's last values, or a line every tenth."""

    def __init__(
        self, budget_s: float, max_steps: int | None, title: str, *, console: Console | None = None
    ) -> None:
        self.budget_s, self.max_steps, self.title = budget_s, max_steps, title
        self.console = console or Console(stderr=True, highlight=False)
        self.record: dict[str, Any] = {}
        self.matches: dict[str, float] = {}  # the last exact match of each level
        self.means: dict[str, list[float]] = {}  # of each task, a value a measurement
        self.recent: deque[tuple[float, int]] = deque()  # seconds, samples
        self.updated_at = time.monotonic()
        self.printed = 0.0  # progress at the last plain line
        self.live = (
            Live(
                get_renderable=self.render,
                console=self.console,
                refresh_per_second=DRAWS_A_SECOND,
                redirect_stdout=False,
            )
            if self.console.is_interactive
            else None
        )

    def __enter__(self) -> Self:
        from harness.reading import at_work

        if tags := at_work(Path.cwd()):
            self.note(f"{', '.join(tags)} is at work here: it and this training slow each other")
        with suppress(OSError):  # the terminal went away
            if self.live:
                self.live.start()
            else:
                self.console.print(self.title, soft_wrap=True, markup=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            if self.live:
                self.live.stop()

    def update(self, record: Mapping[str, Any]) -> None:
        """Take a line of metrics.jsonl; what it leaves out keeps its last value."""
        self.record |= record
        self.updated_at = time.monotonic()
        self.recent.append((self.number("seconds"), int(self.number("samples"))))
        while self.recent[-1][0] - self.recent[0][0] > RECENT_S and len(self.recent) > 2:
            self.recent.popleft()
        measured = record.get("exact_match") or {}
        self.matches |= measured
        for task in {name.partition(":")[0] for name in measured}:
            self.means.setdefault(task, []).append(ladder_mean(task, self.matches))
        if not self.live and self.progress >= self.printed + PLAIN_EVERY - 1e-9:
            self.printed = self.progress
            self.note(self.plain_line())

    def note(self, text: str) -> None:
        """Print one line above the bar."""
        with suppress(OSError):
            self.console.print(text, soft_wrap=True, markup=False)

    def number(self, key: str) -> float:
        value = self.record.get(key)
        return float(value) if is_number(value) else 0.0

    @property
    def progress(self) -> float:
        return min(1.0, max(0.0, self.number("progress")))

    @property
    def samples_per_s(self) -> float:
        if not self.recent:
            return 0.0
        (since, before), (now, samples) = self.recent[0], self.recent[-1]
        if now <= since:  # the first record: since the start
            return samples / now if now > 0 else 0.0
        return (samples - before) / (now - since)

    def seconds_left(self) -> float:
        """By the clock, or with --max-steps by the pace so far, though not beyond the budget."""
        waited = time.monotonic() - self.updated_at
        budget = max(0.0, self.budget_s - self.number("seconds") - waited)
        if self.max_steps is None:
            return budget
        pace = self.number("seconds") / self.progress if self.progress else 0.0
        return min(budget, max(0.0, pace * (1 - self.progress) - waited))

    def figures(self) -> str:
        of = f" of {self.max_steps:,}" if self.max_steps is not None else ""
        loss = self.record.get("loss")
        return "   ".join(
            [
                f"step {self.number('step'):,.0f}{of}",
                f"{self.number('samples'):,.0f} samples",
                f"{self.samples_per_s:,.0f}/s",
                f"loss {loss:.3f}" if is_number(loss) else "loss –",
            ]
        )

    def plain_line(self) -> str:
        means = " ".join(
            f"{task} {self.means[task][-1]:.2f}" for task in TASKS if task in self.means
        )
        seconds = self.number("seconds")
        return f"{self.progress:4.0%} {seconds:5.0f} s   {self.figures()}   {means}".rstrip()

    def render(self) -> Group:
        width = self.console.width
        bar = Table.grid(padding=(0, 2, 0, 0))
        bar.add_row(
            ProgressBar(total=1.0, completed=self.progress, width=min(60, max(10, width - 30))),
            f"{self.progress:4.0%}",
            f"{self.seconds_left():.0f} s left",
        )
        parts: list[RenderableType] = [Text(self.title, style="bold"), bar, Text(self.figures())]
        if self.matches:
            parts += [Text(), self.levels(spark_width=8 if width < 100 else 24)]
        return Group(*parts)

    def levels(self, *, spark_width: int) -> Table:
        """A row a task: its mean over the ladder so far, its last value at each size, its reach."""
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("", "ladder", "", "right, by size", "reach"):
            table.add_column(name, no_wrap=True)
        sizes_of = by_task({name: ([], [share]) for name, share in self.matches.items()})
        for task, sizes in sizes_of.items():
            shares = Text("  ").join(
                Text.assemble((f"{size} ", "dim"), (f"{shares[-1]:.2f}", colour(shares[-1])))
                for size, (_, shares) in sizes.items()
            )
            means = self.means.get(task, [])
            mean = f"{means[-1]:.2f}" if means else ""
            table.add_row(
                Text(task, style="bold"),
                Text(sparks(means, spark_width, 0.0, 1.0), style="cyan"),
                mean,
                shares,
                self.reach(task),
            )
        return table

    def reach(self, task: str) -> str:
        skills = COPY_OPERATIONS if task == "copy" else (task,)
        frontier = self.record.get("frontier") or {}
        sizes = sorted({frontier[skill] for skill in skills if skill in frontier})
        return "–".join(str(size) for size in dict.fromkeys(sizes[:1] + sizes[-1:]))


def ladder_mean(task: str, matches: Mapping[str, float]) -> float:
    """Mean over the task's levels on the ladder; a level too far to be measured yet counts as 0."""
    sizes = LADDER_SIZES.get(task, ())
    on_ladder = [matches.get(f"{task}:{size}", 0.0) for size in sizes]
    return sum(on_ladder) / len(on_ladder) if on_ladder else 0.0


def colour(share: float) -> str:
    return "green" if share >= 0.9 else "yellow" if share >= 0.1 else "dim"


Ask = Callable[[str, int, int], None]


@contextmanager
def asking(*, console: Console | None = None) -> Iterator[Ask]:
    """A callback (what, done, total) that shows how far the asking has come, while it lasts; where
    nothing can be drawn over, that it began."""
    console = console or Console(stderr=True, highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f}%")
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_interactive,
        refresh_per_second=DRAWS_A_SECOND,
    ) as bar:
        shown = bar.add_task("asking", total=None)

        def show(what: str, done: int, total: int) -> None:
            if not (done or console.is_interactive):
                console.print("asking the problems, then the controls")
            bar.update(shown, description=what, completed=done, total=total)

        yield show


def finish(
    run: Path, *, score: bool, problems: int, device: str, extra: tuple[Level, ...]
) -> dict[str, Any]:
    """Draw the curve and, with `score`, measure the accuracy, print its table, write summary.json.

    What could not be drawn, asked or written is said on standard error; the run stays as it is.
    """
    try:
        tell(f"curve: {draw_curve(run)}")
    except OSError as error:
        tell(f"no curve.png: {error.strerror or error}")
    if not score:
        return {}
    from harness.evaluate import evaluate  # not before: it would cost a training that is not scored
    from harness.solver_process import Limits

    try:
        with asking() as ask:
            evaluation = evaluate(
                run,
                seed=None,
                problems=problems,
                extra=extra,
                device=device,
                on_progress=ask,
                limits=Limits.of(problems),
            )
    except Refused as refused:
        tell(f"not scored: {refused.reason}")
        return {"status": refused.status, "reason": refused.reason}
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        reason = f"{where}{error.strerror or error}"
        tell(f"not scored: {reason}; mend that, then thinker verify {short_path(run)}")
        return {"status": "crash", "reason": reason}
    command = verify_command(run, evaluation, device=device)
    summary = summarise(run, evaluation, command)
    if summary["training"].get("tasks", "all") != "all":
        print(f"trained on {summary['training']['tasks']} only; everything is asked")
    say_drawn(scored_table(evaluation, command=command))
    try:
        write_json(run / "summary.json", summary)
    except OSError as error:
        tell(f"no summary.json: {error.strerror or error}")
    return summary


def summarise(run: Path, evaluation: Evaluation, command: str) -> dict[str, Any]:
    """The evaluation, how to repeat it, and the training's figures as its own files give them."""
    import torch

    checkpoint = torch.load(run / "checkpoint.pt", weights_only=True, map_location="cpu", mmap=True)
    names = {"step": "steps", "samples": "samples", "n_params": "parameters"}
    names |= {"seed": "seed", "preset": "preset", "tasks": "tasks"}
    training = {word: checkpoint[key] for key, word in names.items() if key in checkpoint}
    records = read_metrics(run / "metrics.jsonl")
    training["seconds"] = records[-1]["seconds"] if records else None
    return {**evaluation.as_dict(), "command": command, "training": training}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """The old file or the new one, never half of it."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    unfinished.replace(path)
