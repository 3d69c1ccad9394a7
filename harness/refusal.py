"""What the rules on a train.py's syntax tree share: how they refuse, and how they go through it."""

import ast
from collections.abc import Iterable, Iterator

from harness.evaluation import Refused


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def refuse(node: ast.AST, what: str, remedy: str) -> Refused:
    return Refused(f"train.py line {getattr(node, 'lineno', 1)}: {what}; {remedy}")


def walk(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    for statement in body:
        yield from ast.walk(statement)
