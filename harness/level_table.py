"""An experiment's exact match by task and level, beside its parent's: counts, change, interval."""

import math
from collections.abc import Iterator, Sequence

from harness.contention import counted
from harness.evaluation import Interval, weights_of, wilson
from harness.experiment import Outcome
from harness.paint import Paint, fitted

Shares = dict[str, tuple[int, int, int]]  # of a level: right and asked, of all trials, and of one


def level_table(
    number: int,
    mine: Sequence[Outcome],
    parent: int,
    theirs: Sequence[Outcome],
    width: int,
    paint: Paint,
) -> Iterator[str]:
    """Its lines, `width` columns at most. `theirs` is empty where there is no parent."""
    own, other = _pooled(mine), _pooled(theirs)
    rows: list[list[str]] = []
    bold: list[int] = []
    tasks = dict.fromkeys(name.partition(":")[0] for name in own)
    for task in tasks:
        names = [name for name in own if name.partition(":")[0] == task]
        bold.append(len(rows))
        rows.append(_row(task, names, own, other))
        rows += [_row(f"  {name}", [name], own, other) for name in names]
    bold.append(len(rows))
    rows.append(_row("all", list(own), own, other))
    head = (
        "exact match", f"{number}: right", f"#{number}", f"{parent}: right", f"#{parent}", "change",
        "95% interval",
    )  # fmt: skip
    drops = (f"{parent}: right", f"{number}: right", "95% interval")
    first, *lines = fitted(head, rows, ("exact match",), width, drops)
    changes_at = first.index("change") if "change" in first else len(first)
    yield paint(first, "dim")
    for place, line in enumerate(lines):
        weight = "bold" if place in bold else ""
        changes = paint(line[changes_at:], _sign(rows[place]))  # as wide as the title above them
        yield paint(line[:changes_at], weight) + changes


def apart(mine: tuple[float, int], theirs: tuple[float, int]) -> Interval:
    """95% interval of a difference of two shares, each with its number of problems, as if drawn
    apart (Newcombe 1998, Stat. Med. 17, 873-890, method 10)."""
    (p, n), (q, m) = mine, theirs
    (p_low, p_high), (q_low, q_high) = wilson(p * n, n), wilson(q * m, m)
    below = math.hypot(p - p_low, q_high - q)
    above = math.hypot(p_high - p, q - q_low)
    return p - q - below, p - q + above


def _row(title: str, names: Sequence[str], own: Shares, other: Shares) -> list[str]:
    both = [name for name in names if name in other]
    mine = _mean(names, own)
    cells = [title, _counts(names, own), f"{mine:.3f}"]
    if not both or len(both) < len(names):
        return [*cells, "", "", "", ""]
    theirs = _mean(names, other)
    below = above = 0.0
    for weight, name in zip(weights_of(list(names)), names, strict=True):
        p, q = own[name][0] / own[name][1], other[name][0] / other[name][1]
        low, high = apart((p, own[name][2]), (q, other[name][2]))
        below += (weight * (p - q - low)) ** 2
        above += (weight * (high - p + q)) ** 2
    change = mine - theirs
    low, high = change - math.sqrt(below), change + math.sqrt(above)
    return [
        *cells, _counts(names, other), f"{theirs:.3f}", f"{change:+z.3f}",
        f"{low:+z.3f} to {high:+z.3f}",
    ]  # fmt: skip


def _sign(cells: Sequence[str]) -> str:
    """A style for a change whose interval leaves zero out."""
    low, _, high = cells[-1].partition(" to ")
    if not high:
        return ""
    return "green" if float(low) > 0 else "red" if float(high) < 0 else ""


def _mean(names: Sequence[str], shares: Shares) -> float:
    weights = weights_of(list(names))
    return sum(w * shares[n][0] / shares[n][1] for w, n in zip(weights, names, strict=True))


def _counts(names: Sequence[str], shares: Shares) -> str:
    return f"{sum(shares[n][0] for n in names)}/{sum(shares[n][1] for n in names)}"


def _pooled(outcomes: Sequence[Outcome]) -> Shares:
    """Of the trials that count."""
    found: Shares = {}
    for outcome in counted(outcomes):
        for level in outcome.levels:
            right, asked, one = found.get(level.name, (0, 0, 0))
            found[level.name] = right + level.correct, asked + level.total, max(one, level.total)
    return found
