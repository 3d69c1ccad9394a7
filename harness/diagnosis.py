"""What a learning curve suggests: a table of symptoms, and the constants to move for each.

A rule of thumb each, with the figure that it goes by in its words. It reads what a training tells
of itself, which decides what is tried next and nothing else.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from harness.knobs import Number
from harness.metrics import is_number

Row = Mapping[str, Any]
Symptom = Callable[[Sequence[Row], Mapping[str, Number]], str]
UP, DOWN = True, False
LEAST_ROWS = 10  # with fewer there is no curve to speak of
JUMP = 2.0  # a loss so many times the median of the five before it is a jump
FALLING, FLAT = 0.9, 0.98  # the last fifth's loss as a share of that of the fifth before
WARMUP_SHARE = 0.1  # of the steps; more is long
EASY_WRONG = 0.6  # exact match of a level at most half as long as the frontier; less is hasty
NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Move this constant that way; `aim` is what for, `why` the figure that says so."""

    constant: str
    up: bool
    aim: str
    why: str


def suggestions(rows: Sequence[Row], constants: Mapping[str, Number]) -> Iterator[Suggestion]:
    """The most telling first; no constant twice."""
    seen = set()
    for symptom, remedies in RULES:
        why = symptom(rows, constants)
        for constant, up, aim in remedies if why else ():
            if constant in constants and constant not in seen:
                seen.add(constant)
                yield Suggestion(constant, up, aim, why)


# ---------------------------------------------------------------------------
# Symptoms: the words for it, empty where there is none
# ---------------------------------------------------------------------------


def _unknown(rows: Sequence[Row], constants: Mapping[str, Number]) -> str:
    return "" if rows else "no curve yet, and most trainings depend on this most"


def _unstable(rows: Sequence[Row], constants: Mapping[str, Number]) -> str:
    """Only where no frontier moved: longer problems raise the loss, too."""
    for row in rows:
        if isinstance(row.get("loss"), float) and not math.isfinite(row["loss"]):
            return f"the loss was not finite at step {row.get('step')}"
    told = [row for row in rows if is_number(row.get("loss"))]
    jumps = sum(
        told[i]["loss"] > JUMP * median(row["loss"] for row in told[i - 5 : i])
        and told[i].get("frontier") == told[i - 5].get("frontier")
        for i in range(5, len(told))
    )
    return f"the loss jumped {jumps} times" if jumps > max(2, len(told) / 20) else ""


def _long_warmup(rows: Sequence[Row], constants: Mapping[str, Number]) -> str:
    steps = rows[-1].get("step") if rows else None
    warmup = constants.get("WARMUP_STEPS", 0)
    if not is_number(steps) or steps <= 0 or warmup <= WARMUP_SHARE * steps:
        return ""
    return f"warm-up took {min(1.0, warmup / steps):.0%} of the {steps:.0f} steps"


def _hasty(rows: Sequence[Row], constants: Mapping[str, Number]) -> str:
    exact = next((found for row in reversed(rows) if (found := _numbers(row, "exact_match"))), {})
    frontier = _numbers(rows[-1], "frontier") if rows else {}
    for name, share in exact.items():
        task, _, size = name.partition(":")
        if size.isdecimal() and share < EASY_WRONG and frontier.get(task, 0) >= 2 * int(size):
            return f"{name} was right at {share:.0%} with the frontier at {frontier[task]:.0f}"
    return ""


def _stuck(rows: Sequence[Row], constants: Mapping[str, Number]) -> str:
    frontiers = [_numbers(row, "frontier") for row in rows]
    if len(rows) < LEAST_ROWS or not frontiers[0]:
        return ""
    stuck = [name for name, first in frontiers[0].items() if frontiers[-1].get(name) == first]
    if 2 * len(stuck) < len(frontiers[0]):
        return ""
    shown = ", ".join(stuck[:NAMES_SHOWN]) + (", …" if len(stuck) > NAMES_SHOWN else "")
    return f"{len(stuck)} of {len(frontiers[0])} frontiers never moved ({shown})"


def _late(rows: Sequence[Row], constants: Mapping[str, Number]) -> str:
    for row in rows:
        if _numbers(row, "frontier") != _numbers(rows[0], "frontier"):
            progress = row.get("progress")
            is_late = is_number(progress) and progress > 0.5
            return f"the first frontier moved at {progress:.0%} of the budget" if is_late else ""
    return ""


def _falling(rows: Sequence[Row], constants: Mapping[str, Number]) -> str:
    before, last = _last_fifths(rows)
    is_falling = before > 0 and last / before < FALLING
    return f"loss still falling at the end ({before:.2g} → {last:.2g})" if is_falling else ""


def _flat(rows: Sequence[Row], constants: Mapping[str, Number]) -> str:
    before, last = _last_fifths(rows)
    is_flat = before > 0 and last / before > FLAT
    return f"the loss no longer fell at the end ({before:.2g} → {last:.2g})" if is_flat else ""


RULES: tuple[tuple[Symptom, tuple[tuple[str, bool, str], ...]], ...] = (
    (_unknown, (("LEARNING_RATE", UP, "faster learning"),)),
    (
        _unstable,
        (
            ("LEARNING_RATE", DOWN, "smaller steps"),
            ("GRAD_CLIP", DOWN, "no single large step"),
            ("WARMUP_STEPS", UP, "a gentler start"),
        ),
    ),
    (_long_warmup, (("WARMUP_STEPS", DOWN, "more steps at the full rate"),)),
    (
        _falling,
        (
            ("LEARNING_RATE", UP, "faster learning"),
            ("BATCH", DOWN, "more steps in the same time"),
            ("COOLDOWN", DOWN, "longer at the full rate"),
            ("D_MODEL", DOWN, "more steps in the same time"),
        ),
    ),
    (
        _hasty,
        (
            ("PROMOTE_AT", UP, "a curriculum that waits longer"),
            ("PROMOTE_BY", DOWN, "smaller strides"),
        ),
    ),
    (
        _late,
        (
            ("PROMOTE_AT", DOWN, "an earlier start of the curriculum"),
            ("PROMOTE_BY", UP, "larger strides"),
        ),
    ),
    (
        _stuck,
        (
            ("PROMOTE_AT", DOWN, "frontiers that move sooner"),
            ("DEFAULT_SHARE", UP, "more batches that count for the frontier"),
        ),
    ),
    (
        _flat,
        (
            ("D_MODEL", UP, "a larger model"),
            ("N_STEPS", UP, "more thinking"),
            ("COOLDOWN", UP, "a longer decay"),
            ("BATCH", UP, "less noisy steps"),
        ),
    ),
)


def _last_fifths(rows: Sequence[Row]) -> tuple[float, float]:
    """Median losses of the last fifth but one, and of the last; zeros where there is no curve."""
    losses = [row["loss"] for row in rows if is_number(row.get("loss"))]
    fifth = len(losses) // 5
    if len(losses) < LEAST_ROWS:
        return 0.0, 0.0
    return median(losses[-2 * fifth : -fifth]), median(losses[-fifth:])


def _numbers(row: Row, key: str) -> dict[str, float]:
    found = row.get(key)
    if not isinstance(found, dict):
        return {}
    return {name[:20]: number for name, number in found.items() if is_number(number)}
