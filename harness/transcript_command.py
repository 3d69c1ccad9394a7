"""`thinker show ID --transcript`: what was said with the language model, for a person to read."""

import json
from pathlib import Path
from typing import Any

from harness.errors import Misuse
from harness.paint import say
from harness.plain import plain, storable
from harness.researcher.transcript import path_of

LINES = 40  # of one text, without --full


def print_transcript(results: Path, number: int, as_json: bool, full: bool) -> int:
    """Raises Misuse where there is none."""
    path = path_of(results, number)
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        raise Misuse(
            f"experiment {number} has no transcript: no language model was asked for it"
        ) from None
    entries = [entry for line in lines if (entry := entry_of(line))]
    if as_json:
        say(json.dumps(entries, indent=2))
        return 0
    most = None if full else LINES
    say("\n".join(line for entry in entries for line in told(entry, most)))
    return 0


def entry_of(line: str) -> dict[str, Any] | None:
    """None for a line that a kill tore."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def told(entry: dict[str, Any], most: int | None = LINES) -> list[str]:
    """A line of a transcript in lines for a person, at most so many of each text."""
    kind, time = plain(str(entry.get("kind"))), plain(str(entry.get("time")))
    head = f"== {time} {kind}"
    match kind:
        case "system":
            sizes = ", ".join(f"{len(str(part)):,}" for part in entry.get("parts", ()))
            return [f"{head}: {plain(str(entry.get('model')))}, prompt of {sizes} characters"]
        case "reply":
            head += f": {plain(str(entry.get('stop_reason')))}, {entry.get('usd', 0):.4f} dollars"
        case "said":
            pass
        case _:
            return [f"{head}: {plain(str(entry.get('reason', '')))}"]
    blocks = entry.get("content", ())
    return [head, *(line for block in blocks for line in _block(block, most))]


def _block(block: Any, most: int | None) -> list[str]:
    if not isinstance(block, dict):
        return _cut(str(block), "", most)
    match block.get("type"):
        case "text":
            return _cut(str(block.get("text")), "", most)
        case "thinking":
            return _cut(str(block.get("thinking")), "(thinking) ", most)
        case "tool_use":
            name, given = plain(str(block.get("name"))), block.get("input")
            arguments = given if isinstance(given, dict) else {"?": given}
            found = [f"-> {name}"]
            for key, value in arguments.items():
                found += _cut(str(value), f"     {plain(str(key))}: ", most)
            return found
        case "tool_result":
            mark = "<- error: " if block.get("is_error") else "<- "
            return _cut(str(block.get("content")), mark, most)
    return [plain(json.dumps(block))[:200]]


def _cut(text: str, mark: str, most: int | None) -> list[str]:
    lines = storable(text).strip("\n").split("\n")
    shown = [plain_line(line) for line in lines[:most]]
    more = len(lines) - len(shown)
    shown += [f"[{more} lines more; --full shows them]"] if more else []
    return [mark + shown[0], *(" " * len(mark) + line for line in shown[1:])]


def plain_line(line: str) -> str:
    """Without control characters, its spaces kept."""
    shown = line.expandtabs(4)
    return shown if shown.isprintable() else "".join(c if c.isprintable() else " " for c in shown)
