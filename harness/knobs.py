"""The declared constants of a train.py: values, ranges and groups, read from its text.

`LEARNING_RATE = 2e-3  # peak, AdamW  [1e-4, 1e-2] log` is a knob: a constant with a range at the
end of its line. A line that is only a comment names the group of those below it. What a range does
not say rightly is no knob, and never an error: anybody may edit a train.py.
"""

import ast
import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.syntax import CONSTANT, PRESETS

Number = int | float
RANGE = re.compile(r"\[\s*([^\s,\[\]]+)\s*,\s*([^\s,\[\]]+)\s*\](?:\s*(log)\b)?")
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
LOG_STEP, LINEAR_STEP = 2.0, 1.5  # the most that a step up or down changes a value, as a ratio
LOG_NEAR = 4.0  # how far from its value is still near, as a ratio
FINE = 50  # values in a linear range that are told apart, or some more
MOST = 1e15  # of what a value or a range may hold
COARSE = 16  # values that a range must leave to be searched in multiples of 8 or 4


@dataclass(frozen=True, slots=True)
class Knob:
    """A constant that may be tuned. An int stays one; `value` may lie outside its range."""

    name: str
    value: Number
    low: float
    high: float
    is_log: bool
    unit: str
    group: str

    @property
    def is_int(self) -> bool:
        return isinstance(self.value, int)

    @property
    def grid(self) -> int:
        """An int divisible by 8, or 4, is tuned in such multiples where its range is wide."""
        for grid in (8, 4):
            if self.value and not self.value % grid and (self.high - self.low) / grid >= COARSE:
                return grid
        return 1

    def fit(self, value: float) -> Number:
        """The nearest value that it may take."""
        value = min(self.high, max(self.low, value))
        if self.is_int:
            least, most = math.ceil(self.low / self.grid), math.floor(self.high / self.grid)
            return min(most, max(least, round(value / self.grid))) * self.grid
        digits = math.ceil(-math.log10(max((self.high - self.low) / FINE, 5e-324)))
        value = float(f"{value:.2g}") if self.is_log else round(value, digits) + 0.0
        return min(self.high, max(self.low, value))

    def moved(self, up: bool) -> Number:
        """A clear step up or down, off the range's end; the same value where there is none."""
        value, step = self.fit(self.value), (self.high - self.low) / 5
        if self.is_log:
            return self.fit(value * LOG_STEP if up else value / LOG_STEP)
        if value > 0:  # a fifth of the range would be much of a small value
            step = min(step, value * (LINEAR_STEP - 1 if up else 1 - 1 / LINEAR_STEP))
        step = min(step, (self.high - value if up else value - self.low) / 2)
        return self.fit(value + step if up else value - step)

    def near(self) -> tuple[float, float]:
        """The part of its range around its value, within which most draws are made."""
        value, eighth = self.fit(self.value), (self.high - self.low) / 8
        if self.is_log:
            low, high = value / LOG_NEAR, value * LOG_NEAR
        else:  # by ratio as well: 64 of [32, 512] is to be halved or doubled
            low, high = value - max(eighth, value / 2), value + max(eighth, value)
        return max(self.low, low), min(self.high, high)

    def place(self, value: float) -> float:
        """Where it lies in the range, 0 to 1."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def spread(self, n: int) -> list[Number]:
        """At most n different values over its whole range."""
        ends = (math.log(self.low), math.log(self.high)) if self.is_log else (self.low, self.high)
        found = (ends[0] + (ends[1] - ends[0]) * i / (n - 1) for i in range(n))
        return list(dict.fromkeys(self.fit(math.exp(x) if self.is_log else x) for x in found))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a train.py declares: its knobs, all its constants that are numbers, and the rest.

    `rest` is a hash of the syntax tree without the knobs' values: two files with the same differ in
    those at most.
    """

    knobs: tuple[Knob, ...]
    constants: Mapping[str, Number]
    rest: str

    @property
    def values(self) -> dict[str, Number]:
        return {knob.name: knob.value for knob in self.knobs}


def read(source: str, preset: str) -> Reading:
    """Nothing but an empty reading for what cannot be read."""
    try:
        return _read(source, preset)
    except UNREADABLE:  # from a text so deep that the parser still reads it, too
        return Reading((), {}, "")


def _read(source: str, preset: str) -> Reading:
    tree = ast.parse(source)
    lines = source.encode().splitlines()
    groups = _groups(lines)
    statements = list(_assignments(tree))
    times = Counter(name for name, _ in statements)
    knobs: list[Knob] = []
    constants: dict[str, Number] = {}
    for name, statement in statements:
        number = _number(statement, preset)
        if number is None or times[name] > 1:  # the later one would undo the edit
            continue
        constants[name] = number
        comment = _comment_behind(statement, lines)
        group = next((text for line, text in reversed(groups) if line < statement.lineno), "")
        knob = _knob(name, number, comment, group)
        if knob:
            knobs.append(knob)
            _blank(statement, preset)
    rest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return Reading(tuple(knobs), constants, rest)


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.Assign | ast.AnnAssign]]:
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)])
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr())
            ):
                if CONSTANT.fullmatch(name):
                    yield name, node


def _preset_index(value: ast.expr | None, preset: str) -> int | None:
    """Where a dict of values for each preset holds the campaign's."""
    if isinstance(value, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
        if PRESETS.issuperset(keys) and preset in keys:
            return keys.index(preset)
    return None


def _number(statement: ast.Assign | ast.AnnAssign, preset: str) -> Number | None:
    value = statement.value
    index = _preset_index(value, preset)
    if index is not None and isinstance(value, ast.Dict):
        value = value.values[index]
    try:
        found: object = ast.literal_eval(value) if value else None
    except (*UNREADABLE, TypeError):
        return None
    if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < MOST:
        return found
    return None


def _blank(statement: ast.Assign | ast.AnnAssign, preset: str) -> None:
    index = _preset_index(statement.value, preset)
    if index is not None and isinstance(statement.value, ast.Dict):
        statement.value.values[index] = ast.Constant(0)
    else:
        statement.value = ast.Constant(0)


def _knob(name: str, value: Number, comment: str, group: str) -> Knob | None:
    found = list(RANGE.finditer(comment))
    if not found:
        return None
    try:
        low, high = float(found[-1][1]), float(found[-1][2])
    except ValueError:
        return None
    is_log = found[-1][3] == "log"
    if not (-MOST < low < high < MOST) or (is_log and low <= 0):
        return None
    if isinstance(value, int):
        low, high = math.ceil(low), math.floor(high)
        if low >= high:
            return None
    unit = comment[: found[-1].start()].strip("# \t")
    knob = Knob(name, value, low, high, is_log, unit, group)
    return knob if knob.fit(low) != knob.fit(high) else None


def _groups(lines: list[bytes]) -> list[tuple[int, str]]:
    """Lines that are a comment and no rule, by number; their text up to a colon."""
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.decode().strip("#-= \t\r\n").partition(":")[0] if line[:1] == b"#" else ""
        if text:
            found.append((number, text))
    return found


def _comment_behind(statement: ast.Assign | ast.AnnAssign, lines: list[bytes]) -> str:
    assert statement.end_lineno is not None
    rest = lines[statement.end_lineno - 1][statement.end_col_offset :].decode().strip()
    return rest if rest.startswith("#") else ""
