"""Learning curves of baseline and incumbent, from the telemetry of one trial of each.

It is an edit's own account: numbers alone are taken from it, and it decides nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness.experiment import BASELINE
from harness.history import History
from harness.metrics import task_mean
from harness.report.figures import is_read
from harness.report.svg import (
    Point,
    Scale,
    axis_x,
    axis_y,
    path,
    stretched,
    thinned,
    ticks,
    up,
)
from harness.researcher.curve_text import telemetry, trial_folder
from harness.tasks import Level, ladder_of

POINTS = 240
NOUNS = {"copy": "copy family", "add": "addition", "mul": "multiplication"}
NOUNS |= {"factor": "factorisation"}
LOWEST, HIGHEST = 1e-6, 1e6  # of a loss that is drawn
REACH = 12  # of a smoothed loss: so many of its neighbours on either side

Line = tuple[str, list[Point]]  # class, (seconds, value)


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    drawing: Markup
    last: tuple[str, ...]  # the last value of baseline and incumbent


class Curves:
    """What the panels show; files are read again only where another trial is shown."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.known: dict[tuple[int, int], list[dict[str, Any]]] = {}

    def panels(self, history: History) -> tuple[list[Panel], str]:
        """None where there is nothing to draw; and which trials these are."""
        numbers = [BASELINE]
        if history.incumbent not in (None, BASELINE):
            numbers.append(history.incumbent or BASELINE)
        rows: dict[int, list[dict[str, Any]]] = {}
        seeds = {}
        shared = _shared_seed(history, numbers)
        for number in numbers:
            for seed in [shared] if shared is not None else _seeds(history, number):
                if found := self._rows(number, seed):
                    rows[number], seeds[number] = found, seed
                    break
        if not rows:
            return [], ""
        named = {n: "baseline" if n == BASELINE else f"experiment {n}" for n in rows}
        words = ", ".join(f"{named[n]} with seed {seeds[n]}" for n in rows)
        return _panels(rows, ladder_of(history.settings.tasks)), words

    def _rows(self, number: int, seed: int) -> list[dict[str, Any]]:
        if (number, seed) not in self.known:
            try:
                found = telemetry(trial_folder(self.results, number, seed))
            except OSError:
                found = []
            self.known[number, seed] = found
        return self.known[number, seed]


def _shared_seed(history: History, numbers: Sequence[int]) -> int | None:
    """One that both were trained with, so that the like is compared."""
    sets = [_seeds(history, number) for number in numbers]
    return next((seed for seed in sets[-1] if all(seed in each for each in sets)), None)


def _seeds(history: History, number: int) -> list[int]:
    if number not in history.records:
        return []
    return [o.seed for o in history.records[number].outcomes if is_read(o)]


def _panels(rows: Mapping[int, list[dict[str, Any]]], ladder: Sequence[Level]) -> list[Panel]:
    classes = {number: "old" if number == BASELINE else "new" for number in rows}
    longest = max((row["seconds"] for each in rows.values() for row in each), default=1.0)
    x = Scale(0.0, longest if 0 < longest < 1e9 else 1.0)
    losses = [(classes[n], _smooth(_losses(each))) for n, each in rows.items()]
    panels = [_loss_panel(losses, x)] if any(points for _, points in losses) else []
    for task in dict.fromkeys(level.task for level in ladder):
        names = [level.name for level in ladder if level.task == task]
        lines = [(classes[n], _means(each, names)) for n, each in rows.items()]
        if any(points for _, points in lines):
            drawing = _drawing(lines, x, up(0.0, 1.0), [(v, f"{v:g}") for v in (0, 0.5, 1)])
            last = tuple(f"{points[-1][1]:.2f}" if points else "–" for _, points in lines)
            panels.append(Panel(f"{NOUNS[task]}, exact match", drawing, last))
    return panels


def _loss_panel(lines: Sequence[Line], x: Scale) -> Panel:
    logs = [(name, [(s, math.log10(v)) for s, v in points]) for name, points in lines]
    values = [value for _, points in logs for _, value in points]
    low, high = min(values), max(values)
    room = max(0.05 * (high - low), 0.05)
    y = up(low - room, high + room)
    decades = range(math.floor(y.low), math.ceil(y.high) + 1)
    marks = [m * 10.0**d for d in decades for m in (1, 2, 5)]
    shown = [v for v in marks if y.low <= math.log10(v) <= y.high]
    shown = shown if len(shown) <= 6 else [v for v in shown if f"{v:.0e}"[0] == "1"]
    if len(shown) < 2:  # a loss that hardly moves
        shown = [v for v in ticks(10**y.low, 10**y.high, 4) if v > 0]
    last = tuple(f"{points[-1][1]:.2g}" if points else "–" for _, points in lines)
    drawing = _drawing(logs, x, y, [(math.log10(v), f"{v:.6g}") for v in shown])
    return Panel("loss, smoothed", drawing, last)


def _drawing(
    lines: Sequence[Line], x: Scale, y: Scale, marks: Sequence[tuple[float, str]]
) -> Markup:
    paths = [
        path([(x.at(s), y.at(v)) for s, v in thinned(points, POINTS)], name)
        for name, points in lines
        if points
    ]
    seconds = [(v, f"{v:,.0f} s" if v else "0") for v in ticks(0.0, x.high, 3)]
    return axis_y(y, marks) + axis_x(x, seconds, 16) + stretched(*paths)


def _losses(rows: Sequence[Mapping[str, Any]]) -> list[Point]:
    found = []
    for row in rows:
        loss = row.get("loss")
        if isinstance(loss, float) and math.isfinite(loss) and loss > 0:
            found.append((row["seconds"], min(HIGHEST, max(LOWEST, loss))))
    return found


def _smooth(points: Sequence[Point]) -> list[Point]:
    """Means of the neighbours, in equal weight of their logarithms."""
    sums = [0.0]
    for _, value in points:
        sums.append(sums[-1] + math.log(value))
    found = []
    for i, (seconds, _) in enumerate(points):
        first, last = max(0, i - REACH), min(len(points), i + REACH + 1)
        found.append((seconds, math.exp((sums[last] - sums[first]) / (last - first))))
    return found


def _means(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Point]:
    means = [(row["seconds"], task_mean(row.get("exact_match") or {}, names)) for row in rows]
    return [(seconds, mean) for seconds, mean in means if mean is not None]
