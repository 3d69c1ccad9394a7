"""The solver slice: what it keeps, what it refuses and why, and the honest code that must pass."""

import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.evaluation import Refused
from harness.solver_slice import solver_slice

LOADER = "def load_solver(checkpoint, device):\n    return {}\n"


def slice_of(text):
    return solver_slice(textwrap.dedent(text))


def names_in(text):
    """The names that the statements of a source text define."""
    found = set()
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                found.add(node.name)
            case ast.Import() | ast.ImportFrom():
                found |= {(a.asname or a.name).split(".")[0] for a in node.names}
            case ast.Assign(targets=targets):
                stored = (n for target in targets for n in ast.walk(target))
                found |= {n.id for n in stored if isinstance(n, ast.Name)}
    return found


def loader(expression):
    return LOADER.format(expression)


HONEST = {
    "a module with bases, defaults and annotations": """
        import math
        import torch
        import torch.nn.functional as F
        from dataclasses import dataclass, field
        from torch import Tensor, nn
        from typing import Literal
        WIDTH = 64  # [16, 256] log
        KIND: Literal["a", "b"] = "a"
        @dataclass(frozen=True)
        class Config:
            width: int = WIDTH
            sizes: tuple = field(default_factory=tuple)
        class Block(nn.Module):
            scale = math.sqrt(WIDTH)
            def __init__(self, config: Config, *args, **kwargs):
                super().__init__()
                self.inner = nn.Linear(config.width, config.width)
            def forward(self, input: Tensor, mask=None) -> Tensor:
                return F.gelu(self.inner(input)) * self.scale
            def of(self, obj: Config) -> str:
                match obj.width, type(obj):
                    case 0, _:
                        return f"{obj.width:03d} {obj!r}"
                    case int() as number, Config(width=2):
                        return str(number)
                return type(self).__name__
            def __len__(self):
                return WIDTH
        def load_solver(checkpoint, device):
            model = Block(Config(), kind=KIND).eval()
            model.load_state_dict(checkpoint)
            return lambda questions, **compute: [f"{q!r:>3}" for q in questions]
        """,
    "decorators, comprehensions, star arguments, nested functions": """
        import torch
        SYMBOLS = {c: i for i, c in enumerate("0123456789*^")}
        FIRST, *REST = list(SYMBOLS)
        def cached(f):
            memory = {}
            def inner(*key):
                if key not in memory:
                    memory[key] = f(*key)
                return memory[key]
            return inner
        @cached
        def table(n):
            return [[i * j for i in range(n)] for j in range(n)]
        @torch.inference_mode()
        def load_solver(checkpoint, device="cpu", *, open=None):
            vars = {**checkpoint, "first": FIRST}
            compile = torch.no_grad()(lambda q: type(q).__name__ + str(table(3)))
            def solver(questions, n_steps=4):
                nonlocal vars
                vars = vars | {"n": n_steps}
                return [compile(q) for q in questions if not isinstance(q, int)]
            return solver
        """,
    "settings of torch and a main guard beside the solver": """
        from __future__ import annotations
        import torch, os
        import torch.nn.functional
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
        RESULTS = []
        def load_solver(checkpoint, device):
            torch.manual_seed(0)
            return lambda questions: [str(torch.nn.functional.relu(torch.ones(1)).item())]
        if __name__ == "__main__":
            load_solver = None
            print(os.getcwd())
        """,
    "gradient checkpointing in a class that training shares": """
        import torch
        from torch.utils.checkpoint import checkpoint as remember_less
        class Model(torch.nn.Module):
            def forward(self, x):
                return remember_less(self.step, x, use_reentrant=False) if self.training else x
        def load_solver(weights, device):
            return Model()
        """,
    "votes, pairs and a gradient of its own": """
        import itertools, torch
        from collections import Counter, defaultdict
        class Round(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x): return x.round()
            @staticmethod
            def backward(ctx, grad): return grad
        def load_solver(checkpoint, device):
            x = Round.apply(checkpoint["x"])
            pairs = itertools.pairwise(x.tolist())
            return lambda questions: [Counter(q).most_common(1)[0][0] for q in questions]
        """,
    "what comprehensions bind is theirs": """
        SYMBOLS = "ab"
        TO_ID = {c: i for i, c in enumerate(SYMBOLS)}
        TO_TEXT = {i: c for i, c in enumerate(SYMBOLS)}
        def scale(a=[i for i in range(3)]): return a
        def load_solver(checkpoint, device):
            return lambda questions: [TO_TEXT[TO_ID["a"]] for q in questions]
        """,
    "names that a local shadows stay out": """
        def draw(open): return open
        loss = 3
        def load_solver(checkpoint, device):
            loss = sum(v for k, v in checkpoint.items())
            return lambda questions, draw=loss: [str(draw) for q in questions]
        """,
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST.keys())
def test_honest_code_passes(text):
    """Ordinary solver code is sliced without complaint, and the slice compiles."""
    compile(slice_of(text), "train.py", "exec")


@pytest.mark.parametrize(
    "kind", ["[0 for {} in ()]", "{{0 for {} in ()}}", "{{0: 0 for {} in ()}}"]
)
def test_what_a_comprehension_binds_is_no_definition(kind):
    """In any Python: `open` stays the one that leads out."""
    text = f"""
        _U = {kind.format("open, getattr")}
        def load_solver(checkpoint, device):
            open("x")
            return list
        """
    with pytest.raises(Refused, match="the solver uses `open`"):
        slice_of(text)


def test_only_the_solver_is_kept():
    """Generators, losses and unused imports go; of a shared import the used name stays."""
    text = """
        import os, math
        from dataclasses import dataclass, field
        A = 1; SECRET = os.environ
        def make_add(n): return n
        @dataclass
        class Config:
            a: int = A
        def load_solver(checkpoint, device):
            return lambda questions: [str(math.pi) for q in questions] + [Config()]
        def train(): return make_add(3)
        """
    kept = slice_of(text)
    assert names_in(kept) == {"math", "dataclass", "A", "Config", "load_solver"}
    assert "environ" not in kept
    assert "field" not in kept


def test_lines_keep_their_numbers():
    """A traceback of the slice points at the line of train.py."""
    text = (
        "'''Doc.'''\nimport torch\n\nX = [1,\n  2]; Y = 3\ndef unused():\n    pass\n\n\n"
        "@torch.no_grad()\ndef load_solver(checkpoint, device):\n    return X, 'ä'\n"
    )
    before = {n.name: n.lineno for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    kept = ast.parse(solver_slice(text)).body
    after = {n.name: n.lineno for n in kept if isinstance(n, ast.FunctionDef)}
    assert after == {"load_solver": before["load_solver"]}
    assert [n.lineno for n in kept] == [2, 4, 11]


def test_other_line_endings_are_read():
    """A file saved on Windows, or with a byte order mark, is sliced alike."""
    text = "\ufeffX = 1\r\n\r\n" + loader("X").replace("\n", "\r\n")
    assert names_in(solver_slice(text)) == {"X", "load_solver"}


REFUSED = {
    "no load_solver": ("X = 1", "no `load_solver`"),
    "load_solver only in a branch": (
        "if True:\n    def load_solver(c, d): pass",
        "no `load_solver`",
    ),
    "syntax": ("def load_solver(:\n", "line 1"),
    "null byte": ("X = 1\0", "null bytes"),
    "a gradient": (loader("checkpoint['a'].sum().backward()"), "`backward`, which takes gradients"),
    "a gradient by autograd": (
        "import torch\n" + loader("torch.autograd.grad(1, 2)"),
        "`torch.autograd.grad`, which takes gradients",
    ),
    "gradients switched on": (
        "from torch import enable_grad\n" + loader("enable_grad()"),
        "`torch.enable_grad`, which takes gradients",
    ),
    "code built from text": (
        "from collections import namedtuple\n" + loader("namedtuple('A', 'b')"),
        "`collections.namedtuple`",
    ),
    "a module's insides": ("import collections\n" + loader("collections._sys"), "`_sys`|_sys"),
    "unknown name": (loader("never_defined"), "line 2.*`never_defined`"),
    "bound twice": (f"X = 1\n{loader('X')}X = 2", "line 4: `X`.*again.*line 1"),
    "added to": (f"X = 1\n{loader('X')}X += 2", "line 4: `X`"),
    "deleted": (f"X = 1\n{loader('X')}del X", "line 4: `X`"),
    "set in a loop": (f"{loader('i')}for i in range(3): pass", "`i`"),
    "set in a try": (
        f"try:\n    X = 1\nexcept ValueError:\n    X = 2\n{loader('X')}",
        "line 1: `X`",
    ),
    "set by global": (f"X = 1\n{loader('X')}def f():\n    global X\n    X = 3", "line 4: `X`"),
    "filled later": (f"X = {{}}\n{loader('X')}X['1 + 1'] = '2'", "line 4: `X`.*changed"),
    "appended to": (f"X = []\n{loader('X')}X.append(2)", "line 4: `X`.*changed"),
    "filled in a loop": (f"X = []\n{loader('X')}for i in range(3): X.append(i)", "line 4: `X`"),
    "method replaced": (f"class X: pass\n{loader('X')}X.f = lambda s: 1", "line 4: `X`.*changed"),
    "numpy": (f"import numpy as np\n{loader('np.ones(1)')}", "line 1.*`numpy`.*torch, math"),
    "problems": (f"from harness.problems import answer\n{loader('answer')}", "`harness.problems`"),
    "import inside": ("def load_solver(c, d):\n    import os\n    return os", "line 2.*`os`"),
    "relative import": (f"from . import x\n{loader('x')}", "line 1"),
    "star import": (f"from torch import *\n{loader('ones(1)')}", "line 3.*`ones`|line 1"),
    "eval": (loader("eval('1')"), "line 2.*`eval`"),
    "exec as a value": (loader("list(map(exec, []))"), "`exec`"),
    "eval in a class": (f"class X:\n    f = eval\n{loader('X.f')}", "`eval`"),
    "getattr": (loader("getattr(checkpoint, 'x')"), "`getattr`"),
    "globals": (loader("globals()"), "`globals`"),
    "open": (loader("open('train.py').read()"), "`open`"),
    "__import__": (loader("__import__('os')"), "`__import__`"),
    "__builtins__": (loader("__builtins__"), "`__builtins__`"),
    "__file__": (loader("__file__"), "`__file__`"),
    "dunder": (loader("load_solver.__globals__"), "`__globals__`"),
    "subclasses": (loader("().__class__.__subclasses__()"), "`__subclasses__`"),
    "dunder in a match": (
        "def load_solver(c, d):\n    match c:\n        case dict(__class__=x, __dict__=y):\n"
        "            return x",
        "`__dict__`",
    ),
    "fields by position": (
        "class X:\n    names = ('a',)\ndef load_solver(c, d):\n    match c:\n"
        "        case X(y):\n            return y",
        "line 5.*by position",
    ),
    "match_args": (f"class X:\n    __match_args__ = ('a',)\n{loader('X')}", "`__match_args__`"),
    "metaclass": (f"class X(type): pass\nclass Y(metaclass=X): pass\n{loader('Y')}", "metaclass"),
    "getattribute": (
        f"class X:\n    def __getattribute__(self, n): pass\n{loader('X')}",
        "line 2.*`__getattribute__`",
    ),
    "a class by type()": (loader("type('X', (), {})"), "line 2.*type"),
    "a class by type(*)": (loader("type(*device)"), "type"),
    "type as a value": (loader("map(type, device)"), "type"),
    "dataclass as a function": (
        f"from dataclasses import dataclass\nclass X: pass\n{loader('dataclass(X)')}",
        "line 4.*`dataclass`",
    ),
    "dataclass looked up": (
        f"import dataclasses as d\nmake = d.dataclass\n{loader('make')}",
        "line 2.*`dataclass`",
    ),
    "annotations": (
        f"class X:\n    __annotations__ = {{'a': 'int'}}\n{loader('X')}",
        "`__annotations__`",
    ),
    "format": (loader("'{0.__class__}'.format(device)"), "line 2.*`.format`.*f-string"),
    "format_map": (loader("'{a}'.format_map(device)"), "`.format_map`"),
    "a forward reference": (loader("device._evaluate({}, {})"), "`._evaluate`"),
    "update_wrapper": (
        f"import torch\nX = torch.functools.update_wrapper\n{loader('X')}",
        "`.update_wrapper`|functools",
    ),
    "license": (loader("license"), "`license`"),
    "frame": (loader("(i for i in [1]).gi_frame.f_back"), "`.f_back`|`.gi_frame`"),
    "torch.load": (f"import torch\n{loader('torch.load(device)')}", "line 3.*`torch.load`"),
    "torch.load by name": (f"from torch import load\n{loader('load(device)')}", "`torch.load`"),
    "torch.save": (f"import torch as t\n{loader('t.save')}", "`torch.save`"),
    "torch.hub": (f"import torch.hub\n{loader('torch.hub')}", "`torch.hub`"),
    "torch.os": (f"import torch\n{loader('torch.os.system')}", "`.?(torch.os.*|os|os.system)`"),
    "os through nn": (
        f"from torch import nn\nX = nn.modules\n{loader('X.module.torch.load')}",
        "`.torch`",
    ),
    "a module passed on": (f"import torch\nt = torch\n{loader('t.load')}", "`torch` on as a value"),
    "cpp_extension": (
        f"from torch.utils import cpp_extension\n{loader('cpp_extension')}",
        "`torch.utils.cpp_extension`",
    ),
    "load_library": (f"import torch\n{loader('torch.ops.load_library')}", "load_library|torch.ops"),
    "from_file": (f"import torch\n{loader('torch.ones(1).from_file')}", "from_file"),
    "torch._C": (f"import torch\n{loader('torch._C')}", "`torch._C`"),
    "typing.sys": (f"import typing\n{loader('typing.sys')}", "typing.sys|`.sys`"),
    "make_dataclass": (
        f"from dataclasses import make_dataclass\n{loader('make_dataclass')}",
        "make_dataclass",
    ),
    "a long text": (f"X = '{'1' * 2001}'\n{loader('X')}", "line 1.*2001 characters"),
    "a long list": (f"X = {list(range(501))}\n{loader('X')}", "line 1.*501 elements"),
    "a long dict": (f"X = {dict.fromkeys(range(501), 1)}\n{loader('X')}", "501 elements"),
    "a big integer": (f"X = {10**31}\n{loader('X')}", "integer.*10\\*\\*30"),
    "many texts": (f"X = {['1' * 1999] * 11}\n{loader('X')}", "characters together"),
    "many lists": (f"X = {[[1] * 450] * 10}\n{loader('X')}", "number literals together"),
    "bytes": (f"X = {b'x' * 2001!r}\n{loader('X')}", "2001 characters"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_leads_out_is_refused_with_line_and_remedy(text, message):
    """Each refusal names the line and the thing, and says what to do instead."""
    with pytest.raises(Refused, match=message) as refused:
        solver_slice(text)
    assert ";" in refused.value.reason, "the remedy follows a semicolon"


def test_the_rules_hold_for_the_slice_only():
    """What the solver does not need may import, open and print as it likes."""
    text = "import os, numpy\nTABLE = " + repr(list(range(900))) + "\nfor i in TABLE: pass\n"
    text += "def train():\n    global TABLE\n    TABLE = eval('3'); open('x').write('')\n"
    assert names_in(solver_slice(text + loader("device"))) == {"load_solver"}


def test_a_long_docstring_is_no_table():
    """Docstrings, which the solver cannot reach, are not counted as literals."""
    text = f"def load_solver(c, d):\n    '''{'word ' * 900}'''\n    return d\n"
    assert "word" in solver_slice(text)


KINDS = ("function", "class", "constant", "decorated", "default", "annotation", "lambda")


def definition(kind, name, uses):
    """A top-level statement of a kind that defines `name` and needs `uses`."""
    joined = ", ".join(uses)
    return {
        "function": f"def {name}(x=1):\n    y = 2\n    return [{joined}] + [x, y]\n",
        "class": f"class {name}:\n    y = 1\n    def f(self):\n        return ({joined})\n",
        "constant": f"{name} = [{joined}]\n",
        "decorated": "".join(f"@{u}\n" for u in uses) + f"def {name}():\n    return 1\n",
        "default": f"def {name}(x=({joined})):\n    return x\n",
        "annotation": f"def {name}(x: ({joined} or None)):\n    return x\n"
        if len(uses) == 1
        else f"def {name}(x: [{joined}]):\n    return x\n",
        "lambda": f"{name} = lambda y: [y for y in ({joined}{',' if uses else ''})]\n",
    }[kind]


@st.composite
def programs(draw):
    """A train.py of random definitions in random order, and the closure of its load_solver."""
    n = draw(st.integers(2, 9))
    names = [*(f"n{i}" for i in range(n)), "load_solver"]
    uses = {name: draw(st.lists(st.sampled_from(names[:n]), unique=True)) for name in names}
    kinds = {name: draw(st.sampled_from(KINDS)) for name in names}
    order = draw(st.permutations(names))
    text = "".join(definition(kinds[name], name, uses[name]) for name in order)
    closure, waiting = set(), {"load_solver"}
    while waiting:
        closure |= waiting
        waiting = {u for name in waiting for u in uses[name]} - closure
    return text, closure


@settings(max_examples=150, deadline=None)
@given(programs())
def test_the_slice_is_the_closure_and_never_more(program):
    """Whatever the order and kind of definitions, the slice defines just what load_solver needs."""
    text, closure = program
    assert names_in(solver_slice(text)) == closure
