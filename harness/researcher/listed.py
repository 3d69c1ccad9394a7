"""The list researcher: proposes given edits in order. For replays, ablations by hand, and tests.

A line of its file is a JSON object with `hypothesis` and one of
  "source"     the whole new train.py
  "file"       a path to it, relative to the list
  "constants"  {"NAME": value}: constants of the incumbent's train.py, set for the campaign's preset
  "replace"    [["old text", "new text"]]: each old text must occur once in the incumbent's train.py
and perhaps `kind` and `expected` (the gain in accuracy hoped for). Empty lines and lines that begin
with # are skipped.
"""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from harness.errors import Misuse, in_words
from harness.experiment import Proposal
from harness.metrics import is_number
from harness.researcher import Brief, Exhausted
from harness.syntax import NoConstant, set_constants

FORMS = ("source", "file", "constants", "replace")
OTHERS = ("hypothesis", "kind", "expected")
SHOWN = 120  # characters of a text that is not found


class BadList(Misuse):
    """A line that cannot be read; names file, line and what it takes."""


class Listed:
    name = "list"

    def __init__(self, edits: list[Mapping[str, Any]]) -> None:
        self.edits = edits

    @classmethod
    def read(cls, name: str) -> Self:
        """Raises BadList."""
        path = Path(name)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadList(f"--researcher list {name}: {in_words(error)}") from error
        edits = []
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.lstrip().startswith("#"):
                edits.append(_edit(line, f"{name} line {number}", path.parent))
        if not edits:
            raise BadList(f"{name} holds no edit; give one JSON object a line")
        return cls(edits)

    def propose(self, brief: Brief) -> Proposal:
        mark = brief.history.proposals
        if mark >= len(self.edits):
            raise Exhausted(f"the list's {len(self.edits)} edits are all proposed")
        edit = self.edits[mark]
        source, unfit = brief.source, ""
        try:
            source = _apply(edit, brief)
        except (NoConstant, SyntaxError, TypeError, ValueError) as error:
            unfit = f"this edit cannot be applied to the incumbent's train.py: {error}"
        return Proposal(
            edit["hypothesis"],
            source,
            self.name,
            edit.get("kind", "idea"),
            edit.get("expected"),
            mark,
            unfit=unfit,
        )

    def mend(self, brief: Brief, number: int) -> Proposal | None:
        """A list cannot mend anything."""
        return None

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        """A list cannot mend anything."""
        return None


def _edit(line: str, where: str, folder: Path) -> Mapping[str, Any]:
    try:
        edit = json.loads(line)
    except ValueError as error:
        raise BadList(f"{where}: it is no JSON ({error})") from error
    if not isinstance(edit, dict) or not isinstance(edit.get("hypothesis"), str):
        raise BadList(f"{where}: it takes a JSON object with a `hypothesis`")
    given = [form for form in FORMS if form in edit]
    unknown = edit.keys() - {*FORMS, *OTHERS}
    if len(given) != 1 or unknown:
        raise BadList(
            f"{where}: it takes one of {', '.join(FORMS)}"
            + (f"; it has {', '.join(map(repr, sorted(unknown)))}, unknown" if unknown else "")
        )
    if "file" in edit:
        named = edit.pop("file")
        try:
            edit["source"] = (folder / str(named)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadList(f"{where}: `file` {named}: {in_words(error)}") from error
    expected = edit.get("expected")
    if expected is not None and not (is_number(expected) and not isinstance(expected, bool)):
        raise BadList(f"{where}: `expected` is {edit['expected']!r} and should be a number")
    shapes = {"source": str, "constants": dict, "replace": list, "kind": str}
    for key, shape in shapes.items():
        if key in edit and not isinstance(edit[key], shape):
            raise BadList(f"{where}: `{key}` is {edit[key]!r}, which is no {shape.__name__}")
    return edit


def _apply(edit: Mapping[str, Any], brief: Brief) -> str:
    """The new train.py. Raises NoConstant, SyntaxError, TypeError or ValueError where the edit does
    not fit."""
    if "source" in edit:
        return str(edit["source"])
    source = brief.source
    if "constants" in edit:
        return set_constants(source, edit["constants"], brief.preset)
    for old, new in edit["replace"]:
        if source.count(old) != 1:
            times = f"{_shortened(old)} occurs {source.count(old)} times, and should once"
            raise NoConstant(times if old in source else times + _nearest(old, source))
        source = source.replace(old, new)
    return source


def _nearest(old: str, source: str) -> str:
    """The first line of `old` that train.py has not: what stands there that is most like it."""
    lines = source.splitlines()
    missing = next((line for line in old.splitlines() if line.strip() and line not in lines), "")
    near = get_close_matches(missing, lines, 1)
    if not near:
        return ""
    return f"; line {lines.index(near[0]) + 1} is {_shortened(near[0])}"


def _shortened(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
