"""Text of others as the page shows it: what cannot be seen as its escape, cut where it is long.

Jinja2's autoescape makes it text of the page; here it loses what would act in text: control
characters, marks of direction, half surrogates. Lengths are in bytes of the page, escapes counted.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.researcher.quoting import one_line, size, visible

LADDER = (65_536, 32_768, 16_384, 8_192, 4_096, 2_048, 1_024, 512)  # of what one text may take
LINE = 1_000  # characters of one line of a diff, a log or a transcript


def line(text: str, most: int = 300) -> str:
    """On one line, of at most `most` bytes and a mark that says how much was cut."""
    return one_line(text, most)


@dataclass(frozen=True, slots=True)
class Long:
    """A text that may be cut: lines of it, the bytes of the page that they take, and how many more
    lines there were, beyond what is ever shown of one text."""

    lines: tuple[str, ...] = ()
    weight: int = 0
    left: int = 0

    @classmethod
    def of(cls, lines: Sequence[str]) -> "Long":
        shown: list[str] = []
        total = 0
        for each in lines:
            shown.append(_short(each.expandtabs(4)))
            total += _bytes(shown[-1])
            if total > LADDER[0]:
                break
        return cls(tuple(shown), total, len(lines) - len(shown))


def cap(sizes: Iterable[int], total: int) -> int:
    """The most that each of so many texts may take, so that together they hold to `total` bytes.

    By powers of two, so that one more text seldom changes what the others show.
    """
    known = list(sizes)
    fitting = (each for each in LADDER if sum(min(each, one) for one in known) <= total)
    return next(fitting, LADDER[-1])


def first(long: Long, most: int, how: str) -> list[str]:
    """As many of the first lines as `most` bytes hold, and one that says how to see all."""
    lines = long.lines
    kept = _held(lines, most)
    left = len(lines) - kept + long.left
    return [*lines[:kept], *([f"… {left:,} more lines: {how}"] if left else [])]


def last(long: Long, most: int, how: str) -> list[str]:
    lines = long.lines
    kept = _held(lines[::-1], most)
    left = len(lines) - kept
    return [*([f"… {left:,} lines before: {how}"] if left else []), *lines[left:]]


def joined(lines: Iterable[str], mark: Callable[[str], str]) -> Markup:
    """Lines of a <pre>, runs of those with the same mark, such as "ins", in an element of it."""
    parts: list[Markup] = []
    for name, run in itertools.groupby(lines, mark):
        block = escape("\n".join(run) + "\n")
        parts.append(Markup(f"<{name}>%s</{name}>") % block if name else block)
    return Markup("").join(parts)


def _held(lines: Sequence[str], most: int) -> int:
    n = 0
    for n, each in enumerate(lines):
        most -= _bytes(each)
        if most < 0:
            return n
    return len(lines)


def _bytes(each: str) -> int:
    """Of a line on the page, its end and its escapes counted."""
    marks = sum(map(each.count, "<>")), sum(map(each.count, "&'\""))
    return (len(each) if each.isascii() else size(each)) + 1 + 3 * marks[0] + 4 * marks[1]


def _short(each: str) -> str:
    left = len(each) - LINE
    return visible(each[:LINE]) + (f" … (+{left:,} characters)" if left > 0 else "")
