"""What the page says at its top and in its tables: figures of a history, pure.

± is one standard deviation, an interval holds 95%.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.believed import beliefs_of
from harness.evaluation import Interval, weights_of, wilson
from harness.experiment import BASELINE, LevelCount, Outcome, Posterior
from harness.history import History, Record
from harness.leaderboard import Row, has_crashed, notes, slot_time
from harness.researcher.brief_figures import Counts, apart, pooled, share
from harness.tasks import level as level_of

COLUMNS = 9  # incumbents in the table of levels


def figure(value: float | None, sd: float | None = None, sign: str = "") -> str:
    """A minus sign instead of a hyphen, none before a zero; empty for what is not known."""
    if value is None:
        return ""
    shown = f"{value:{sign}.3f}".replace("-", "−")
    shown = shown if float(f"{value:.3f}") else "0.000"
    return shown + ("" if sd is None else f" ± {sd:.3f}")


def verdict(history: History, found: Mapping[int, Posterior]) -> str:
    """The campaign in one sentence."""
    count = len(history.judged.keys() - {BASELINE})
    tried = f"{count:,} experiment" + ("" if count == 1 else "s")
    if BASELINE not in found:
        is_judged = BASELINE in history.judged
        why = ": there is nothing to compare with" if is_judged else " yet"
        return f"The baseline has no accuracy{why}"
    first = figure(found[BASELINE].accuracy, found[BASELINE].accuracy_sd)
    now = history.incumbent
    if now is None or now == BASELINE or now not in found:
        words = f"Accuracy {first}, the baseline's, after {tried}"
    else:
        words = f"Accuracy {first} → {figure(found[now].accuracy, found[now].accuracy_sd)}"
        words += f" after {tried}"
    return f"{words}; {kept_words(history)}"


def kept_words(history: History) -> str:
    kept = [record for record in history.records.values() if record.standing]
    if not kept:
        return "nothing was kept"
    standings = [record.standing for record in kept]
    confirmed, withdrawn = standings.count("confirmed"), standings.count("withdrawn")
    if len(kept) == 1:
        return f"its one keep is {standings[0]}"
    words = f"{confirmed or 'none'} of {len(kept)} keeps confirmed"
    return words + (f", {withdrawn} withdrawn" if withdrawn else "")


@dataclass(frozen=True, slots=True)
class Key:
    """A figure of the head: `value` in large, what it is, and what it is made of."""

    name: str
    value: str
    more: str = ""


def keys(history: History) -> list[Key]:
    records = [r for n, r in history.records.items() if n != BASELINE]
    decided = [record.verdict.decision for record in records if record.verdict]
    standings = [record.standing for record in records]
    kept = sum(standing is not None for standing in standings)
    more = [f"{standings.count(s)} {s}" for s in ("confirmed", "provisional", "withdrawn")]
    crashes = sum(map(has_crashed, records))
    refused = sum(bool(record.verdict and record.experiment.refused) for record in records)
    went_wrong = f"{crashes or 'none'} crashed" + (f", {refused} refused" if refused else "")
    found = [
        Key("experiments", f"{len(decided):,}", went_wrong),
        Key("kept", f"{kept:,}", ", ".join(m for m in more if m[:2] != "0 ")),
        _duration(history),
    ]
    spent = history.spending.total
    if history.spending.calls:
        found.append(Key("dollars", f"{spent.usd:.2f}", f"{spent.calls:,} calls"))
    used = slot_time(history)
    if used.total_s:
        slots = f"of {history.slots} slot{'' if history.slots == 1 else 's'}"
        found.append(Key("idle", f"{used.idle_s / used.total_s:.1%}", slots))
    noise = beliefs_of(history)[1]
    found.append(Key("noise", f"{noise.sd:.3f}", "sd of one trial"))
    return found


def _duration(history: History) -> Key:
    """Since its start, pauses included."""
    begun = datetime.fromisoformat(history.started_at)
    hours = (datetime.fromisoformat(history.worked_until) - begun).total_seconds() / 3600
    more = f"{history.trials:,} trials"
    if hours < 1:
        return Key("minutes", f"{60 * hours:.0f}", more)
    return Key("hours", f"{hours:.1f}", more)


def warnings(history: History, rows: Sequence[Row], damage: str) -> list[tuple[str, bool]]:
    """What must be known to believe the page, the gravest first, and whether it is grave."""
    found = [(damage, True)] if damage else []
    for note in notes(history):
        if not note.startswith("flagged"):  # said below, as the page has it
            found.append((note, "reserve" not in note))
    flagged = [row.id for row in rows if row.flags]
    if flagged:
        numbers = ", ".join(map(str, flagged[:20]))
        more = f" and {len(flagged) - 20} more" if len(flagged) > 20 else ""
        whose = "experiments" if len(flagged) > 1 else "experiment"
        found.append((f"Flagged trials of {whose} {numbers}{more}: their rows say why", False))
    return found


def points(change: float | None, digits: int) -> str:
    """A change of a share in hundredths; nothing where it is not known."""
    if change is None:
        return ""
    shown = f"{100 * change:+.{digits}f}"
    return shown.replace("-", "−") if float(shown) else "0"


def interval_of(levels: Sequence[LevelCount]) -> Interval:
    """95% of one trial's accuracy over the draw of problems, as `evaluation.mean_interval`."""
    mean = below = above = 0.0
    for weight, each in zip(weights_of([each.name for each in levels]), levels, strict=True):
        at, (low, high) = each.correct / each.total, wilson(each.correct, each.total)
        mean += weight * at
        below += (weight * (at - low)) ** 2
        above += (weight * (high - at)) ** 2
    return max(0.0, mean - below**0.5), min(1.0, mean + above**0.5)


def is_read(outcome: Outcome) -> bool:
    """It has an accuracy that counts."""
    return outcome.status == "ok" and bool(outcome.levels)


# -- levels ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """A level's count, its share in hundredths, and how it stands to another: better, worse."""

    name: str
    title: str
    correct: int
    total: int
    change: float | None  # of the share
    mark: str = ""

    @property
    def share(self) -> float:
        return self.correct / self.total if self.total else 0.0

    @property
    def percent(self) -> int:
        """As it is shown where there is no room for more."""
        return round(100 * self.share)

    @property
    def shade(self) -> int:
        """0 to 10."""
        return round(10 * self.share)


def cells(mine: Counts, theirs: Counts | None) -> dict[str, list[Cell]]:
    """Levels by their task; without `theirs` no change is told."""
    better, worse = apart(mine, theirs or {})
    found: dict[str, list[Cell]] = {}
    for name, (correct, total) in mine.items():
        task, _, size = name.partition(":")
        change = share(mine[name]) - share(theirs[name]) if theirs and name in theirs else None
        mark = "better" if name in better else "worse" if name in worse else ""
        cell = Cell(name, title_of(task, size), correct, total, change, mark)
        found.setdefault(task, []).append(cell)
    return found


@functools.cache
def title_of(task: str, size: str) -> str:
    try:
        return level_of(task, int(size)).title
    except ValueError:
        return f"{task} {size}"


def chosen(numbers: Sequence[int], most: int = COLUMNS) -> list[int]:
    """At most so many, evenly spread, the first and the last among them."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[round(i * (len(numbers) - 1) / (most - 1))] for i in range(most)]


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A level over the incumbents, oldest first; None where it was not asked."""

    title: str
    cells: tuple[Cell | None, ...]
    change: Cell  # the last against the first

    @property
    def shown_change(self) -> float | None:
        """Between the figures that are shown, so that they add up."""
        if self.change.change is None or self.cells[0] is None:
            return None
        return (self.change.percent - self.cells[0].percent) / 100


def over_incumbents(history: History) -> tuple[list[int], list[list[LevelRow]]]:
    """The line's experiments that are shown, and by task a row for each level."""
    line = [n for n in reversed(history.line()) if pooled(history.records[n].outcomes)]
    numbers = chosen(line)
    if not numbers:
        return [], []
    columns = [pooled(history.records[number].outcomes) for number in numbers]
    by_column = [
        {cell.name: cell for group in cells(counts, None).values() for cell in group}
        for counts in columns
    ]
    last = cells(columns[-1], columns[0])
    rows = [
        [LevelRow(c.title, tuple(column.get(c.name) for column in by_column), c) for c in group]
        for group in last.values()
    ]
    return numbers, rows


def incumbent_at(record: Record) -> tuple[int, int] | None:
    """The incumbent before an experiment's verdict and after it, None where it has none."""
    if record.verdict is None:
        return None
    before, number = record.verdict.incumbent, record.experiment.id
    return before, number if record.verdict.decision == "keep" else before
