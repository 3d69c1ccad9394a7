"""The tools of a language model: a virtual train.py, things to read, a preflight, the notebook, and
`submit`. What it does wrong is told to it as the tool's result.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from harness.experiment import Learned, Proposal
from harness.history import History
from harness.inspirations import NoNote, read_note
from harness.plain import plain, storable
from harness.researcher import Brief
from harness.researcher.contract_text import KINDS
from harness.researcher.experiment_text import What, experiment_text
from harness.researcher.quoting import quoted
from harness.researcher.virtual_file import CannotEdit, VirtualFile

REASON_BYTES = 6_000
LESSONS = 8  # of one conversation
HYPOTHESIS_CHARS, LESSON_CHARS, NOTEBOOK_CHARS = 600, 1_000, 6_000
TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float)
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tool:
    """`required` of its `properties`; the others have defaults."""

    name: str
    description: str
    properties: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]

    def as_request(self) -> dict[str, Any]:
        schema = {
            "type": "object",
            "properties": {name: dict(value) for name, value in self.properties.items()},
            "required": list(self.required),
        }
        return {"name": self.name, "description": self.description, "input_schema": schema}


def _tool(name: str, description: str, /, **properties: Mapping[str, Any]) -> Tool:
    """A property whose name ends with _ has a default."""
    plain_names = {key.removesuffix("_"): value for key, value in properties.items()}
    required = tuple(key for key in properties if not key.endswith("_"))
    return Tool(name, description, plain_names, required)


TOOLS = (
    _tool(
        "view",
        "Lines of your train.py with their numbers; all of them without arguments.",
        first_=WHOLE | {"description": "line, from 1"},
        last_=WHOLE | {"description": "line; -1 is the end"},
    ),
    _tool("create", "Replace your whole train.py.", text=TEXT),
    _tool(
        "str_replace",
        "Replace a text that stands in your train.py exactly once, spaces and line breaks counted.",
        old=TEXT,
        new=TEXT,
    ),
    _tool(
        "insert",
        "Insert lines into your train.py after a line.",
        line=WHOLE | {"description": "0 inserts at the top"},
        text=TEXT,
    ),
    _tool("read_inspiration", "One of the notes in the index of inspirations.", name=TEXT),
    _tool(
        "read_experiment",
        "An experiment of this campaign: its figures, its diff to its parent, its learning curve,"
        " the end of its log, or its whole train.py.",
        id=WHOLE,
        what=TEXT | {"enum": list(get_args(What))},
    ),
    _tool(
        "preflight",
        "Try your train.py as it stands: the gates, then two training steps and a handful of"
        " questions on the CPU. Takes some ten seconds; worth it before you submit.",
    ),
    _tool(
        "write_lesson",
        "A sentence or two for the notebook, which every later proposal sees: what an experiment"
        " taught that its figures do not say.",
        text=TEXT,
        experiment_=WHOLE | {"description": "whose lesson it is; leave it out for a general one"},
    ),
    _tool(
        "rewrite_notebook",
        "Make the notebook short: your text takes the place of all lessons so far.",
        text=TEXT,
    ),
    _tool(
        "submit",
        "Hand in your train.py as the next experiment. It ends this conversation unless a gate"
        " refuses it; then you get the reason and may mend it.",
        hypothesis=TEXT | {"description": "what you changed and why it should help; one sentence"},
        expected_effect=NUMBER | {"description": "gain in validation accuracy, such as 0.01"},
        kind=TEXT | {"enum": list(KINDS)},
    ),
)


def refusal(reason: str, gate: str = "gate") -> str:
    """Why an edit did not pass: the end of what it printed may be in it, so that it is data."""
    return quoted(reason, REASON_BYTES, f"what the {gate} says")


class WrongUse(ValueError):
    """A tool that there is not, or arguments that do not fit; in words for the model."""


class Workbench:
    """For one proposal. `submitted` is what was handed in, None before that."""

    def __init__(
        self, brief: Brief, source: str, researcher: str, notes: Path, mends: int | None = None
    ) -> None:
        """`source` is where the editing begins; `notes` is the folder of inspirations."""
        self.brief, self.file, self.researcher, self.notes = (
            brief,
            VirtualFile(source),
            researcher,
            notes,
        )
        self.start, self.mends = source, mends
        self.submitted: Proposal | None = None
        self.lessons = 0
        self.is_notebook_new = False

    def use(self, name: str, given: object) -> tuple[str, bool]:
        """The tool's result, and whether it is an error. Raises Halted, Lost."""
        try:
            tool = next((tool for tool in TOOLS if tool.name == name), None)
            if tool is None:
                names = ", ".join(tool.name for tool in TOOLS)
                raise WrongUse(f"there is no tool {plain(name)[:80]!r}; there are: {names}")
            arguments = check(tool, given)
            work: Callable[..., str] = getattr(self, f"_{name}")
            return work(**arguments), False
        except (WrongUse, CannotEdit, NoNote) as error:
            return str(error), True

    # -- editing ---------------------------------------------------------------------------------

    def _view(self, first: int = 1, last: int = -1) -> str:
        return self.file.view(first, last)

    def _create(self, text: str) -> str:
        return self.file.create(text)

    def _str_replace(self, old: str, new: str) -> str:
        return self.file.str_replace(old, new)

    def _insert(self, line: int, text: str) -> str:
        return self.file.insert(line, text)

    # -- reading ---------------------------------------------------------------------------------

    def _read_inspiration(self, name: str) -> str:
        return read_note(self.notes, name)

    def _read_experiment(self, id: int, what: str) -> str:
        found = experiment_text(self.brief, id, what)
        if found.startswith("error: "):
            raise WrongUse(found.removeprefix("error: "))
        return found

    def _preflight(self) -> str:
        ruling = self.brief.gates.rule(storable(self.file.text))
        if ruling.refused:
            raise WrongUse(refusal(ruling.refused.reason, ruling.refused.gate))
        flight = ruling.flight
        if flight and flight.end == "unproven":
            return f"nothing was found wrong, but it is unproven: {flight.report}"
        return "passed"

    # -- writing ---------------------------------------------------------------------------------

    def _write_lesson(self, text: str, experiment: int | None = None) -> str:
        lesson = _short(text, LESSON_CHARS, "a lesson")
        if self.lessons == LESSONS:
            raise WrongUse(f"{LESSONS} lessons are enough for one conversation; go on to the edit")

        def make(history: History) -> Learned | None:
            if experiment is not None and experiment not in history.judged:
                return None
            return Learned(experiment, lesson, self.researcher)

        if self.brief.desk.record(make) is None:
            raise WrongUse(f"experiment {experiment} has no verdict yet, so it taught nothing")
        self.lessons += 1
        return "written"

    def _rewrite_notebook(self, text: str) -> str:
        notebook = _short(text, NOTEBOOK_CHARS, "the notebook", one_line=False)
        if self.is_notebook_new:
            raise WrongUse("it is rewritten already; go on to the edit")
        self.is_notebook_new = True
        self.brief.desk.record(
            lambda history: Learned(None, notebook, self.researcher, replaces_all=True)
        )
        return "written; it stands in the place of all lessons before it"

    def _submit(self, hypothesis: str, expected_effect: float, kind: str) -> str:
        if self.submitted is not None:
            raise WrongUse("it is submitted already; wait for the answer")
        if self.file.text == self.start:
            raise WrongUse("your train.py is what it was at the beginning; edit it first")
        said = _short(hypothesis, HYPOTHESIS_CHARS, "the hypothesis")
        if not -1 <= expected_effect <= 1:
            raise WrongUse(f"expected_effect {expected_effect}: it takes a gain between -1 and 1")
        self.submitted = Proposal(
            said,
            self.file.text,
            self.researcher,
            kind,
            float(expected_effect),
            self.brief.history.proposals,
            self.mends,
        )
        return "submitted"


def check(tool: Tool, given: object) -> dict[str, Any]:
    """The arguments, each of its type. Raises WrongUse."""
    if not isinstance(given, dict):
        raise WrongUse(f"{tool.name} takes an object of arguments, not {type(given).__name__}")
    unknown = given.keys() - tool.properties.keys()
    missing = set(tool.required) - given.keys()
    if unknown or missing:
        wrong = (
            [f"unknown {', '.join(sorted(plain(str(name))[:40] for name in unknown))}"]
            if unknown
            else []
        )
        wrong += [f"missing {', '.join(sorted(missing))}"] if missing else []
        takes = ", ".join(tool.properties) or "no arguments"
        raise WrongUse(f"{tool.name}: {'; '.join(wrong)}. It takes {takes}")
    for name, value in given.items():
        schema = tool.properties[name]
        is_fitting = isinstance(value, TYPES[schema["type"]]) and not isinstance(value, bool)
        if not is_fitting or ("enum" in schema and value not in schema["enum"]):
            wanted = ", ".join(schema["enum"]) if "enum" in schema else f"a {schema['type']}"
            raise WrongUse(f"{tool.name}: {name} is {_named(value)}; it takes {wanted}")
    return dict(given)


def _named(value: object) -> str:
    return plain(repr(value))[:80]


def _short(text: str, most: int, what: str, *, one_line: bool = True) -> str:
    """Raises WrongUse where it is empty or too long."""
    found = plain(text) if one_line else storable(text).strip()
    if not found:
        raise WrongUse(f"{what} is empty")
    if len(found) > most:
        raise WrongUse(f"{what} has {len(found)} characters; {most} is the most")
    return found


@functools.cache
def tools_of_request() -> tuple[dict[str, Any], ...]:
    return tuple(tool.as_request() for tool in TOOLS)
