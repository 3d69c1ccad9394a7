"""The solver slice: `load_solver` and what it needs of train.py; all else is left out.

Names are followed from `load_solver` through functions and classes (whole, with bases, decorators,
defaults and annotations), constants and imports. What is kept stays on its own line, so tracebacks
point into train.py. Read statically, by scope: nothing of train.py runs here.
Not covered: what the kept code does when it runs; `harness.solver_rules` has what it may not hold.
"""

import ast
import copy
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

from harness.evaluation import Refused
from harness.refusal import refuse
from harness.solver_rules import check

ENTRY = "load_solver"
SOURCE_CHARS = 1_000_000
FUNCTION_OR_CLASS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORT = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A top-level statement and the names it defines, rebinds, changes from inside, and needs."""

    node: ast.stmt
    defines: frozenset[str]  # by being a def, class, assignment or import
    rebinds: frozenset[str]  # in any other way: a loop, a try, +=, del, `global` in a function
    changes: frozenset[str]  # A[0] = 1, A.b = 1, A.append(1)
    needs: frozenset[str]


def solver_slice(source: str) -> str:
    """The solver's part of train.py's text, each piece on its own line, blank lines for the rest.

    Raises Refused when there is no `load_solver`, when a needed name is not defined exactly once by
    a def, class, assignment or import at the top level, or when a rule of `solver_rules` is broken.
    """
    source = source.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(source) > SOURCE_CHARS:
        raise Refused(f"train.py has {len(source):,} characters; the limit is {SOURCE_CHARS:,}")
    try:
        return _slice(source)
    except SyntaxError as error:
        raise Refused(f"train.py line {error.lineno or 1}: {error.msg}; mend the syntax") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"train.py cannot be read ({error}); write it more simply") from error


def _slice(source: str) -> str:
    statements = [_read(node) for node in ast.parse(source).body if not _is_main_guard(node)]
    needed = _closure(statements)
    _check_stable(statements, needed)
    kept = [_trim(s.node, needed) for s in statements if s.defines & needed or _is_future(s.node)]
    defined = {name for s in statements for name in s.defines}
    check(kept, needed - defined)
    return _emit(source, kept)


def _read(node: ast.stmt) -> _Statement:
    scoped = _Scoped().visit(copy.deepcopy(node))
    top = symtable.symtable(ast.unparse(scoped), "train.py", "exec")
    binds = {
        s.get_name()
        for s in top.get_symbols()
        if s.is_assigned() or s.is_imported() or s.is_namespace()
    }
    needs = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    by_global_statement = set()
    for table in _descendants(top):
        in_class = table.get_type() == "class"  # a class body falls back on the global of that name
        for s in table.get_symbols():
            if s.is_global() or (in_class and s.is_referenced() and not s.is_free()):
                needs.add(s.get_name())
            if s.is_declared_global():
                by_global_statement.add(s.get_name())
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            defines = {node.name}
        case ast.Assign() | ast.Import() | ast.ImportFrom():
            defines = binds
        case ast.AnnAssign():
            defines = binds if node.value else set()
            binds = defines
        case _:
            defines = set()
    return _Statement(
        node,
        frozenset(defines),
        frozenset((binds - defines) | by_global_statement),
        frozenset(_changed(node)),
        frozenset(needs),
    )


class _Scoped(ast.NodeTransformer):
    """Comprehensions as generators, which bind their names in a scope of their own in every Python:
    from 3.12 on others are part of the scope around them (PEP 709), and their names would count as
    the module's."""

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def _descendants(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _descendants(child)


def _is_main_guard(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":` does not run when the file is imported, so it binds nothing."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _changed(node: ast.stmt) -> set[str]:
    if isinstance(node, FUNCTION_OR_CLASS):
        return set()
    changed = set()
    for part in ast.walk(node):
        target: ast.expr | None = None
        if isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            target = part
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            target = part.value.func
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
            if isinstance(target, ast.Name):
                changed.add(target.id)
    return changed


def _closure(statements: list[_Statement]) -> set[str]:
    if not any(ENTRY in s.defines for s in statements):
        raise Refused(
            f"train.py has no `{ENTRY}` at its top level; define"
            f" `def {ENTRY}(checkpoint, device)`, which returns solver(questions)"
        )
    needed: set[str] = set()
    waiting = {ENTRY}
    while waiting:
        needed |= waiting
        waiting = {name for s in statements if s.defines & waiting for name in s.needs} - needed
    return needed


def _check_stable(statements: list[_Statement], needed: set[str]) -> None:
    """Each needed name has one definition, and nothing at the top level alters it afterwards."""
    defined: dict[str, ast.stmt] = {}
    for statement in statements:
        for name in statement.defines & needed:
            earlier = defined.setdefault(name, statement.node)
            if earlier is not statement.node and not _is_same_import(earlier, statement.node):
                raise _unstable(
                    statement.node, name, f"defined again (first on line {earlier.lineno})"
                )
    for statement in statements:
        for name in statement.rebinds & needed:
            raise _unstable(statement.node, name, "set by something other than a plain definition")
        for name in statement.changes & needed:
            if not isinstance(defined.get(name), IMPORT):  # `torch.backends.x = True` is a setting
                raise _unstable(statement.node, name, "changed after its definition")


def _is_same_import(a: ast.stmt, b: ast.stmt) -> bool:
    """`import torch` and `import torch.nn` bind one name to one module."""
    if isinstance(a, ast.Import) and isinstance(b, ast.Import):
        return not any(alias.asname for alias in (*a.names, *b.names))
    return False


def _unstable(node: ast.stmt, name: str, what: str) -> Refused:
    return refuse(
        node,
        f"`{name}`, which the solver needs, is {what}",
        "give it one def, class, assignment or import at the top level, complete in itself",
    )


def _trim(node: ast.stmt, needed: set[str]) -> ast.stmt:
    """An import without the names that nobody needs; anything else as it is."""
    if not isinstance(node, IMPORT) or _is_future(node):
        return node
    names = [a for a in node.names if (a.asname or a.name.split(".")[0]) in needed]
    if len(names) == len(node.names):
        return node
    trimmed = copy.copy(node)
    trimmed.names = names
    return trimmed


def _emit(source: str, kept: list[ast.stmt]) -> str:
    lines = source.split("\n")
    out = [""] * len(lines)
    for node in kept:
        first = node.lineno
        if isinstance(node, FUNCTION_OR_CLASS):
            first = min([first, *(d.lineno for d in node.decorator_list)])
        if isinstance(node, IMPORT):
            piece = [ast.unparse(node)]
        else:
            piece = _cut(lines[first - 1 : node.end_lineno], node, first)
        out[first - 1] = "; ".join(filter(None, [out[first - 1], piece[0]]))
        out[first : first - 1 + len(piece)] = piece[1:]
    text = "\n".join(out).rstrip("\n") + "\n"
    _check_emitted(text, kept)
    return text


def _cut(piece: list[str], node: ast.stmt, first: int) -> list[str]:
    """Without what stands before or behind the statement on its lines (`A = 1; B = 2`)."""
    piece[-1] = piece[-1].encode()[: node.end_col_offset].decode()
    if first == node.lineno:
        piece[0] = piece[0].encode()[node.col_offset :].decode()
    return piece


def _check_emitted(text: str, kept: list[ast.stmt]) -> None:
    """The text must be the statements that were checked, no more and no less."""
    wanted = ast.dump(ast.Module(kept, []))
    try:
        same = ast.dump(ast.parse(text)) == wanted
    except SyntaxError:
        same = False
    if not same:
        raise Refused(
            "train.py's solver is laid out too unusually to be cut out; put each top-level"
            " statement on lines of its own, decorators included"
        )
