"""Arithmetic on text: what a solver may not do with a question that it should leave to its weights.

Read from the solver's syntax tree: which names hold a list of texts, a text, a character, or a
number made from one: by `int` or `ord`, by its place in a text, or looked up in a dict. A character
may become a number, to be embedded; a longer text may not, and such numbers may not be multiplied,
divided, or added to one another. Lengths and places are free.
Not covered: values whose origin this does not see (through attributes, lists of dicts, closures
with other names, lambdas), a name that held something else first, and arithmetic on tensors. The
controls are for those.
"""

import ast
from collections import deque
from collections.abc import Iterator
from functools import partial

from harness.evaluation import Refused
from harness.known_kinds import Facts, Kind, too_long
from harness.refusal import refuse

ELEMENT: dict[Kind, Kind] = {
    "texts": "text",
    "text": "character",
    "character": "character",
    "numbers": "number",
}
TEXT_METHODS = frozenset(
    ["strip", "lstrip", "rstrip", "join", "replace", "zfill", "rjust", "ljust", "removeprefix"]
    + ["removesuffix", "lower", "upper", "center", "translate"]
)
LIST_METHODS = frozenset({"split", "rsplit", "splitlines", "partition", "rpartition"})
PLACES = frozenset({"index", "rindex", "find", "rfind"})
LOOK_UPS = frozenset({"get", "__getitem__"})
SAME_ELEMENTS = frozenset({"list", "tuple", "reversed", "sorted", "set", "iter"})
FORBIDDEN = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift)
TOGETHER = (ast.Add, ast.Sub)
SUMS = frozenset(["divmod", "pow", "sum", "prod", "fsum", "sumprod", "fmod", "gcd", "accumulate"])
NUMBERS = frozenset({"number", "numbers"})
REMEDY = "give the digits to the model as tokens; it is to learn this, not Python"
FUNCTIONS = 2_000  # train.py's solver has 20
NODES = 300_000  # of the syntax tree; train.py's solver has 3,000
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scope = Function | ast.Module
BINDING = (
    *(ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.AugAssign, ast.For, ast.comprehension),
    *(ast.Call, ast.Return),
)


def check(sliced: str) -> None:
    """Raises Refused with the line; `sliced` is a solver slice."""
    try:
        _check(ast.parse(sliced))
    except RecursionError:
        raise Refused(
            "train.py's solver nests its expressions too deeply to be checked; write it more simply"
        ) from None


def _check(tree: ast.Module) -> None:
    scopes = _scopes(tree)
    if len(scopes) > FUNCTIONS:
        raise Refused(
            f"train.py's solver has {len(scopes):,} functions and lambdas; the limit is"
            f" {FUNCTIONS:,}: write it more simply"
        )
    functions = {scope.name: scope for scope in scopes if isinstance(scope, ast.FunctionDef)}
    facts = Facts()
    _begin(functions.get("load_solver"), facts.known)
    readers = [_Reader(scope, functions, facts, outer) for scope, outer in scopes.items()]
    nodes = [(reader, node) for reader in readers for node in reader.nodes()]
    facts.settle([partial(r.read, node) for r, node in nodes if isinstance(node, BINDING)])
    for reader, node in nodes:
        _judge(node, reader)


def _scopes(tree: ast.Module) -> dict[Scope, tuple[Scope, ...]]:
    """The module and its functions, each with the scopes around it, the nearest first."""
    found: dict[Scope, tuple[Scope, ...]] = {tree: ()}
    waiting: deque[tuple[ast.AST, tuple[Scope, ...]]] = deque([(tree, (tree,))])
    count = 0
    while waiting:
        count += 1
        if count > NODES:
            raise too_long()
        node, around = waiting.popleft()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                found[child] = around
                waiting.append((child, (child, *around)))
            else:
                waiting.append((child, around))
    return found


def _begin(entry: ast.FunctionDef | None, known: dict[tuple[int, str], Kind]) -> None:
    """The first parameter of what `load_solver` holds is the list of questions."""
    for node in ast.walk(entry) if entry else ():
        if node is not entry and isinstance(node, Function) and node.args.args:
            first = node.args.args[0].arg
            known[id(node), first] = "texts" if "question" in first or first == "qs" else None


def _judge(node: ast.AST, reader: "_Reader") -> None:
    match node:
        case ast.Call(func=ast.Name(id="int" | "float" | "complex" as name), args=[value, *_]):
            if reader.kind(value) in ("text", "texts"):
                raise _refused(node, f"`{name}` of a text longer than one character")
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in SUMS:
            if any(reader.kind(value) in NUMBERS for value in node.args):
                raise _refused(node, f"`{name}` of numbers read from a question")
        case ast.BinOp(left=left, op=operator, right=right):
            _judge_operation(node, operator, reader.kind(left), reader.kind(right))
        case ast.AugAssign(target=target, op=operator, value=value):
            _judge_operation(node, operator, reader.kind(target), reader.kind(value))


def _judge_operation(node: ast.AST, operator: ast.operator, left: Kind, right: Kind) -> None:
    is_formatting = isinstance(operator, ast.Mod) and left in ("text", "character")
    if isinstance(operator, FORBIDDEN) and "number" in (left, right) and not is_formatting:
        raise _refused(node, "arithmetic with a number read from a question")
    if isinstance(operator, TOGETHER) and left == right == "number":
        raise _refused(node, "a sum of numbers read from a question")


def _refused(node: ast.AST, what: str) -> Refused:
    return refuse(node, f"the solver computes {what}", REMEDY)


class _Reader:
    """What the names of one function hold, as far as its text tells."""

    def __init__(
        self,
        scope: Scope,
        functions: dict[str, ast.FunctionDef],
        facts: Facts,
        outer: tuple[Scope, ...],
    ) -> None:
        self.scope, self.functions, self.facts, self.outer = scope, functions, facts, outer

    def nodes(self) -> Iterator[ast.AST]:
        """The function's own, not those of functions in it."""
        body = self.scope.body if isinstance(self.scope.body, list) else [self.scope.body]
        waiting: deque[ast.AST] = deque(body)
        while waiting:
            node = waiting.popleft()
            yield node
            if not isinstance(node, Function | ast.ClassDef):
                waiting.extend(ast.iter_child_nodes(node))

    def read(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, self.kind(value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, self.kind(value))
            case ast.NamedExpr(target=target, value=value):
                self._bind(target, self.kind(value))
            case ast.AugAssign(target=target, value=value):
                self._bind(target, self.kind(target) or self.kind(value))
            case (
                ast.For(target=target, iter=iterated)
                | ast.comprehension(target=target, iter=iterated)
            ):
                self._bind_elements(target, iterated)
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                self._pass_on(node, self.functions[name])
            case ast.Return(value=ast.expr() as value) if isinstance(self.scope, ast.FunctionDef):
                self.facts.note((id(self.scope), "return"), self.kind(value))

    def kind(self, node: ast.expr) -> Kind:
        if self.facts.now is not None:
            return self._kind(node)
        if id(node) not in self.facts.kinds:
            self.facts.kinds[id(node)] = self._kind(node)
        return self.facts.kinds[id(node)]

    def _kind(self, node: ast.expr) -> Kind:
        self.facts.count()
        match node:
            case ast.Constant(value=str()) | ast.JoinedStr():
                return "text"
            case ast.Name(id=name):
                for scope in (self.scope, *self.outer):
                    if (found := self.facts.look_up((id(scope), name))) is not None:
                        return found
                return None
            case ast.Call(func=ast.Attribute(attr=name, value=value), args=arguments):
                if name in PLACES | LOOK_UPS and arguments:
                    is_number = name in PLACES or self.kind(value) == "table"
                    return "number" if is_number and self._is_character(arguments[0]) else None
                if name in LIST_METHODS:
                    return "texts"
                if name in TEXT_METHODS and (self.kind(value) or name != "replace"):
                    return "text"
                return "number" if name == "item" and self.kind(value) == "number" else None
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._kind_of_call(name, arguments)
            case ast.Subscript(value=value, slice=index):
                whole = self.kind(value)
                if whole == "table":
                    return "number" if self._is_character(index) else None
                return whole if isinstance(index, ast.Slice) else ELEMENT.get(whole)
            case ast.BinOp(left=left, right=right):
                kinds = {self.kind(left), self.kind(right)}
                return next((k for k in ("number", "text", "texts") if k in kinds), None)
            case ast.IfExp(body=body, orelse=orelse):
                return self.kind(body) or self.kind(orelse)
            case ast.UnaryOp(operand=operand):
                return self.kind(operand)
            case ast.ListComp(elt=item) | ast.GeneratorExp(elt=item) | ast.SetComp(elt=item):
                return self._list_of(self.kind(item))
            case ast.List(elts=[item, *_]) | ast.Tuple(elts=[item, *_]):
                return self._list_of(self.kind(item))
            case ast.Dict(values=[item, *_]) | ast.DictComp(value=item):
                return self._table_of(self.kind(item))
            case ast.Starred(value=value):
                return self.kind(value)
        return None

    def _table_of(self, values: Kind) -> Kind:
        """A dict of numbers, unless it is seen to hold text."""
        return "table" if self.facts.is_late and values not in ("text", "character") else None

    def _is_character(self, node: ast.expr) -> bool:
        return self.kind(node) == "character"

    def _kind_of_call(self, name: str, arguments: list[ast.expr]) -> Kind:
        if name in ("int", "float", "ord") and arguments:
            return "number" if self.kind(arguments[0]) in ("character", "number") else None
        if name in ("str", "chr", "repr"):
            return "text"
        if name in SAME_ELEMENTS and arguments:
            whole = self.kind(arguments[0])
            return "texts" if whole == "text" and name != "iter" else whole
        if name == "map" and len(arguments) == 2:
            return self._mapped(arguments[0]) if self.kind(arguments[1]) else None
        if name == "dict" and arguments:
            match arguments[0]:
                case ast.Call(func=ast.Name(id="zip"), args=[_, values]):
                    return self._table_of(ELEMENT.get(self.kind(values)))
            return self._table_of(None)
        if name in self.functions:
            return self.facts.look_up((id(self.functions[name]), "return"))
        return None

    def _mapped(self, function: ast.expr) -> Kind:
        match function:
            case ast.Name(id="int" | "ord"):
                return "numbers"
            case ast.Name(id="str"):
                return "texts"
            case ast.Attribute(attr=name, value=value):
                is_table = name in LOOK_UPS and self.kind(value) == "table"
                return "numbers" if is_table or name in PLACES else None
        return None

    @staticmethod
    def _list_of(item: Kind) -> Kind:
        lists: dict[Kind, Kind] = {"character": "texts", "text": "texts", "number": "numbers"}
        return lists.get(item)

    def _bind(self, target: ast.expr, kind: Kind) -> None:
        match target:
            case ast.Name(id=name):
                if not isinstance(self.scope, ast.Module) or kind == "table":
                    self.facts.note((id(self.scope), name), kind)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                for item in items:
                    is_rest = isinstance(item, ast.Starred)
                    inner = item.value if isinstance(item, ast.Starred) else item
                    self._bind(inner, kind if is_rest else ELEMENT.get(kind))

    def _bind_elements(self, target: ast.expr, iterated: ast.expr) -> None:
        match iterated, target:
            case ast.Call(func=ast.Name(id="zip"), args=arguments), ast.Tuple(elts=items):
                for item, argument in zip(items, arguments, strict=False):
                    self._bind(item, ELEMENT.get(self.kind(argument)))
            case ast.Call(func=ast.Name(id="enumerate"), args=[value, *_]), ast.Tuple(elts=[_, it]):
                self._bind(it, ELEMENT.get(self.kind(value)))
            case _:
                self._bind(target, ELEMENT.get(self.kind(iterated)))

    def _pass_on(self, call: ast.Call, function: ast.FunctionDef) -> None:
        for parameter, argument in zip(function.args.args, call.args, strict=False):
            self.facts.note((id(function), parameter.arg), self.kind(argument))
