"""A small line plot in text, drawn with the dots of braille signs: two by four to a column."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest

from harness.paint import cut

BLANK = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column within a sign
LARGEST = 1e100  # a figure; more says nothing, and neither does NaN
LABEL = 6  # columns of the figures beside the axis
Point = tuple[float, float]


def plot(
    title: str,
    points: Sequence[Point],
    columns: int,
    rows: int,
    end: float,
    *,
    is_log: bool = False,
) -> list[str]:
    """Lines of `columns` at most: the title, `rows` of the plot, and the axis, 0 to `end` seconds.

    Points that are not finite, before 0, or not above zero on a log scale, are left out; [] where
    none is left.
    """
    kept = [(x, y) for x, y in points if abs(y) < LARGEST and (y > 0 or not is_log) and x >= 0]
    if not kept:
        return []
    wide, high = max(8, columns - LABEL - 2), rows
    heights = [math.log(y) if is_log else y for _, y in kept]
    low, top = min(heights), max(heights)
    if top - low <= 1e-9 * abs(top):
        low, top = low - max(0.5, abs(low) / 2), top + max(0.5, abs(top) / 2)
        if not is_log and min(heights) >= 0:
            low = max(0.0, low)  # a share or a loss is never less
    longest = max(end, *(x for x, _ in kept)) or 1.0
    dots: dict[int, list[float]] = {}
    for (x, _), y in zip(kept, heights, strict=True):
        dots.setdefault(min(2 * wide - 1, int(x / longest * 2 * wide)), []).append(y)
    known = sorted((across, sum(ys) / len(ys)) for across, ys in dots.items())
    signs = [[BLANK] * wide for _ in range(high)]
    last: int | None = None
    for across, y in _joined(known):
        down = min(4 * high - 1, int((top - y) / (top - low) * 4 * high))
        start = down if last is None else last
        for place in range(min(start, down), max(start, down) + 1):  # no gap in a steep line
            signs[place // 4][across // 2] |= DOTS[place % 4][across % 2]
        last = down
    ends = [math.exp(end) if is_log else end for end in (top, low)]
    labels = [_figure(ends[0]), *[""] * (high - 2), _figure(ends[1])]
    lines = [
        f"{label:>{LABEL}} ▏{''.join(map(chr, line))}"
        for label, line in zip(labels, signs, strict=True)
    ]
    last_label = f"{longest:,.0f} s"
    return [
        cut(f"{'':{LABEL}}  {title}", columns),
        *lines,
        f"{'':{LABEL}}  0{last_label:>{wide - 1}}",
    ]


def beside(left: Sequence[str], right: Sequence[str], columns: int) -> list[str]:
    """Two plots in lines together, the second from column `columns` on."""
    pairs = zip_longest(left, right, fillvalue="")
    return [f"{one:{columns}}{two}".rstrip() for one, two in pairs]


def _joined(known: Sequence[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """Every dot from the first to the last, those between two known ones on a straight line."""
    yield known[0]
    for (left, low), (right, high) in pairwise(known):
        for across in range(left + 1, right + 1):
            yield across, low + (high - low) * (across - left) / (right - left)


def _figure(value: float) -> str:
    return f"{value:.3g}"[:LABEL]
