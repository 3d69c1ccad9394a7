"""The drawing of progress: every trial, and what is believed of the incumbent meanwhile.

A trial's whisker is 95% over the draw of its problems. The band is 95% of what is believed now of
whatever was the incumbent at that place; the dashed line is what was believed of it then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from harness.evaluation import Z_95
from harness.experiment import BASELINE, Posterior
from harness.history import History, Record
from harness.report.figures import figure, incumbent_at, interval_of, is_read
from harness.report.svg import (
    Point,
    Scale,
    axis_x,
    axis_y,
    element,
    label,
    path,
    percent,
    stretched,
    ticks,
    told_apart,
    up,
)

ROOM = 3.2  # percent of the width that a label takes
CLIPPED = 0.04  # share of the trials that the axis may leave below it, at most


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are: experiments by number or by time, accuracies up."""

    x: Scale
    y: Scale
    of: Callable[[Record], float]  # the experiment's value on x


def by_number(history: History, y: Scale) -> Place:
    tried = [number for number, record in history.records.items() if record.outcomes]
    last = max([1, *tried, *history.judged])  # not what waits: it would leave a gap
    return Place(Scale(-0.5, last + 0.5, 1.0, 98.0), y, lambda record: record.experiment.id)


def by_time(history: History, y: Scale) -> Place:
    """Hours since the start, at the verdict; what has none yet is at the proposal."""
    begun = datetime.fromisoformat(history.started_at)

    def hours(record: Record) -> float:
        at = datetime.fromisoformat(record.judged_at or record.proposed_at)
        return (at - begun).total_seconds() / 3600

    end = (datetime.fromisoformat(history.worked_until) - begun).total_seconds() / 3600
    return Place(Scale(0.0, max(end, 1e-6), 1.0, 98.0), y, hours)


@dataclass(frozen=True, slots=True)
class Reading:
    """A trial's accuracy, its 95% interval over problems, and what is said of it."""

    record: Record
    accuracy: float
    low: float
    high: float
    words: str


def readings_of(history: History) -> list[Reading]:
    """Of all trials that were read, those of kept experiments last, so that they lie on top."""
    found = []
    for record in sorted(history.records.values(), key=lambda r: r.standing is not None):
        for outcome in filter(is_read, record.outcomes):
            low, high, at = *interval_of(outcome.levels), outcome.accuracy
            words = f"{record.experiment.id}: {at:.3f} [{low:.3f}, {high:.3f}] {_word(record)}"
            found.append(Reading(record, at, low, high, words))
    return found


def heights(
    history: History, read: Sequence[Reading], found: Mapping[int, Posterior]
) -> tuple[Scale, int]:
    """The vertical scale, whiskers within it, and how many trials lie below it: collapses would
    flatten the rest."""
    if not read:
        return up(0.0, 1.0), 0
    ordered = sorted(read, key=lambda each: each.accuracy)
    bands = [
        value for n in history.judged for value in _limits(found.get(n)) if _was_tip(history, n)
    ]
    low = ordered[int(len(ordered) * CLIPPED) if len(ordered) >= 20 else 0].low
    low, high = min([low, *bands]), max([*(each.high for each in read), *bands])
    room = max(0.05 * (high - low), 0.004)
    scale = up(max(0.0, low - room), min(1.0, high + room))
    return scale, sum(each.accuracy < scale.low for each in read)


def draw(
    history: History, read: Sequence[Reading], found: Mapping[int, Posterior], place: Place
) -> Markup:
    """The inside of an <svg>."""
    y = place.y
    parts = [axis_y(y, told_apart(ticks(y.low, y.high, 8)))]
    parts.append(axis_x(place.x, _marks(place.x)))
    steps = steps_of(history, place)
    parts.append(stretched(*_band(steps, found, place), *_then(history, place)))
    parts += [_trial(reading, place) for reading in read]
    highest: dict[int, float] = {}
    for reading in read:
        number = reading.record.experiment.id
        highest[number] = max(reading.accuracy, highest.get(number, 0.0))
    taken: list[Point] = []
    labels: list[Markup] = []
    for number, record in history.records.items():
        if record.verdict and number not in highest:
            parts.append(_tick(record, place))
        elif record.standing:
            labels += _label(record, place, highest[number], taken)
    parts += labels
    parts += _now(history, found, place)
    return Markup("").join(parts)


def steps_of(history: History, place: Place) -> list[tuple[float, float, int]]:
    """Stretches of x and the incumbent there, in the order of the verdicts. Where a verdict falls
    after one that lies further right, what came of it begins no further left than that began."""
    found: list[tuple[float, float, int]] = []
    start = at = place.x.low
    tip = BASELINE

    def change(x: float, new: int) -> None:
        nonlocal start, tip
        if new != tip:
            end = max(start, x)
            found.append((start, end, tip))
            start, tip = end, new

    for number in history.judged:
        record = history.records[number]
        pair = incumbent_at(record)
        assert pair is not None
        change(at, pair[0])  # where a standing moved it since the verdict before
        at = place.of(record)
        change(at, pair[1])
    if history.judged and history.incumbent is not None:
        change(at, history.incumbent)
        found.append((start, place.x.high, tip))
    return found


def _band(
    steps: Sequence[tuple[float, float, int]], found: Mapping[int, Posterior], place: Place
) -> list[Markup]:
    lows: list[Point] = []
    highs: list[Point] = []
    means: list[Point] = []
    for start, end, number in steps:
        posterior = found.get(number)
        if posterior is None:
            continue
        low, high = _limits(posterior)
        for x in (place.x.at(start), place.x.at(end)):
            lows.append((x, place.y.at(low)))
            highs.append((x, place.y.at(high)))
            means.append((x, place.y.at(posterior.accuracy)))
    if not means:
        return []
    area = _sparse([*highs]) + _sparse(lows)[::-1]
    return [path(area, "band", close=True), path(_sparse(means), "mean")]


def _then(history: History, place: Place) -> list[Markup]:
    points: list[Point] = []
    for record in (history.records[number] for number in history.judged):
        assert record.verdict
        bar, x = record.verdict.incumbent_accuracy, place.x.at(place.of(record))
        if bar is not None:
            points += [(points[-1][0], place.y.at(bar))] if points else []
            points.append((max(x, points[-1][0]) if points else x, place.y.at(bar)))
    return [path(_sparse(points), "then")] if len(points) > 1 else []


def _sparse(points: list[Point]) -> list[Point]:
    """Without those in the middle of a horizontal stretch."""
    found: list[Point] = []
    for point in points:
        if len(found) > 1 and found[-1][1] == found[-2][1] == point[1]:
            found[-1] = point
        else:
            found.append(point)
    return found


def _trial(reading: Reading, place: Place) -> Markup:
    record, x = reading.record, percent(place.x.at(place.of(reading.record)))
    inside = [element("title", reading.words)]
    if reading.accuracy < place.y.low:
        inside.append(_at_foot(x, "M-3.5 -7h7l-3.5 6z"))
    else:
        ends = {"y1": percent(place.y.at(reading.low)), "y2": percent(place.y.at(reading.high))}
        inside.append(element("line", x1=x, x2=x, **ends))
        size = 4 if record.standing or record.experiment.id == BASELINE else 2.6
        at = percent(place.y.at(reading.accuracy))
        inside.append(element("circle", cx=x, cy=at, r=size))
    return _link(record, _class(record), *inside)


def _tick(record: Record, place: Place) -> Markup:
    """Of an experiment that has no accuracy."""
    assert record.verdict
    x = percent(place.x.at(place.of(record)))
    words = f"{record.experiment.id}: {_word(record)}"
    is_crash = record.verdict.decision == "crash"
    name = "crash" if is_crash else "refused"
    return _link(record, name, element("title", words), _at_foot(x, "M0 3v7"))


def _at_foot(x: str, shape: str) -> Markup:
    """A shape in pixels around a place on the lower edge."""
    return element("svg", element("path", d=shape), x=x, y="100%", overflow="visible")


def _label(record: Record, place: Place, top: float, taken: list[Point]) -> list[Markup]:
    """A kept one's number above its highest trial, where there is room."""
    x, y = place.x.at(place.of(record)), place.y.at(top)
    if any(abs(x - other) < ROOM and abs(y - height) < 6 for other, height in taken):
        return []
    is_tight = any(abs(x - other) < 2.6 * ROOM and abs(y - height) < 8 for other, height in taken)
    taken.append((x, y))
    classes = "name" + (" gone" if record.standing == "withdrawn" else "")
    classes += " tight" if is_tight else ""
    return [label(percent(x), percent(y), str(record.experiment.id), class_=classes, dy=-9,
                  text_anchor="middle")]  # fmt: skip


def _now(history: History, found: Mapping[int, Posterior], place: Place) -> list[Markup]:
    """The incumbent's accuracy as it is believed at the right edge."""
    posterior = found.get(history.incumbent) if history.incumbent is not None else None
    if posterior is None:
        return []
    y = percent(place.y.at(posterior.accuracy))
    return [element("circle", class_="now", cx=percent(place.x.end), cy=y, r=4),
            label("100%", y, figure(posterior.accuracy), class_="now", dx=6, dy=4)]  # fmt: skip


def _link(record: Record, class_: str, *inside: Markup) -> Markup:
    """The baseline is the tabulator's stop, the others are reached from it by arrows."""
    stop = record.experiment.id == BASELINE
    href = f"#e{record.experiment.id}"
    return element("a", *inside, href=href, class_=class_, tabindex=None if stop else -1)


def _class(record: Record) -> str:
    if record.experiment.id == BASELINE:
        return "base"
    if record.standing == "withdrawn":
        return "gone"
    return "kept" if record.standing else "drop"


def _word(record: Record) -> str:
    if record.verdict is None:
        return "no verdict yet"
    if record.experiment.id == BASELINE and record.verdict.decision == "keep":
        return "baseline"
    return record.standing or record.verdict.decision


def _was_tip(history: History, number: int) -> bool:
    return number == BASELINE or history.records[number].standing is not None


def _limits(posterior: Posterior | None) -> tuple[float, ...]:
    if posterior is None:
        return ()
    reach = Z_95 * posterior.accuracy_sd
    return posterior.accuracy - reach, posterior.accuracy + reach


def _marks(x: Scale) -> list[tuple[float, str]]:
    whole = x.low < 0 or x.high - x.low > 8  # experiments, which begin half a place before 0
    values = ticks(max(0.0, x.low), x.high, 8)
    return [(v, f"{v:,.0f}" if whole else f"{v:g}") for v in values if not whole or v == int(v)]
