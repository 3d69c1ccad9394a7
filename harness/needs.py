"""What a train.py needs of its constants together, as far as its text shows it cheaply.

`c.d_model // c.n_head` wants a division without remainder; `assert n_latents <= c.max_latents`, or
`if not (...): raise`, says which is the larger. A name stands for the constant that it is in
capitals. What is missed here is found by the preflight.
"""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from harness.knobs import UNREADABLE, Number

COMPARISONS: dict[type[ast.cmpop], Callable[[Number, Number], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _divides(left: Number, right: Number) -> bool:
    return right != 0 and left % right == 0


@dataclass(frozen=True, slots=True)
class Need:
    left: str
    right: str
    holds: Callable[[Number, Number], bool]

    def is_met(self, constants: Mapping[str, Number]) -> bool:
        return self.holds(constants[self.left], constants[self.right])


def needs(source: str, constants: Mapping[str, Number]) -> tuple[Need, ...]:
    """Those that these constants meet: what they break already is no need."""
    try:
        found = list(_found(ast.parse(source)))
    except UNREADABLE:
        return ()
    known = [n for n in found if n.left in constants and n.right in constants]
    return tuple(n for n in dict.fromkeys(known) if n.left != n.right and n.is_met(constants))


def _found(tree: ast.Module) -> Iterator[Need]:
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(left=left, op=ast.FloorDiv() | ast.Mod(), right=right):
                yield Need(_name(left), _name(right), _divides)
            case ast.Assert(test=test):
                yield from _compared(test)
            case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=test), body=[*_, ast.Raise()]):
                yield from _compared(test)


def _compared(test: ast.expr) -> Iterator[Need]:
    """Of a test that must be true: its comparisons, where nothing but `and` joins them."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for part in test.values:
            yield from _compared(part)
    if isinstance(test, ast.Compare):
        sides = [test.left, *test.comparators]
        for left, how, right in zip(sides, test.ops, sides[1:], strict=False):
            if type(how) in COMPARISONS:
                yield Need(_name(left), _name(right), COMPARISONS[type(how)])


def _name(node: ast.expr) -> str:
    """`d_model`, `c.d_model` and `D_MODEL[preset]` are D_MODEL; empty for what is no name."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.upper()
        case ast.Subscript(value=value):
            return _name(value)
    return ""
