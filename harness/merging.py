"""Three-way merges of train.py, where neighbouring constants are no conflict.

git calls changes of adjoining lines a conflict. The constants of train.py stand on adjoining lines,
each a statement of its own, and tuning changes little else: so where git sees a conflict, each
constant is set apart by lines of its own, git merges again, and those lines go out.
"""

import ast
import re
import secrets

from harness.knobs import UNREADABLE
from harness.repo import Repo

CONSTANT = re.compile(r"([A-Z][A-Z0-9_]*) *=")
LINE_ENDS = re.compile(r"(?<=\n)")


def merge(repo: Repo, mine: str, base: str, theirs: str) -> str | None:
    """`mine` with what `theirs` changed of `base`; None where they conflict."""
    if theirs in (base, mine):
        return mine
    if mine == base:
        return theirs
    merged = repo.merge(mine, base, theirs)
    if merged is not None:
        return merged
    mark = f"# {secrets.token_hex(16)} "  # in none of the texts
    merged = repo.merge(*(_apart(text, mark) for text in (mine, base, theirs)))
    return None if merged is None else _together(merged, mark)


def _apart(text: str, mark: str) -> str:
    lines: list[str] = []
    for line in LINE_ENDS.split(text):
        name = _constant(line)
        lines += [f"{mark}{name} above\n", line, f"{mark}{name} below\n"] if name else [line]
    return "".join(lines)


def _constant(line: str) -> str:
    """The name that this line alone gives a value to; empty for any other."""
    found = CONSTANT.match(line)
    if not found or not line.endswith("\n"):
        return ""
    try:
        ast.parse(line)
    except UNREADABLE:
        return ""
    return found[1]


def _together(text: str, mark: str) -> str:
    return "".join(line for line in LINE_ENDS.split(text) if not line.startswith(mark))
