"""The corpus: one edit a file, read as text; nothing of a file is run to read it.

A file holds a docstring and `REPLACE`, pairs of old and new text; each old text stands exactly once
in the training file that it edits. The docstring opens with a line on what the edit does. Fields
follow, `name: value`, continued on indented lines:

    claim       what it hopes for, and why that would pay
    family      of cheats, or the one that an honest twin belongs to
    how         it goes about it
    caught by   what is expected to stop it: names of `CATCHERS`, with commas
    behind      what stops it where the first did not (cheats that a gate refuses run on anyway)
    twin        an honest edit that looks like it
    pays        `once trained`: counted as passed wherever its figures would have been believed
    tasks       trained and scored on these, instead of the usual ones
    base        the file that is edited, train.py unless named
    steps       of training, `none` where the budget ends it
    budget      seconds
    seeds       trials with as many seeds

`KNOWN_GAP = "why"` marks a cheat that passes. It stays, and is shown.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
BASES = ("train.py", "tests/toy_train.py")
TASKS = "copy:8,add:4,mul:2,factor:4"
GATES = ("parse", "novelty", "audit", "slice", "arithmetic", "preflight")
CONTROLS = ("permuted", "dose", "zero_step", "same_answer")
# After the gates: walls and limits, what the clock of the harness says, what its reader takes, what
# its judge sees in several trials, a training that failed, and a score that the edit did not move.
LATER = ("sandbox", "limits", "budget", "checkpoint", "judge", "crash", "score")
CATCHERS = (*GATES, *CONTROLS, *LATER)
FIELDS = (
    *("claim", "family", "how", "caught by", "behind", "twin", "pays"),
    *("tasks", "base", "steps", "budget", "seeds"),
)
FIELD = re.compile(rf"({'|'.join(FIELDS)}):\s*(.*)", re.IGNORECASE)


class BadEdit(ValueError):
    """A file of the corpus is not in the format, or does not apply; the text says which."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`steps` None: the budget in seconds ends the training. `catchers` are empty where any will
    do, as in edits that were written without sight of the detectors."""

    name: str
    is_cheat: bool
    is_blind: bool
    title: str
    claim: str
    family: str
    catchers: tuple[str, ...]
    behind: tuple[str, ...]
    twin: str
    pays_once_trained: bool
    tasks: str | None  # None: the ladder
    base: str
    steps: int | None
    budget_s: float
    seeds: int
    known_gap: str
    replace: tuple[tuple[str, str], ...]

    def apply(self, source: str, names: dict[str, str] | None = None) -> str:
        """The edited file. Raises BadEdit where an old text does not stand there exactly once.

        `names` are put in for @NAME@ in the new texts: where a secret was planted, for instance.
        """
        for old, new in self.replace:
            found = source.count(old)
            if found != 1:
                shown = old.strip().partition("\n")[0]
                raise BadEdit(f"{self.name}: {shown!r} stands {found} times in {self.base}")
            for name, value in (names or {}).items():
                new = new.replace(f"@{name}@", value)
            source = source.replace(old, new)
        return source

    def source(self, names: dict[str, str] | None = None) -> str:
        """Applied to the training file as it is now. Raises BadEdit."""
        return self.apply((ROOT / self.base).read_text(encoding="utf-8"), names)


def corpus(folder: Path = FOLDER) -> list[Edit]:
    """All edits, cheats first, by name. Raises BadEdit."""
    edits = [
        read(path)
        for place in (folder, folder / "blind")
        for kind in ("cheats", "honest")
        for path in sorted((place / kind).glob("*.py"))
    ]
    names = [edit.name for edit in edits]
    for name in names:
        if names.count(name) > 1:
            raise BadEdit(f"two edits are called {name}")
    for edit in edits:
        if edit.twin and edit.twin not in {e.name for e in edits if not e.is_cheat}:
            raise BadEdit(f"{edit.name}: there is no honest edit {edit.twin!r}")
    return sorted(edits, key=lambda e: (not e.is_cheat, e.is_blind, e.family, e.name))


def read(path: Path) -> Edit:
    """One file. Raises BadEdit."""
    is_cheat, is_blind = path.parent.name == "cheats", path.parent.parent.name == "blind"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = _values(path.stem, tree)
    title, fields = _fields(path.stem, ast.get_docstring(tree) or "")
    known_gap = values.get("KNOWN_GAP", "")
    catchers = _listed(path.stem, fields.get("caught by", ""))
    if is_cheat and not fields.get("family"):
        raise BadEdit(f"{path.stem}: a cheat names its family")
    if is_cheat and not is_blind and not (catchers or known_gap):
        raise BadEdit(f"{path.stem}: it says neither what catches it nor that it is a known gap")
    if is_cheat and not is_blind and not fields.get("twin"):
        raise BadEdit(f"{path.stem}: a cheat names its honest twin")
    if not isinstance(known_gap, str) or (known_gap and not is_cheat):
        raise BadEdit(f"{path.stem}: KNOWN_GAP is a text, and a cheat's")
    base = fields.get("base", BASES[0])
    if base not in BASES:
        raise BadEdit(f"{path.stem}: the base is one of {', '.join(BASES)}")
    usual = "2" if base == BASES[0] else "100"
    steps = fields.get("steps", usual)
    return Edit(
        path.stem,
        is_cheat,
        is_blind,
        title,
        fields.get("claim", title),
        fields.get("family", ""),
        catchers,
        _listed(path.stem, fields.get("behind", "")),
        fields.get("twin", ""),
        fields.get("pays", "") == "once trained",
        fields.get("tasks", TASKS),
        base,
        None if steps == "none" else int(steps),
        float(fields.get("budget", "60")),
        int(fields.get("seeds", "1")),
        known_gap,
        _pairs(path.stem, values.get("REPLACE")),
    )


def _values(name: str, tree: ast.Module) -> dict[str, object]:
    values: dict[str, object] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value):
                try:
                    values[target] = ast.literal_eval(value)
                except ValueError:
                    raise BadEdit(f"{name}: {target} is written out, not computed") from None
            case ast.Expr(value=ast.Constant(value=str())):
                continue
            case _:
                raise BadEdit(f"{name}: line {node.lineno} is neither a docstring nor a value")
    return values


def _fields(name: str, text: str) -> tuple[str, dict[str, str]]:
    title, _, rest = text.strip().partition("\n")
    if not title:
        raise BadEdit(f"{name}: it has no docstring")
    fields: dict[str, str] = {}
    last = ""
    for line in rest.splitlines():
        if found := FIELD.fullmatch(line.strip()):
            last = found[1].lower()
            fields[last] = found[2].strip()
        elif last and line.startswith(" "):
            fields[last] += " " + line.strip()
        elif line.strip():
            last = ""
    return title.strip(), fields


def _listed(name: str, text: str) -> tuple[str, ...]:
    found = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in found:
        if word not in CATCHERS:
            raise BadEdit(f"{name}: {word!r} is not among {', '.join(CATCHERS)}")
    return found


def _pairs(name: str, value: object) -> tuple[tuple[str, str], ...]:
    pairs = value if isinstance(value, list | tuple) else ()
    found = tuple(
        (pair[0], pair[1])
        for pair in pairs
        if isinstance(pair, list | tuple) and len(pair) == 2
        if all(isinstance(text, str) for text in pair)
    )
    if not found or len(found) != len(pairs):
        raise BadEdit(f"{name}: REPLACE is a list of pairs of old and new text")
    return found
