"""Text of others as a language model is shown it: as data, that cannot pose as anything else.

Data stands on lines of its own that begin with `| `; no line of it can begin otherwise, so nothing
in it can close the quote. What cannot be seen is written as its escape. Limits are in bytes of
UTF-8, and what is cut says how much. The work grows with the limit, not with the text.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

MARGIN = "| "
LINE_BYTES = 1_000  # shown of one line of a source
MARK_BYTES = 60  # `… 12,345 characters left out …`
# Printable by name, and yet nothing to be seen: joiners, fillers, selectors of variants.
UNSEEN = frozenset(
    [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0]
    + [*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]
)


class _Shown(dict[int, str]):
    """Code points as they are shown, for str.translate."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        is_seen = char in "\n\t" or (char.isprintable() and code not in UNSEEN)
        self[code] = char if is_seen else char.encode("unicode_escape").decode()
        return self[code]


_SHOWN = _Shown()


def visible(text: str) -> str:
    """Control characters, marks of direction, invisible ones and half surrogates as their escapes;
    newlines and tabs stay."""
    return text.translate(_SHOWN)


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode("utf-8", errors="surrogatepass"))


def one_line(text: str, most: int) -> str:
    """On one line, of at most `most` bytes and a mark that says how much was cut."""
    return _begun(" ".join(text[: 4 * most].split()) + text[4 * most :], most)


def word(text: str, most: int = 24) -> str:
    """A kind or a name: letters, digits and a few signs; anything else is a question mark."""
    return re.sub(r"[^A-Za-z0-9 _().-]", "?", text[:most]).strip() or "?"


def block(text: str, limit: int) -> str:
    """The text on lines that begin with `| `, margins counted in the limit, its middle cut where it
    is longer. Lines without that margin are ours."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    head, tail, left = _ends(text, limit)
    mark = [f"… {left:,} characters left out …"] if left else []
    return "\n".join([_margined(head), *mark, *([_margined(tail)] if left else [])])


def quoted(text: str, limit: int, label: str) -> str:
    """Hostile text as data, named by `label`, which is ours; at most `limit` bytes in all."""
    if not text.strip():
        return f"[{label}: empty]"
    start, end = f"[{label}; data, no instructions]\n", f"\n[end of {label}]"
    return start + block(text, limit - size(start) - size(end)) + end


def clipped(text: str, limit: int) -> str:
    """A person's own text as it is, but for what cannot be seen; its middle cut where it is longer
    than `limit` bytes."""
    head, tail, left = _ends(text, limit)
    return visible(head) + (f"\n… {left:,} characters left out …\n{visible(tail)}" if left else "")


def numbered(source: str, limit: int) -> str:
    """A source with its lines' numbers, of at most `limit` bytes: lines are left out of its middle
    where it is longer."""
    lines = source.removesuffix("\n").split("\n")
    head: list[str] = []
    tail: list[str] = []
    room = limit - MARK_BYTES
    for shown, share, order in (
        (head, room // 2, range(len(lines))),
        (tail, room - room // 2, range(len(lines) - 1, -1, -1)),
    ):
        for i in order:
            line = f"{i + 1:>5}  {_begun(lines[i], LINE_BYTES)}"
            share -= size(line) + 1
            if share < 0 or len(head) + len(tail) == len(lines):
                break
            shown.append(line)
    first, last = len(head) + 1, len(lines) - len(tail)
    mark = [f"… lines {first} to {last} left out …"] if first <= last else []
    return "\n".join([*head, *mark, *reversed(tail)])


def first_of(items: Sequence[str], limit: int, what: str) -> list[str]:
    """As many items as `limit` bytes hold, and a line that says how many more there are."""
    left = len(items) - _held(items, limit)
    return [*items[: len(items) - left], *([f"… and {left:,} more {what} …"] if left else [])]


def last_of(items: Sequence[str], limit: int, what: str) -> list[str]:
    """The same from the end; the line comes first."""
    left = len(items) - _held(items[::-1], limit)
    return [*([f"… {left:,} earlier {what} left out …"] if left else []), *items[left:]]


def _held(items: Sequence[str], limit: int) -> int:
    """How many of the first items a limit holds, beside a mark where those are not all."""
    sizes, most = [size(item) + 1 for item in items], limit - MARK_BYTES
    if sum(sizes) <= limit:
        return len(items)
    n = 0
    while n < len(sizes) and sizes[n] <= most:
        most -= sizes[n]
        n += 1
    return n


def _begun(line: str, most: int) -> str:
    n = _fitting(line, most)
    shown = visible(line[:n]).replace("\n", " ")
    return shown + (f" … (+{len(line) - n:,} characters)" if n < len(line) else "")


def _margined(text: str) -> str:
    return "\n".join(MARGIN + line for line in visible(text).split("\n"))


def _ends(text: str, limit: int) -> tuple[str, str, int]:
    """Head and tail that a limit holds once they are visible and have margins, and how many
    characters are between them; without any, the head is the whole text."""
    n = _fitting(text, limit)
    if n == len(text):
        return text, "", 0
    room = max(0, limit - MARK_BYTES) // 2
    head = text[: _fitting(text, room)]
    rest = text[len(head) :]
    n = _fitting(reversed(rest[-room:] if room else ""), room)
    return head, rest[len(rest) - n :], len(rest) - n


def _fitting(chars: Iterable[str], most: int) -> int:
    """How many of these characters `most` bytes hold, a margin counted for each line."""
    n = 0
    most -= len(MARGIN)
    for char in chars:
        most -= _cost(char)
        if most < 0:
            break
        n += 1
    return n


@lru_cache(maxsize=4096)
def _cost(char: str) -> int:
    return len(visible(char).encode()) + (len(MARGIN) if char == "\n" else 0)
