"""How much a solver's code may hold as literals: a table of answers belongs in the weights.

Not covered: tables that code computes when it is loaded; the controls catch those.
"""

import ast

from harness.evaluation import Refused
from harness.refusal import refuse, walk

TEXT_CHARS = 2_000  # one string
ALL_TEXT_CHARS = 20_000  # all strings of the slice, docstrings not counted
CONTAINER_ITEMS = 500  # one list, tuple, set or dict
ALL_NUMBERS = 4_000  # number literals of the slice
LARGEST_INTEGER = 10**30


def check_literals(body: list[ast.stmt]) -> None:
    docstrings = {id(n.value) for n in walk(body) if isinstance(n, ast.Expr)}
    chars = numbers = 0
    for node in walk(body):
        match node:
            case ast.Constant(value=str() | bytes() as text) if id(node) not in docstrings:
                chars += len(text)
                if len(text) > TEXT_CHARS:
                    raise _too_much(node, f"a literal of {len(text)} characters", TEXT_CHARS)
            case ast.Constant(value=int() | float() | complex() as number):
                numbers += 1
                if isinstance(number, int) and number > LARGEST_INTEGER:
                    raise _too_much(node, "an integer literal", LARGEST_INTEGER)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                _check_items(node, len(items))
            case ast.Dict(keys=keys):
                _check_items(node, len(keys))
    if chars > ALL_TEXT_CHARS:
        raise _too_much(body[0], f"literals of {chars} characters together", ALL_TEXT_CHARS)
    if numbers > ALL_NUMBERS:
        raise _too_much(body[0], f"{numbers} number literals together", ALL_NUMBERS)


def _check_items(node: ast.AST, count: int) -> None:
    if count > CONTAINER_ITEMS:
        raise _too_much(node, f"a literal of {count} elements", CONTAINER_ITEMS)


def _too_much(node: ast.AST, what: str, most: int) -> Refused:
    limit = "10**30" if most == LARGEST_INTEGER else f"{most:,}"
    return refuse(
        node,
        f"the solver's code holds {what}, over the limit of {limit}",
        "compute it, or learn it: what the model knows belongs in its weights",
    )
