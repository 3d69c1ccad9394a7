"""A train.py as a syntax tree: what makes it new, how large it is, and its constants to set.

A fingerprint leaves out comments, spacing, docstrings, and the numbers that only seed, so that a
change of nothing else is no change.
"""

import ast
import hashlib
import re
from typing import Any

SEEDING = frozenset({"manual_seed", "manual_seed_all", "seed", "Random", "default_rng"})
PRESETS = frozenset({"cpu", "gpu"})
# What follows a value on its line: code with whole strings in it, a gap, a comment.
COMMENT = re.compile(
    rb"""((?:[^'"#]|'[^'\\\n]*'|"[^"\\\n]*")*?)( +)(#.*\n?)""",
    re.DOTALL,
)
CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")


class NoConstant(Exception):
    """A constant that cannot be set; the text says why."""


def fingerprint(source: str) -> tuple[str, int]:
    """SHA-256 of the normalised tree, and its number of nodes. Raises SyntaxError, ValueError."""
    tree = _Normalise().visit(ast.parse(source))
    nodes = sum(1 for _ in ast.walk(tree))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), nodes


class _Normalise(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        if name in SEEDING:
            node.args = [_without_number(argument) for argument in node.args]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        names = [t.id for t in node.targets if isinstance(t, ast.Name)]
        if any(re.search(r"(^|_)seed(s)?($|_)", name, re.IGNORECASE) for name in names):
            node.value = _without_number(node.value)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
        return node


def _without_number(node: ast.expr) -> ast.expr:
    """`7`, `args.seed + 7` and `args.seed` seed alike."""
    match node:
        case ast.Constant(value=int()):
            return ast.Constant(0)
        case ast.BinOp(left=left, right=ast.Constant(value=int())):
            return _without_number(left)
    return node


def set_constants(source: str, values: dict[str, Any], preset: str) -> str:
    """The source with other values of constants; comments and alignment stay.

    Of a constant with a value for each preset, the one of `preset` is set. Raises NoConstant, and
    SyntaxError where the source is none.
    """
    tree = ast.parse(source)
    places = []
    for name, value in values.items():
        node = _value_of(tree, name)
        if isinstance(node, ast.Dict) and not isinstance(value, dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            if PRESETS.issuperset(keys):
                if preset not in keys:
                    raise NoConstant(f"{name} has no value for the preset {preset}")
                node = node.values[keys.index(preset)]
        places.append((node, repr(value)))
    lines = source.encode().splitlines(keepends=True)
    for node, text in sorted(places, key=lambda p: (-p[0].lineno, -p[0].col_offset)):
        _splice(lines, node, text.encode())
    return b"".join(lines).decode()


def _value_of(tree: ast.Module, name: str) -> ast.expr:
    if not CONSTANT.fullmatch(name):
        raise NoConstant(f"{name!r} is not the name of a constant")
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return value
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value):
                if found == name:
                    return value
    raise NoConstant(f"train.py has no constant {name}{_near(tree, name)}")


def _near(tree: ast.Module, name: str) -> str:
    from difflib import get_close_matches

    targets = [t for node in tree.body if isinstance(node, ast.Assign) for t in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    names = [t.id for t in targets if isinstance(t, ast.Name) and CONSTANT.fullmatch(t.id)]
    near = get_close_matches(name, names, 1)
    return f"; is {near[0]} meant?" if near else ""


def _splice(lines: list[bytes], node: ast.expr, text: bytes) -> None:
    """Replace a node's text; a comment behind it keeps its column where there is room."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    first, last = node.lineno - 1, node.end_lineno - 1
    before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
    commented = COMMENT.fullmatch(after)
    if commented and first == last:
        grown = len(text) - (node.end_col_offset - node.col_offset)
        rest, gap, comment = commented.groups()
        after = rest + b" " * max(1, len(gap) - grown) + comment
    lines[first : last + 1] = [before + text + after]
