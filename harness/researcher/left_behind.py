"""What a command left in its folder: the edited train.py, and what it says of it.

Everything is read as from a stranger: plain files only, of bounded size, nothing through links.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.plain import plain
from harness.untrusted import opened

SOURCE_BYTES, WORDS_BYTES = 2**20, 2**16
HYPOTHESIS_CHARS, KIND_CHARS = 500, 40
NO_HYPOTHESIS = "no hypothesis was given"
NO_SOURCE = "it left no train.py that is a plain file of UTF-8 text of at most 1 MB"
UNCHANGED = "it left train.py as it was"
# `Hypothesis: …`, `**Kind**: …`, `## Expected effect`
FIELD = re.compile(
    r"[\s#*_>-]*(hypothesis|expected(?:[ _]effect)?|kind)[\s*_]*(?:[:=][\s*_]*(.*)|)$",
    re.IGNORECASE,
)
NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(%?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Left:
    """`hypothesis` is empty where none was given."""

    source: str
    hypothesis: str
    expected: float | None
    kind: str


def read_left(work: Path, before: str) -> Left | str:
    """What is there, or in words what is wrong with it; `before` is the train.py it was given."""
    source = read_text(work, ("train.py",), SOURCE_BYTES)
    if source is None:
        return NO_SOURCE
    if source == before:
        return UNCHANGED
    fields = _fields(work)
    return Left(
        source,
        plain(str(fields.get("hypothesis", "")))[:HYPOTHESIS_CHARS],
        _gain(fields.get("expected")),
        plain(str(fields.get("kind", "")))[:KIND_CHARS].lower() or "idea",
    )


def read_text(
    folder: Path, names: tuple[str, ...], most: int, errors: str = "strict"
) -> str | None:
    """A plain file of at most so many bytes, as UTF-8; None where it is anything else."""
    with opened(folder, names) as handle:
        if handle is None:
            return None
        found = b""
        while len(found) <= most and (piece := os.read(handle, most + 1 - len(found))):
            found += piece
    try:
        return found.decode(errors=errors) if len(found) <= most else None
    except UnicodeDecodeError:
        return None


def _fields(work: Path) -> Mapping[str, object]:
    """hypothesis, expected and kind, as far as they are given."""
    text = read_text(work, ("proposal.json",), WORDS_BYTES)
    if text is not None:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            expected = found.get("expected", found.get("expected_effect"))
            given = {name: found.get(name) for name in ("hypothesis", "kind")}
            texts = {name: value for name, value in given.items() if isinstance(value, str)}
            return {**texts, "expected": expected}
    return fields_of(read_text(work, ("PROPOSAL.md",), WORDS_BYTES) or "")


def fields_of(text: str) -> dict[str, object]:
    """Of a PROPOSAL.md. Without a hypothesis by name it is the first line that says something."""
    found: dict[str, object] = {}
    waiting = first = ""
    for line in text.splitlines():
        said = line.strip().strip("#*_ \t")
        if field := FIELD.match(line):
            name = field[1].lower().split()[0].partition("_")[0]
            value = (field[2] or "").strip().strip("*_ ")
            waiting = "" if value else name
            if value:
                found.setdefault(name, value)
        elif said and waiting:
            found.setdefault(waiting, said)
            waiting = ""
        elif said:
            first = first or said
    if first:
        found.setdefault("hypothesis", first)
    return found


def _gain(value: object) -> float | None:
    """0.01, "+0.01", "about 1 %"; None for what is no gain in accuracy."""
    if isinstance(value, str) and (number := NUMBER.search(value)):
        value = float(number[1]) / (100 if number[2] else 1)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and abs(value) <= 1 else None
