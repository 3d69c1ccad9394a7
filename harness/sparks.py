"""A series of figures as a line of small bars."""

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
LEAST_CHANGE = 0.05  # of accuracy between the lowest bar and the highest: less is mostly noise


def sparks(
    values: Sequence[float],
    width: int,
    low: float | None = None,
    high: float | None = None,
    least: float = 0.0,
) -> str:
    """At most `width` characters, each the mean of its share of the values; `low` and `high` are
    the ends of the scale, by default the least and the largest, and these `least` apart."""
    if not values or width < 1:
        return ""
    count = min(width, len(values))
    ends = [len(values) * i // count for i in range(count + 1)]
    means = [
        sum(values[start:end]) / (end - start)
        for start, end in zip(ends[:-1], ends[1:], strict=True)
    ]
    bottom = min(means) if low is None else low
    top = max(*means, bottom + least) if high is None else high
    span = top - bottom
    if not 0 < span < math.inf:
        return BARS[0] * count
    return "".join(BARS[min(7, max(0, int((mean - bottom) / span * 8)))] for mean in means)
