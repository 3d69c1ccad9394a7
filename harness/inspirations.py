"""Notes that a researcher may read: the files of inspirations/, its README aside.

The folder is read afresh each time, and anyone may drop a file there: nothing is waited for, no
link is followed, and what is shown holds no control characters. What a note says is its author's
word.
Not covered: notes in folders below, and a file that changes between two reads.
"""

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.plain import plain
from harness.untrusted import opened

ENDINGS = (".md", ".py")
MOST_NOTES = 60
SHOWN = 200  # characters of a title, and of a summary
LONGEST = 24_000  # characters of a note that are read
MOST_BYTES = 4 * (LONGEST + 1)  # so many characters in UTF-8, whatever they are
HEADING = re.compile(r" {0,3}#{1,6}[ \t]+")
DOCSTRING = re.compile(
    r"""(?>\s|\#[^\n]*)*+                                # comments may come before it
        [rRuU]?(?:\"{3}(.*?)\"{3}|'{3}(.*?)'{3}|"([^"\n]*)"|'([^'\n]*)')""",
    re.DOTALL | re.VERBOSE,
)


class NoNote(LookupError):
    """A name that the index does not have; the text names those that it has."""


@dataclass(frozen=True, slots=True)
class Note:
    """A file that may be read by its name; `size` is in bytes."""

    name: str
    title: str
    summary: str
    size: int


def index(folder: Path) -> tuple[Note, ...]:
    """The first 60 notes in the order of their names; none where there is no such folder."""
    notes: list[Note] = []
    for name in _names(folder):
        if len(notes) == MOST_NOTES:
            break
        found = _read(folder, name)
        if found is not None:
            text, size = found
            title, summary = _described(name, text)
            notes.append(Note(name, title, summary, size))
    return tuple(notes)


def read_note(folder: Path, name: str) -> str:
    """A note's text, at most 24,000 characters of it and a line that says so. Raises NoNote."""
    names = [note.name for note in index(folder)]
    found = _read(folder, name) if name in names else None
    if found is None:
        there_are = f"there are {', '.join(names)}" if names else "there are none"
        raise NoNote(f"no note named {plain(name)[:SHOWN]!r}: {there_are}")
    text, size = found
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}\n[cut after {LONGEST:,} characters; the file has {size:,} bytes]"


def _names(folder: Path) -> list[str]:
    """Of what could be notes, sorted; a name that cannot be shown as it is cannot be asked for."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(ENDINGS)]
    except OSError:
        return []
    readable = (name for name in names if name == plain(name) and not name.startswith("."))
    return sorted(name for name in readable if Path(name).stem.lower() != "readme")


def _read(folder: Path, name: str) -> tuple[str, int] | None:
    """The start of a file's text, harmless to show, and its size in bytes; None if it has none."""
    with opened(folder.resolve(), [name]) as handle:
        if handle is None:
            return None
        try:
            size = os.fstat(handle).st_size
            data = _start(handle)
        except OSError:
            return None
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(data, final=len(data) < MOST_BYTES)
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text), size


def _start(handle: int) -> bytes:
    data = b""
    while len(data) < MOST_BYTES and (piece := os.read(handle, MOST_BYTES - len(data))):
        data += piece
    return data


def _described(name: str, text: str) -> tuple[str, str]:
    """Title and summary, each of one plain line; the title may be the file's name."""
    title = ""
    if name.endswith(".py"):
        docstring = DOCSTRING.match(text)
        lines = list(_lines(next(filter(None, docstring.groups()), "") if docstring else ""))
        title, others = (lines[0], lines[1:]) if lines else ("", list(_lines(text)))
    else:
        others = list(_lines(text))
        heading = next((line for line in others if HEADING.match(line)), None)
        if heading is not None:
            others.remove(heading)
            title = heading
    return _shown(title) or name[:SHOWN], _shown(others[0]) if others else ""


def _lines(text: str) -> Iterator[str]:
    """Lines that say something: neither empty nor a rule, a fence or a frame."""
    return (line for line in text.split("\n") if any(c.isalnum() for c in line))


def _shown(line: str) -> str:
    return plain(HEADING.sub("", line, count=1))[:SHOWN]
