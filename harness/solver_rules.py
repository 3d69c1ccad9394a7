"""What the solver's code may not hold: every rule reads the syntax tree and names line and remedy.

Covered: imports outside the list, names and attributes that reach the interpreter, files, processes
or the network, and gradients; tables written as literals are `harness.literal_rules`'.
Not covered: arithmetic in Python (the controls catch that) and what tensors hold.
"""

import ast
import builtins
import dataclasses
import typing

from harness.evaluation import Refused
from harness.literal_rules import check_literals
from harness.refusal import refuse, walk, words

ALLOWED_IMPORTS = (
    *("torch", "math", "typing", "dataclasses", "collections", "itertools"),
    "__future__",
)
FORBIDDEN_NAMES = words(
    "eval exec compile open __import__ getattr setattr delattr globals locals vars input breakpoint"
    " memoryview help exit quit license credits copyright"
)
MODULE_NAMES = frozenset({"__name__", "__class__", "__debug__"})
PLAIN_DUNDERS = words(
    "__init__ __post_init__ __new__ __call__ __len__ __getitem__ __setitem__ __contains__ __iter__"
    " __next__ __enter__ __exit__ __name__ __class__ __eq__ __hash__ __repr__ __str__ __version__"
)
# Attributes that lead out of the solver whatever they are looked up on.
FORBIDDEN_ATTRIBUTES = words(
    "os sys builtins importlib subprocess ctypes inspect pickle io socket shutil tempfile threading"
    " multiprocessing distributed glob platform linecache traceback attrgetter methodcaller torch"
    " np cpp_extension hub jit load_library from_file fromfile tofile dump memmap mro"
    " gi_frame gi_code cr_frame cr_code ag_frame ag_code tb_frame tb_next f_globals f_locals"
    " f_builtins f_back f_code func_globals _sys _os profiler export_chrome_trace"
    " format format_map functools textwrap update_wrapper wraps _evaluate evaluate"
    " on_generate_code recompile export_stacks profiler_util"
)
FORBIDDEN_IN_TORCH = words(
    "load save hub jit ops classes library multiprocessing distributed utils package fx export onnx"
    " serialization storage testing profiler overrides monitor cpp futures optim from_file"
)
# A solver answers; what it knows was learned before. A gradient of its own, defined in a class that
# training shares, is no use of one.
GRADIENTS = words("backward enable_grad set_grad_enabled")
GRADIENTS_IN_TORCH = words("torch.autograd.grad torch.func torch.autograd.functional")
ALLOWED_IN_TORCH = ("torch.utils.checkpoint",)
FORBIDDEN_IN_TYPING = frozenset({"get_type_hints", "ForwardRef", "evaluate_forward_ref"})
FORBIDDEN_IN_DATACLASSES = frozenset({"make_dataclass"})
FORBIDDEN_IN_COLLECTIONS = frozenset({"namedtuple"})  # it builds code from text


def check(body: list[ast.stmt], free_names: set[str]) -> None:
    """Raise Refused if these may not run as a solver; `free_names` are those not defined there."""
    _check_free_names(body, free_names)
    aliases: dict[str, str] = {}
    for node in walk(body):
        match node:
            case ast.Import():
                _check_import(node, aliases)
            case ast.ImportFrom():
                _check_import_from(node, aliases)
    for node in walk(body):
        match node:
            case ast.Attribute():
                _check_attribute(node, node.attr)
                if node.attr in GRADIENTS:
                    raise _trains(node, node.attr)
                _check_chain(node, aliases)
            case ast.MatchClass():
                _check_pattern(node)
            case ast.ClassDef(keywords=[_, *_]):
                raise refuse(node, "the solver has a class with a metaclass", "use a plain class")
            case ast.Name(id=name) | ast.FunctionDef(name=name) if name not in MODULE_NAMES:
                _check_dunder(node, name)
    _check_types(body)
    _check_dataclasses(body, aliases)
    _check_bare_modules(body, aliases)
    check_literals(body)


def _check_free_names(body: list[ast.stmt], free_names: set[str]) -> None:
    for node in walk(body):
        if not isinstance(node, ast.Name) or node.id not in free_names:
            continue
        if node.id in FORBIDDEN_NAMES:
            raise refuse(
                node,
                f"the solver uses `{node.id}`, which can reach outside it",
                "write the access out (a dict, an attribute, an if) or do it in training",
            )
        if node.id.startswith("__") and node.id not in MODULE_NAMES:
            raise refuse(node, f"the solver uses `{node.id}`", "leave the interpreter's own names")
        if node.id not in MODULE_NAMES and not hasattr(builtins, node.id):
            raise refuse(
                node,
                f"the solver uses `{node.id}`, which no def, class, assignment or import at the"
                " top level defines",
                "define it there once, or pass it as an argument",
            )


def _check_root(node: ast.stmt, module: str) -> None:
    if module.split(".")[0] not in ALLOWED_IMPORTS:
        raise refuse(
            node,
            f"the solver needs the import of `{module}`, which is not among"
            f" {', '.join(ALLOWED_IMPORTS[:-1])}",
            "use torch for it, or keep it out of what load_solver needs",
        )


def _check_import(node: ast.Import, aliases: dict[str, str]) -> None:
    for name in node.names:
        _check_root(node, name.name)
        _check_path(node, name.name)
        bound, path = (name.asname, name.name) if name.asname else (name.name.split(".")[0],) * 2
        aliases[bound] = path


def _check_import_from(node: ast.ImportFrom, aliases: dict[str, str]) -> None:
    module = "." * node.level + (node.module or "")
    _check_root(node, module)
    for name in node.names:
        if name.name == "*":
            raise refuse(node, f"`from {module} import *`", "import the names one by one")
        if module != "__future__":
            _check_path(node, f"{module}.{name.name}")
            aliases[name.asname or name.name] = f"{module}.{name.name}"


def _check_path(node: ast.AST, path: str) -> None:
    """Refuse a dotted path below an allowed module that leads to files or other modules."""
    root, *rest = path.split(".")
    if any(path == allowed or path.startswith(allowed + ".") for allowed in ALLOWED_IN_TORCH):
        rest = rest[2:]
    first = rest[0] if rest else ""
    bad: object
    match root:
        case "torch":
            private = [part for part in rest if part.startswith("_")]
            bad = private or first in FORBIDDEN_IN_TORCH or FORBIDDEN_ATTRIBUTES & set(rest)
        case "typing":
            bad = rest and (first not in typing.__all__ or first in FORBIDDEN_IN_TYPING)
        case "dataclasses":
            bad = rest and (first not in dataclasses.__all__ or first in FORBIDDEN_IN_DATACLASSES)
        case "collections":
            private = [part for part in rest if part.startswith("_")]
            bad = private or first in FORBIDDEN_IN_COLLECTIONS
        case _:
            bad = [part for part in rest if part.startswith("_")]
    if any(f"{path}.".startswith(f"{part}.") for part in GRADIENTS_IN_TORCH) or (
        root == "torch" and GRADIENTS & set(rest)
    ):
        raise _trains(node, path)
    if bad:
        raise refuse(
            node,
            f"the solver uses `{path}`, which is not open to it (files, processes, internals)",
            "work from the checkpoint that load_solver is given, with tensors and nn modules",
        )


def _trains(node: ast.AST, name: str) -> Refused:
    return refuse(
        node,
        f"the solver uses `{name}`, which takes gradients",
        "train before the checkpoint is saved; a solver only answers",
    )


def _check_attribute(node: ast.AST, name: str) -> None:
    _check_dunder(node, name)
    if name in FORBIDDEN_ATTRIBUTES:
        raise refuse(
            node,
            f"the solver uses the attribute `.{name}`, which can reach outside it",
            "write an f-string"
            if name == "format"
            else "do without it; if it is a name of your own, choose another",
        )


def _check_dunder(node: ast.AST, name: str) -> None:
    if name.startswith("__") and name.endswith("__") and name not in PLAIN_DUNDERS:
        raise refuse(
            node,
            f"the solver uses `{name}`, which belongs to the interpreter",
            "do without it; if it is a name of your own, choose another",
        )


def _check_pattern(node: ast.MatchClass) -> None:
    """Patterns read attributes: those by keyword are named here, those by position are not."""
    if node.patterns:
        raise refuse(node, "the solver matches a class by position", "write an isinstance test")
    for name in node.kwd_attrs:
        _check_attribute(node, name)


def _check_types(body: list[ast.stmt]) -> None:
    """`type(x)` tells a class, `type(name, bases, names)` makes one that no rule has read."""
    asked = {
        id(node.func)
        for node in walk(body)
        if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords
        if not isinstance(node.args[0], ast.Starred)
    }
    for node in walk(body):
        if isinstance(node, ast.Name) and node.id == "type" and id(node) not in asked:
            raise refuse(
                node, "the solver uses `type` for more than type(x)", "write the class out"
            )


def _check_dataclasses(body: list[ast.stmt], aliases: dict[str, str]) -> None:
    """`dataclass` builds code from a class's annotations: only from those that are written out."""
    decorators = [
        d.func if isinstance(d, ast.Call) else d
        for node in walk(body)
        if isinstance(node, ast.ClassDef)
        for d in node.decorator_list
    ]
    for node in walk(body):
        match node:
            case ast.Name(id=name) if aliases.get(name) == "dataclasses.dataclass":
                is_bad = node not in decorators
            case ast.Attribute(attr="dataclass"):
                is_bad = node not in decorators
            case _:
                is_bad = False
        if is_bad:
            raise refuse(
                node, "the solver uses `dataclass` as a function", "write @dataclass above a class"
            )


def _check_chain(node: ast.Attribute, aliases: dict[str, str]) -> None:
    parts = [node.attr]
    base = node.value
    while isinstance(base, ast.Attribute):
        parts.append(base.attr)
        base = base.value
    if isinstance(base, ast.Name) and base.id in aliases:
        _check_path(node, ".".join([aliases[base.id], *reversed(parts)]))


def _check_bare_modules(body: list[ast.stmt], aliases: dict[str, str]) -> None:
    """A module may be looked into but not handed on: `t = torch` would hide what `t.load` is."""
    modules = {
        bound
        for bound, path in aliases.items()
        if path in ("torch", "typing", "dataclasses", "collections")
    }
    looked_into = {id(n.value) for n in walk(body) if isinstance(n, ast.Attribute)}
    for node in walk(body):
        if isinstance(node, ast.Name) and node.id in modules and id(node) not in looked_into:
            raise refuse(
                node,
                f"the solver passes the module `{node.id}` on as a value",
                f"name what you need of it: {node.id}.something",
            )
