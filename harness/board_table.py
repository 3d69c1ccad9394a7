"""The board as text: a line for each experiment, as many columns as the terminal has room for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.experiment import BASELINE
from harness.figures import change, probability, share, short
from harness.leaderboard import Row
from harness.paint import Paint, columns_of, cut, line_of, pad

GAP = "  "
LEAST_TEXT = 30  # columns of the hypothesis before another figure is shown
STYLES = {
    "baseline": "bold",
    "keep": "green",
    "discard": "dim",
    "confirmed": "bold green",
    "withdrawn": "magenta",
    "crash": "red",
    "running": "cyan",
    "waiting": "dim",
}


@dataclass(frozen=True, slots=True)
class Column:
    """`rank` says when it is taken: those of a lower one first. `words` of a row may be empty."""

    title: str
    rank: int
    words: Callable[[Row], str]
    right: bool = True


def table(rows: Sequence[Row], width: int, paint: Paint) -> Iterator[str]:
    """Lines of at most `width` columns: a head, and one for each row. Columns that are empty in all
    rows are left out."""
    if not rows:
        yield "nothing yet"
        return
    cells = [[column.words(row) for row in rows] for column in COLUMNS]
    sizes = [
        max([columns_of(column.title), *map(columns_of, set(texts))]) if any(texts) else 0
        for column, texts in zip(COLUMNS, cells, strict=True)
    ]
    taken = _fitting(sizes, width)
    titles = {COLUMNS[place].title for place in taken}
    if "standing" in titles:
        cells[VERDICT] = [verdict_of(row) for row in rows]
    if "status" not in titles and ACCURACY in taken:  # why there is no figure, in its place
        room = sizes[ACCURACY]
        cells[ACCURACY] = [
            text or cut(_why(row), room) for text, row in zip(cells[ACCURACY], rows, strict=True)
        ]
    used = sum(sizes[place] + len(GAP) for place in taken)
    head = [pad(COLUMNS[p].title, sizes[p], right=COLUMNS[p].right) for p in taken]
    yield paint(GAP.join([*head, cut("hypothesis", width - used)]), "dim")
    for number, row in enumerate(rows):
        shown = [pad(cells[p][number], sizes[p], right=COLUMNS[p].right) for p in taken]
        styled = [_styled(row, COLUMNS[p], t, paint) for p, t in zip(taken, shown, strict=True)]
        yield GAP.join([*styled, line_of(row.hypothesis, width - used)]).rstrip()


def word_of(row: Row) -> str:
    """The verdict, or what later trials made of it."""
    if row.standing in ("confirmed", "withdrawn"):
        return row.standing
    return verdict_of(row)


def verdict_of(row: Row) -> str:
    return "baseline" if row.id == BASELINE and row.verdict == "keep" else row.verdict


def _fitting(sizes: Sequence[int], width: int) -> list[int]:
    """Places of the columns that there is room for, from left to right."""
    taken: list[int] = []
    room = width - min(LEAST_TEXT, width // 3)
    for place in sorted(range(len(sizes)), key=lambda p: COLUMNS[p].rank):
        instead = [p for p in taken if COLUMNS[p].title == COLUMNS[place].title]
        need = sizes[place] + len(GAP) - sum(sizes[p] + len(GAP) for p in instead)
        if not sizes[place]:
            continue
        if need > room and COLUMNS[place].rank:
            break
        taken = [p for p in taken if p not in instead] + [place]
        room -= need
    return sorted(taken)


def _styled(row: Row, column: Column, text: str, paint: Paint) -> str:
    if column.title == "verdict":
        return paint(text, STYLES.get(word_of(row), ""))
    if column.title == "id" and row.is_incumbent:
        return paint(text, "bold")
    return text


# ---------------------------------------------------------------------------
# Columns
# ---------------------------------------------------------------------------


def _whole(number: float | None) -> str:
    return "" if number is None else f"{number:.0f}"


def _status(row: Row) -> str:
    return "" if row.status == "ok" else row.status.replace("_", " ")


def _why(row: Row) -> str:
    """A verdict without an accuracy; every trial of one that was ok was slowed by other work."""
    if row.verdict in ("running", "waiting", row.status):
        return ""
    return _status(row) or ("slowed" if row.status else "")


# In the order in which they stand. One that has the title of another takes its place.
COLUMNS = (
    Column("id", 0, lambda row: f"{row.id}{'*' if row.is_incumbent else ' '}"),
    Column("verdict", 0, word_of, right=False),
    Column("standing", 12, lambda row: row.standing, right=False),
    Column("status", 4, _status, right=False),
    Column("accuracy", 1, lambda row: share(row.accuracy, row.accuracy_sd), right=False),
    Column("raw", 9, lambda row: share(row.raw_accuracy)),
    Column("change", 2, lambda row: change(row.effect), right=False),
    Column("change", 3, lambda row: change(row.effect, row.effect_sd), right=False),
    Column("P(real)", 2, lambda row: probability(row.p_real)),
    Column("on", 9, lambda row: str(row.parent) if row.id != BASELINE else ""),
    Column("trials", 5, lambda row: _whole(row.trials) if row.trials else ""),
    Column("seconds", 6, lambda row: _whole(row.seconds)),
    Column("dollars", 7, lambda row: "" if row.usd is None else f"{row.usd:.2f}"),
    Column("parameters", 10, lambda row: short(row.parameters)),
    Column("samples/s", 11, lambda row: short(row.samples_s)),
    Column("MB", 11, lambda row: _whole(row.memory_mb)),
    Column("kind", 8, lambda row: line_of(row.kind, 14), right=False),
)
ACCURACY = next(place for place, column in enumerate(COLUMNS) if column.title == "accuracy")
VERDICT = next(place for place, column in enumerate(COLUMNS) if column.title == "verdict")
