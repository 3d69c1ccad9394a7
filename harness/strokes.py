"""What a picture of a campaign is made of: clocks, bars, texts of others, lines with a label."""

import functools
import re

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from harness.plain import plain

LABEL = 12  # columns of the names on the left
_MARK = "\\u0300-\\u036f\\u0483-\\u0489\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff"
MARKS = re.compile(f"(?<=[{_MARK}])[{_MARK}]+")  # all but the first of a pile
LONGEST = 20_000  # characters of a text that are looked at
Piece = str | tuple[str, str] | Text  # as it is, with a style, or drawn already


def clock(seconds: float) -> str:
    """4:31, or 2:03:11."""
    whole = int(max(0.0, seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def bar(share: float, width: int) -> Text:
    full = round(min(1.0, max(0.0, share)) * width)
    return Text().append("━" * full, style="cyan").append("─" * (width - full), style="dim")


@functools.lru_cache(maxsize=512)  # the same ones, picture after picture
def brief(text: str, cells: int) -> str:
    """Text of others on one line of so many columns. Marks that would stand above each other, and
    out of their line, are left out."""
    shown = plain(MARKS.sub("", text[:LONGEST])[: 8 * cells + 200])
    return shown if cell_len(shown) <= cells else set_cell_size(shown, max(0, cells - 1)) + "…"


def labelled(label: str, *pieces: Piece, width: int) -> Text:
    line = Text(f"{label:<{LABEL}}", style="", no_wrap=True, overflow="ellipsis")
    line.stylize("dim", 0, LABEL)
    for piece in pieces:
        if isinstance(piece, tuple):
            line.append(*piece)
        else:
            line.append(piece)
    line.truncate(width, overflow="ellipsis")
    return line


def cells_of(piece: Piece) -> int:
    if isinstance(piece, Text):
        return piece.cell_len
    return cell_len(piece[0] if isinstance(piece, tuple) else piece)
