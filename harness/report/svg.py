"""Scales, ticks and elements of the page's drawings.

Places are percentages of the drawing, so that it takes any width while its text and strokes keep
their size; paths, which have none, go into an inner drawing of 1,000 by 1,000 that is stretched.
Every value passes through an escape.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to percent of the drawing, the first at `start` and the last at `end`."""

    low: float
    high: float
    start: float = 0.0
    end: float = 100.0

    def at(self, value: float) -> float:
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def up(low: float, high: float) -> Scale:
    """A vertical scale: the larger, the higher."""
    return Scale(low, high, 100.0, 0.0)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values within the range, at most so many and evenly apart."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough), 10 * power)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def told_apart(values: Sequence[float]) -> list[tuple[float, str]]:
    """Each with as many decimals, two at least, as it takes to say where all of them are."""
    reach = max(map(abs, values), default=0.0)
    for decimals in range(2, 8):
        texts = [f"{value:.{decimals}f}" for value in values]
        is_said = all(
            abs(float(text) - value) <= 1e-9 * reach
            for text, value in zip(texts, values, strict=True)
        )
        if is_said and len(set(texts)) == len(texts):
            break
    return list(zip(values, texts, strict=True)) if values else []


def element(name: str, *inside: Markup | str, **attributes: object) -> Markup:
    """`class_` stands for class, and `_` within a name for a hyphen."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    if not inside:
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{''.join(map(escape, inside))}</{name}>")


def percent(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def label(x: str, y: str, words: str, **attributes: object) -> Markup:
    return element("text", words, x=x, y=y, **attributes)


def stretched(*paths: Markup) -> Markup:
    """The inner drawing."""
    return element("svg", *paths, viewBox="0 0 1000 1000", preserveAspectRatio="none",
                   width="100%", height="100%")  # fmt: skip


def path(points: Iterable[Point], class_: str, *, close: bool = False) -> Markup:
    """Through points in percent, for `stretched`."""
    steps = "L".join(f"{10 * x:.1f} {10 * y:.1f}" for x, y in points)
    return element("path", class_=class_, d=f"M{steps}{'Z' if close else ''}")


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many of them, evenly spread, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(turn * step)] for turn in range(most)]


def axis_y(scale: Scale, marks: Sequence[tuple[float, str]]) -> Markup:
    """Grid lines and their labels, left of the drawing."""
    return Markup("").join(
        element("line", class_="grid", x1="0", x2="100%", y1=(y := percent(scale.at(value))), y2=y)
        + label("0", y, words, class_="tick", dx=-8, dy=4, text_anchor="end")
        for value, words in marks
    )


def axis_x(scale: Scale, marks: Sequence[tuple[float, str]], below: int = 23) -> Markup:
    """Labels below the drawing, and short ticks."""
    return Markup("").join(
        label(percent(scale.at(value)), "100%", words, class_="tick", dy=below,
              text_anchor="middle")
        for value, words in marks
    )  # fmt: skip
