"""Text of a table on a terminal: widths in columns, cuts, styles."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from harness.plain import plain

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35"}
CODES |= {"cyan": "36", "bold green": "1;32", "": ""}
NARROWEST, USUAL = 40, 80
MORE = "…"
NAME = 11  # columns of a fact's name
LONGEST = 4000  # characters of a text that are looked at for one line of it


@dataclass(frozen=True, slots=True)
class Paint:
    """Puts a style on a text, where there are styles at all."""

    has_styles: bool = False

    def __call__(self, text: str, style: str) -> str:
        code = CODES[style] if self.has_styles and text else ""
        return f"\x1b[{code}m{text}\x1b[0m" if code else text


def paint_for(stream: TextIO) -> Paint:
    """Styles on a terminal, or where FORCE_COLOR is set (force-color.org), and none where NO_COLOR
    is (no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return Paint()
    return Paint(stream.isatty() or bool(os.environ.get("FORCE_COLOR")))


def width_of_terminal() -> int:
    """Columns of standard output, or COLUMNS; 80 where there is neither."""
    return max(NARROWEST, shutil.get_terminal_size((USUAL, 24)).columns)


def say(text: str) -> None:
    """On standard output, whose encoding may lack a sign: better a ? than nothing."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    try:
        print(text, flush=True)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fit_lines(lines: Iterable[str], columns: int | None) -> str:
    """Lines that a terminal of so many columns would break within a word, broken between words;
    None: no terminal, and they stay. A command to be copied stays in any case."""
    shown = []
    for line in lines:
        bare = line.lstrip()
        if columns is None or columns_of(line) <= columns or bare.startswith(("thinker ", "git ")):
            shown.append(line)
        else:
            margin = " " * (len(line) - len(bare))
            narrow = wrapped(bare, columns - len(margin), 2).split("\n")
            shown += [f"{margin}{each}" for each in narrow]
    return "\n".join(shown)


def tell(text: str) -> None:
    """On standard error, as harmless words: one line, which a terminal gets broken between words. A
    path or a command that is longer than its line stays whole, to be copied. Raises OSError."""
    line = " ".join(plain(text).split())
    if sys.stderr.isatty():
        import textwrap

        told = os.get_terminal_size(sys.stderr.fileno()).columns
        columns = max(NARROWEST, told or USUAL)
        line = textwrap.fill(
            line, columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    print(line, file=sys.stderr, flush=True)


def columns_if_terminal() -> int | None:
    return width_of_terminal() if sys.stdout.isatty() else None


def columns_of(text: str) -> int:
    """How many columns a text takes; a sign may take two, or none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def line_of(text: str, columns: int) -> str:
    """Any text as one harmless line of so many columns at most, … where it was cut."""
    shown = plain(text[:LONGEST])
    if len(text) > LONGEST:
        shown += MORE
    return cut(shown, columns)


def cut(text: str, columns: int) -> str:
    if columns_of(text) <= columns:
        return text
    kept, used = [], columns_of(MORE)
    for sign in text:
        used += columns_of(sign)
        if used > columns:
            break
        kept.append(sign)
    return "".join(kept).rstrip() + MORE


def pad(text: str, columns: int, *, right: bool = False) -> str:
    blanks = " " * max(0, columns - columns_of(text))
    return blanks + text if right else text + blanks


def wrapped(text: str, columns: int, indent: int) -> str:
    """Any text as harmless words in lines of so many columns, all but the first of them indented; a
    word that is longer than a line is broken."""
    lines, line = [], ""
    for word in plain(text).split():
        for number, piece in enumerate(_pieces(word, columns - indent)):
            is_full = number > 0 or columns_of(line) + 1 + columns_of(piece) > columns
            if line.strip() and is_full:
                lines.append(line)
                line = " " * indent
            line += f" {piece}" if line.strip() else piece
    return "\n".join([*lines, line])


def fitted(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: Sequence[str],
    columns: int,
    drops: Sequence[str],
) -> Iterator[str]:
    """A grid, without the columns of `drops`, the first of them first, that there is no room for;
    cut where that does not help."""
    places = list(range(len(head)))
    for dropped in (*drops, ""):
        names = [head[i] for i in places]
        lines = list(grid(names, [[row[i] for i in places] for row in rows], left))
        if not dropped or max(map(columns_of, lines)) <= columns:
            break
        places = [i for i in places if head[i] != dropped]
    return (cut(line, columns) for line in lines)


def facts_lines(name: str, words: str, columns: int, paint: Paint, style: str) -> list[str]:
    """A fact beside its name, in as many lines as it takes."""
    first, *more = wrapped(f"{'x' * (NAME - 1)} {words}", columns, NAME).split("\n")
    told = paint(f"{name:{NAME}}", "dim") + paint(first[NAME:], style)
    return [told, *(paint(line, style) for line in more)]


def _pieces(word: str, columns: int) -> list[str]:
    if columns_of(word) <= columns:
        return [word]
    pieces, piece, used = [], "", 0
    for sign in word:
        size = columns_of(sign)
        if used + size > columns:
            pieces.append(piece)
            piece, used = "", 0
        piece, used = piece + sign, used + size
    return [*pieces, piece]


def grid(
    head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str] = ()
) -> Iterator[str]:
    """Lines of a table, each column as wide as its widest cell; right-aligned but for those whose
    titles are in `left`. Columns that are empty in all rows are left out. What is in a cell is made
    harmless."""
    rows = [[cell if cell.isprintable() else plain(cell) for cell in row] for row in rows]
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    sizes = {i: max(columns_of(row[i]) for row in (head, *rows)) for i in kept}
    for row in (head, *rows):
        cells = [pad(row[i], sizes[i], right=head[i] not in left) for i in kept]
        yield "  ".join(cells).rstrip()
