"""A training's curve in a few numbers, from its metrics.jsonl.

That file is the edit's own telemetry: numbers only are taken from it, under names of known tasks.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from harness.diagnosis import RULES
from harness.experiment import Outcome
from harness.knobs import Number
from harness.metrics import count, is_number, read_metrics, task_mean
from harness.tasks import COPY_OPERATIONS, LADDER_SIZES, TASKS, Level

SKILLS = (*COPY_OPERATIONS, *(task for task in TASKS if task != "copy"))  # each has a frontier
MOST_MB = 16  # a metrics.jsonl is no larger
SYMPTOMS = 3


def trial_folder(results: Path, number: int, seed: int) -> Path:
    return results / "experiments" / f"{number:04d}" / str(seed)


def telemetry(folder: Path) -> list[dict[str, Any]]:
    """The rows of a trial's metrics.jsonl with nothing but numbers in them, by increasing seconds;
    none where there is none."""
    path = folder / "metrics.jsonl"
    if not path.is_file() or path.stat().st_size > MOST_MB * 2**20:
        return []
    rows: list[dict[str, Any]] = []
    for record in read_metrics(path):
        row: dict[str, Any] = {
            key: float(record[key])
            for key in ("seconds", "loss", "progress")
            if is_number(record.get(key))
        }
        if isinstance(record.get("loss"), float):
            row["loss"] = record["loss"]  # one that is not finite tells something
        row |= {key: n for key in ("step", "samples") if (n := count(record.get(key))) is not None}
        for key in ("frontier", "exact_match"):
            if isinstance(record.get(key), dict):
                row[key] = _numbers(record[key], key == "exact_match")
        if not rows or row["seconds"] >= rows[-1]["seconds"]:
            rows.append(row)
    return rows


def curve(rows: Sequence[Mapping[str, Any]], points: int, ladder: Sequence[Level]) -> list[str]:
    """A table of at most `points` moments, evenly spread, with a column for each task of `ladder`;
    no lines where there are no rows."""
    if not rows:
        return []
    head = f"{'seconds':>8} {'step':>8} {'samples':>10} {'loss':>9}"
    names: dict[str, list[str]] = {}
    for level in ladder:
        names.setdefault(level.task, []).append(level.name)
    lines = [head + "".join(f" {task:>7}" for task in names)]
    for row in _spread(rows, points):
        known: Mapping[str, float] = {}
        for earlier in rows:  # what was last measured by then
            if earlier["seconds"] > row["seconds"]:
                break
            known = earlier.get("exact_match") or known
        means = "".join(f" {_figure(task_mean(known, each), '.3f', 7)}" for each in names.values())
        lines.append(
            f"{_figure(row['seconds'], '.0f', 8)} {_figure(row.get('step'), 'd', 8)}"
            f" {_figure(row.get('samples'), 'd', 10)} {_figure(row.get('loss'), '.4g', 9)}{means}"
        )
    return lines


def frontiers(rows: Sequence[Mapping[str, Any]]) -> str:
    """Where each skill's curriculum began, was half-way, and ended."""
    told = [row["frontier"] for row in rows if row.get("frontier")]
    if not told:
        return ""
    first, middle, last = told[0], told[len(told) // 2], told[-1]
    return ", ".join(
        f"{skill} {first.get(skill, 0):g} → {middle.get(skill, 0):g} → {last[skill]:g}"
        for skill in SKILLS
        if skill in last
    )


def symptoms(rows: Sequence[Mapping[str, Any]], constants: Mapping[str, Number]) -> list[str]:
    """What the rules of thumb see in it, the most telling first."""
    if not rows:
        return []
    found = (why for symptom, _ in RULES if (why := symptom(rows, constants)))
    return list(islice(found, SYMPTOMS))


def pace(outcome: Outcome) -> str:
    """Throughput, memory and scoring of a trial, as the harness measured them."""
    parts = [f"{outcome.train_s:.0f} s of training"]
    if outcome.start_s is not None:
        parts[0] += f" ({outcome.start_s:.1f} s until its first line of metrics)"
    if outcome.steps is not None:
        parts.append(f"{outcome.steps:,} steps")
    if outcome.samples is not None and outcome.train_s > 0:
        parts.append(
            f"{outcome.samples:,} samples ({outcome.samples / outcome.train_s:.0f} a second)"
        )
    if outcome.memory_mb is not None:
        parts.append(f"{outcome.memory_mb:.0f} MB at most")
    if outcome.solve_s is not None:
        parts.append(f"{outcome.solve_s:.1f} s of its 90 s of solving")
    return ", ".join([*parts, f"{outcome.score_s:.0f} s of scoring"])


def _numbers(found: Mapping[str, Any], with_size: bool) -> dict[str, float]:
    known = {}
    for name in (*TASKS, *COPY_OPERATIONS):
        for full in [f"{name}:{s}" for s in LADDER_SIZES.get(name, ())] if with_size else [name]:
            if is_number(found.get(full)):
                known[full] = float(found[full])
    return known


def _spread(rows: Sequence[Mapping[str, Any]], points: int) -> list[Mapping[str, Any]]:
    """Every so many rows, the last one among them; not by time, which anybody could write there."""
    n = min(points, len(rows))
    return [rows[len(rows) * turn // n - 1] for turn in range(1, n + 1)]


def _figure(value: float | None, form: str, width: int) -> str:
    shown = "-" if value is None else format(value, form)
    return f"{shown if len(shown) <= width else format(float(value or 0), '.1e'):>{width}}"
