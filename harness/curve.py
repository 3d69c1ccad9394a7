"""curve.png: how a training went, drawn from its metrics.jsonl.

Loss on top left, the sizes that the curriculum had reached on top right, below them one panel of
exact match a task, one line a size. What a line of metrics.jsonl leaves out is left out of the
picture; a torn last line, as a killed training leaves it, is skipped.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.metrics import is_number, read_metrics
from harness.problems import COPY_OPERATIONS, TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A colour a task, told apart by the colour-blind too (Okabe and Ito); the sizes are its shades.
COLOURS = {"copy": "#0072B2", "add": "#D55E00", "mul": "#007A5A", "factor": "#A8508A"}
NOUNS = {"copy": "copy family", "add": "addition", "mul": "multiplication"}
NOUNS |= {"factor": "factorisation"}
OTHER_COLOUR = "#7A7A7A"
INK, FAINT = "#222222", "#DDDDDD"

Records = Sequence[Mapping[str, Any]]
Series = tuple[list[float], list[float]]  # seconds, values


def draw_curve(run: Path) -> Path:
    """Draw run/metrics.jsonl as run/curve.png, by atomic rename."""
    figure = curve_figure(read_metrics(run / "metrics.jsonl"), title=run.name)
    target, unfinished = run / "curve.png", run / "curve.unfinished.png"
    figure.savefig(unfinished, dpi=130, facecolor="white")
    unfinished.replace(target)
    return target


def curve_figure(records: Records, *, title: str) -> "Figure":
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    matches = by_task(series(records, "exact_match"))
    rows = 1 + math.ceil(len(matches) / 2)
    with rc_context({"font.size": 9, "axes.titlesize": 10, "axes.edgecolor": "#999999"}):
        figure = Figure(figsize=(10.5, 0.7 + 2.6 * rows), layout="constrained")
        figure.suptitle(headline(records, title), color=INK, fontsize=11)
        grid = figure.add_gridspec(rows, 2)
        draw_loss(figure.add_subplot(grid[0, 0]), records)
        draw_frontier(figure.add_subplot(grid[0, 1]), series(records, "frontier"))
        for i, (task, sizes) in enumerate(matches.items()):
            is_alone = i == len(matches) - 1 and i % 2 == 0
            place = grid[1 + i // 2, :] if is_alone else grid[1 + i // 2, i % 2]
            draw_matches(figure.add_subplot(place), task, sizes)
        longest = max((record["seconds"] for record in records), default=1.0)
        for axes in figure.axes:
            finish_axes(axes, longest)
    return figure


def headline(records: Records, title: str) -> str:
    if not records:
        return f"{title}: nothing was measured"
    last = {key: value for record in records for key, value in record.items()}
    parts = [title, f"{last['seconds']:,.0f} s"]
    parts += [f"{last[key]:,} {word}" for key, word in WORDS.items() if is_number(last.get(key))]
    return "   ·   ".join(parts)


WORDS = {"step": "steps", "samples": "samples"}


def series(records: Records, key: str) -> dict[str, Series]:
    """The values of a nested entry over the seconds: {"add:4": ([1.0, 2.0], [0.1, 0.9])}."""
    lines: dict[str, Series] = {}
    for record in records:
        entry = record.get(key)
        for name, value in entry.items() if isinstance(entry, dict) else ():
            if is_number(value):
                seconds, values = lines.setdefault(name, ([], []))
                seconds.append(record["seconds"])
                values.append(float(value))
    return lines


def by_task(lines: Mapping[str, Series]) -> dict[str, dict[int, Series]]:
    """Lines named task:size, sorted by task as on the ladder and by size."""
    tasks: dict[str, dict[int, Series]] = {}
    for name, line in lines.items():
        task, _, size = name.partition(":")
        if size.isdecimal():
            tasks.setdefault(task, {})[int(size)] = line
    order = [*TASKS, *sorted(tasks.keys() - set(TASKS))]
    return {task: dict(sorted(tasks[task].items())) for task in order if task in tasks}


def draw_loss(axes: "Axes", records: Records) -> None:
    points = [
        (record["seconds"], record["loss"]) for record in records if is_number(record.get("loss"))
    ]
    seconds, losses = zip(*points, strict=True) if points else ((), ())
    smooth = smoothed(losses)
    axes.plot(seconds, losses, color="#BBBBBB", linewidth=0.8)  # a line's batches differ in skill
    axes.plot(seconds, smooth, color="#444444", linewidth=1.6)
    axes.set_title("loss", color=INK, loc="left", fontweight="bold")
    if any(loss > 0 for loss in losses):
        axes.set_yscale("log")
        plain_log_labels(axes)


def smoothed(values: Sequence[float]) -> list[float]:
    """Each value's mean with its neighbours, a twenty-fifth of them on either side."""
    reach = len(values) // 25
    windows = [values[max(0, i - reach) : i + reach + 1] for i in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def draw_frontier(axes: "Axes", lines: Mapping[str, Series]) -> None:
    """The largest size that the curriculum trains on, as steps."""
    from matplotlib.ticker import FuncFormatter

    axes.set_title("curriculum: largest size trained", color=INK, loc="left", fontweight="bold")
    for name, (seconds, sizes) in lines.items():
        colour = (
            shade(COLOURS["copy"], COPY_OPERATIONS.index(name) / 4)
            if name in COPY_OPERATIONS
            else COLOURS.get(name, OTHER_COLOUR)
        )
        label = f"{name:<8}{sizes[-1]:>4.0f}"
        axes.step(seconds, sizes, where="post", color=colour, linewidth=1.6, label=label)
    if lines:
        axes.set_yscale("log", base=2)
        sizes = [size for _, reached in lines.values() for size in reached if size > 0] or [1.0]
        low, high = math.floor(math.log2(min(sizes))), math.ceil(math.log2(max(sizes)))
        axes.set_ylim(2 ** (low - 0.15), 2 ** (max(high, low + 1) + 0.15))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        legend_beside(axes)


def draw_matches(axes: "Axes", task: str, sizes: Mapping[int, Series]) -> None:
    colour = COLOURS.get(task, OTHER_COLOUR)
    noun = NOUNS.get(task, task)
    axes.set_title(f"{noun}: exact match by size", color=colour, loc="left", fontweight="bold")
    for i, (size, (seconds, shares)) in enumerate(sizes.items()):
        axes.plot(
            seconds,
            shares,
            color=shade(colour, i / max(1, len(sizes) - 1)),
            linewidth=1.6,
            marker="." if len(seconds) < 40 else "",
            label=f"{size:>4}  {shares[-1]:.2f}",
        )
    axes.set_ylim(-0.03, 1.03)
    legend_beside(axes, title="size  last")


def shade(colour: str, depth: float) -> tuple[float, ...]:
    """From 55% white at depth 0 to 35% black at 1."""
    from matplotlib.colors import to_rgb

    white, black = 0.55 * (1 - depth), 0.35 * depth
    return tuple((part * (1 - white) + white) * (1 - black) for part in to_rgb(colour))


def legend_beside(axes: "Axes", title: str | None = None) -> None:
    """Right of the panel, where it hides no line; in figures of one width, so that they line up."""
    axes.legend(
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        handlelength=1.2,
        labelspacing=0.3,
        prop={"family": "monospace", "size": 7.5},
        title_fontproperties={"family": "monospace", "size": 7.5},
        alignment="right",
        borderaxespad=0,
    )


def plain_log_labels(axes: "Axes") -> None:
    """0.5 and 20 in place of powers, at 1, 2 and 5: a short training spans less than a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def finish_axes(axes: "Axes", longest: float) -> None:
    axes.set_xlim(0, longest)
    axes.set_xlabel("seconds", color="#555555")
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors="#555555", which="both")
