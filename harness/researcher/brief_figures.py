"""What a campaign's history comes to, for a researcher: levels, kinds, near misses, hints.

Pure, and linear in the experiments.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.contention import counted
from harness.evaluation import wilson
from harness.experiment import BASELINE, Outcome
from harness.history import History, Record
from harness.leaderboard import Row
from harness.researcher.quoting import word
from harness.tasks import LADDER

PLATEAU = 8  # verdicts without a keep, and a bold step is due
SAME_KIND, CRASHES = 4, 3  # in a row
NEAR_P_REAL = 0.2  # of a discarded experiment; one that does nothing has some 0.15
KINDS = 12  # told apart; the rest is one
REST = "other kinds"

Counts = Mapping[str, tuple[int, int]]  # right answers and all, by the level's name


def pooled(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int]]:
    """The counts of the ok trials together, without those that other work slowed where there are
    others, in the ladder's order."""
    found: dict[str, tuple[int, int]] = {}
    for outcome in counted(outcomes):
        for level in outcome.levels:
            right, total = found.get(level.name, (0, 0))
            found[level.name] = right + level.correct, total + level.total
    ladder = {level.name: place for place, level in enumerate(LADDER)}
    return dict(sorted(found.items(), key=lambda item: ladder.get(item[0], len(ladder))))


def share(counts: tuple[int, int]) -> float:
    return counts[0] / counts[1] if counts[1] else 0.0


def task_means(counts: Counts) -> dict[str, float]:
    """The mean over its levels of each task."""
    found: dict[str, list[float]] = {}
    for name, pair in counts.items():
        found.setdefault(name.partition(":")[0], []).append(share(pair))
    return {task: sum(shares) / len(shares) for task, shares in found.items()}


def apart(mine: Counts, theirs: Counts) -> tuple[list[str], list[str]]:
    """Levels whose 95% intervals do not overlap: those better, and those worse."""
    better, worse = [], []
    for name in (n for n in mine if n in theirs):
        (low, high), (their_low, their_high) = wilson(*mine[name]), wilson(*theirs[name])
        if low > their_high:
            better.append(name)
        elif high < their_low:
            worse.append(name)
    return better, worse


def kind_of(record: Record) -> str:
    return word(record.experiment.kind).lower()


@dataclass(frozen=True, slots=True)
class Yield:
    """What experiments of one kind brought; `best` has the largest effect of those measured."""

    kind: str
    tried: int
    kept: int  # and not withdrawn
    discarded: int
    failed: int  # crashed, or refused by a gate
    best: Row | None
    median_effect: float | None


def yields(history: History, rows: Sequence[Row]) -> list[Yield]:
    """By kind, the most tried first; the baseline and what has no verdict are left out."""
    judged: dict[str, list[Row]] = {}
    for row in rows:
        if row.id != BASELINE and row.verdict in ("keep", "discard", "crash"):
            judged.setdefault(kind_of(history.records[row.id]), []).append(row)
    groups = sorted(judged.items(), key=lambda item: -len(item[1]))
    rest = [row for _, group in groups[KINDS:] for row in group]
    return [_yield(*each) for each in [*groups[:KINDS], *([(REST, rest)] if rest else [])]]


def _yield(kind: str, group: Sequence[Row]) -> Yield:
    measured = [row for row in group if row.effect is not None]
    kept = sum(row.verdict == "keep" and row.standing != "withdrawn" for row in group)
    failed = sum(row.verdict == "crash" for row in group)
    return Yield(
        kind,
        len(group),
        kept,
        len(group) - kept - failed,
        failed,
        max(measured, key=lambda row: row.effect or 0.0, default=None),
        median(row.effect or 0.0 for row in measured) if measured else None,
    )


def near_misses(history: History, rows: Sequence[Row]) -> list[Row]:
    """Discarded experiments that may help after all, the likeliest first: of each kind the best, so
    that they can be combined."""
    candidates = [
        row for row in rows if row.verdict == "discard" and (row.p_real or 0.0) >= NEAR_P_REAL
    ]
    best: dict[str, Row] = {}
    for row in sorted(candidates, key=lambda row: -(row.p_real or 0.0)):
        best.setdefault(kind_of(history.records[row.id]), row)
    return list(best.values())


def moved(history: History, record: Record) -> dict[str, float]:
    """By how much each task's mean reads above the parent's; empty where either was not scored."""
    mine = task_means(pooled(record.outcomes))
    theirs = task_means(pooled(history.records[record.experiment.parent].outcomes))
    return {task: mine[task] - theirs[task] for task in mine if task in theirs}


def calibration(history: History, rows: Sequence[Row]) -> str:
    """What was hoped for and what came, over all experiments that said what they hope for."""
    pairs = [
        (expected, row.effect)
        for row in rows
        if (expected := history.records[row.id].experiment.expected) is not None
        and row.effect is not None
        and math.isfinite(expected)
    ]
    if not pairs:
        return ""
    hoped, came = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    return (
        f"hoped for {hoped:+z.4f} on average in {len(pairs)} experiments; what came: {came:+z.4f}"
    )


def since_keep(history: History) -> int:
    """Verdicts since the last keep that still stands, or the baseline."""
    n = 0
    for number in reversed(history.judged):
        record = history.records[number]
        is_kept = record.verdict is not None and record.verdict.decision == "keep"
        if number == BASELINE or (is_kept and record.standing != "withdrawn"):
            break
        n += 1
    return n


def hints(history: History) -> list[str]:
    """What the last verdicts suggest about the size and the kind of the next step."""
    found, n = [], since_keep(history)
    last = [history.records[number] for number in history.judged if number != BASELINE]
    crashes = _run([bool(r.verdict and r.verdict.decision == "crash") for r in last], True)
    kinds = [kind_of(record) for record in last]
    if crashes >= CRASHES:
        found.append(
            f"The last {crashes} experiments crashed or were refused: take a smaller step, and use"
            " preflight before you submit."
        )
    elif n >= PLATEAU:
        found.append(
            f"Nothing was kept in the last {n} verdicts: a bold step is due, a change of structure"
            " and not of a constant; or a combination of near misses; or the removal of something."
        )
    if kinds and (same := _run(kinds, kinds[-1])) >= SAME_KIND:
        found.append(f"The last {same} were all of kind {kinds[-1]}: try another kind.")
    return found


def _run(values: Sequence[object], value: object) -> int:
    """How many of the last values in a row are this one."""
    n = 0
    while n < len(values) and values[-1 - n] == value:
        n += 1
    return n
