"""What a train.py may not hold, read from its syntax tree before it may have the GPU.

Covered: imports outside the list, processes and the network, the interpreter's own ways around,
paths outside the run's folder. The solver's part is held to stricter rules by
`harness.solver_slice`. Each refusal names line and remedy, so that a researcher can act on it.
Not covered: code that hides what it does. The sandbox walls it off, the controls unmask its score.
"""

import ast
import sys
from collections.abc import Iterator

from harness.evaluation import Refused
from harness.refusal import refuse, words

LIBRARIES = frozenset({"torch", "numpy", "harness"})
OF_HARNESS = ("harness.problems", "harness.by_hand")
# Modules of the standard library that start processes, open connections or run text as code.
CLOSED_MODULES = words(
    "_posixsubprocess _socket asyncio asyncore bdb cgi code codeop concurrent ctypes curses dbm"
    " ensurepip fcntl ftplib gc http imaplib imp importlib inspect mailbox mmap multiprocessing"
    " nntplib pdb pickle pip pkgutil poplib posix pty resource runpy sched selectors shelve site"
    " smtplib socket socketserver sqlite3 ssl subprocess sysconfig syslog telnetlib threading"
    " tracemalloc urllib venv webbrowser wsgiref xmlrpc zipimport"
)
CLOSED_NAMES = words(
    "eval exec compile __import__ getattr setattr delattr globals locals vars breakpoint input"
    " __builtins__ __loader__ __spec__"
)
CLOSED_CALLS = words(
    "system popen fork forkpty execv execve execvp execl execlp spawnv spawnl spawnvp posix_spawn"
    " kill killpg setuid setgid chroot mkfifo symlink symlink_to link hardlink_to putenv"
    " load_library cpp_extension load_inline import_module run_path run_module setaffinity"
    " sched_setaffinity nice setpriority ptrace home expanduser"
)
CLOSED_ATTRIBUTES = words(
    "__globals__ __builtins__ __subclasses__ __code__ __closure__ __loader__ f_globals f_locals"
    " f_back tb_frame gi_frame modules settrace setprofile _getframe"
)
# Parts of open modules that are closed: they reach the network, or start processes.
CLOSED_PARTS = words(
    "logging.config logging.handlers torch.distributed torch.hub torch.multiprocessing"
    " torch.utils.cpp_extension"
)
OUTSIDE = ("/", "~", "..")


def audit(source: str) -> None:
    """Raises Refused with what the whole file may not hold."""
    tree = ast.parse(source)
    imported = _imported(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    _check_module(node, name.name)
            case ast.ImportFrom(module=module, names=names, level=level):
                _check_import_from(node, "." * level + (module or ""), names)
            case ast.Name(id=name) if name in CLOSED_NAMES:
                raise refuse(node, f"train.py uses `{name}`", "write the access out")
            case ast.Attribute(attr=name) if name in CLOSED_ATTRIBUTES and name != "modules":
                raise refuse(node, f"train.py uses `.{name}`", "leave the interpreter's insides")
            case ast.Attribute(value=ast.Name(id="sys"), attr="modules" | "path" | "meta_path"):
                raise refuse(node, f"train.py uses `sys.{node.attr}`", "import at the top instead")
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOSED_CALLS:
                raise refuse(
                    node, f"train.py calls `.{name}()`", "a training computes, and nothing else"
                )
            case ast.Attribute():
                _check_imported(node, imported)
    for node, text in _paths(tree):
        if text.startswith(OUTSIDE) or "/.." in text:
            raise refuse(
                node, f"train.py names the path {text!r}", "read and write below --out only"
            )


def _imported(tree: ast.AST) -> dict[str, str]:
    """Names that imports bind, and the dotted names of what they stand for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    root = name.name.split(".")[0]
                    found[name.asname or root] = name.name if name.asname else root
            case ast.ImportFrom(module=str() as module, names=names):
                found |= {name.asname or name.name: f"{module}.{name.name}" for name in names}
    return found


def _check_imported(node: ast.Attribute, imported: dict[str, str]) -> None:
    """What is looked up on an imported module or class, called or put aside under another name."""
    parts = [node.attr]
    base = node.value
    while isinstance(base, ast.Attribute):
        parts.append(base.attr)
        base = base.value
    if not isinstance(base, ast.Name) or base.id not in imported:
        return
    path = ".".join([imported[base.id], *reversed(parts)])
    if node.attr in CLOSED_CALLS or path in CLOSED_PARTS:
        raise refuse(node, f"train.py uses `{path}`", "a training computes, and nothing else")


def _check_module(node: ast.stmt, module: str) -> None:
    root = module.split(".")[0]
    is_part = any(f"{module}.".startswith(f"{part}.") for part in CLOSED_PARTS)
    if root in CLOSED_MODULES or is_part:
        raise refuse(
            node,
            f"train.py imports `{module}`, which can reach outside a training",
            "do without it; nothing that it offers is needed to train",
        )
    if root == "harness" and not module.startswith(OF_HARNESS) and module != "harness":
        raise refuse(node, f"train.py imports `{module}`", f"{' and '.join(OF_HARNESS)} are open")
    if root not in LIBRARIES and root not in sys.stdlib_module_names:
        raise refuse(
            node, f"train.py imports `{module}`", "torch, numpy and the standard library are there"
        )


def _check_import_from(node: ast.stmt, module: str, names: list[ast.alias]) -> None:
    if module == "harness":
        for name in names:
            _check_module(node, f"harness.{name.name}")
        return
    _check_module(node, module)
    for name in names:
        is_part = f"{module}.{name.name}" in CLOSED_PARTS
        if name.name in CLOSED_CALLS or name.name == "modules" or is_part:
            raise refuse(node, f"train.py imports `{module}.{name.name}`", "do without it")


def _paths(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Texts handed to what opens or names files."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        if name not in ("open", "Path", "load", "save", "fopen", "memmap", "fromfile", "listdir"):
            continue
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument, argument.value


__all__ = ["Refused", "audit"]
