"""data.pkl of a torch.save file, read without unpickling: nothing that it names is ever called.

Opcodes are followed over plain data: dicts with text keys, short tuples, numbers, text, and
descriptions of tensors. All else is refused.
Covered: code, objects, and what makes an unpickler hang or fill memory. Every opcode costs a
bounded time, and their number, the nesting and each container's size are bounded; keys are text, so
no nested value is ever hashed; no bytes are set aside that the file does not have.
Not covered: whether the tensors lie within their storages; see `harness.checkpoint`.
"""

import pickletools
import re
from dataclasses import dataclass
from typing import Any

BYTES = 4 * 2**20  # of data.pkl; 10,000 tensors take 1 MB
OPCODES = 1_000_000  # 10,000 tensors take 320,000, as parameters 450,000
DEPTH = 8  # of marks; torch.save needs 3
DIMENSIONS = 16
ENTRIES = 10_000  # of one dict
KEY_CHARS = 200
ORDERED = "collections OrderedDict"
TENSOR = "torch._utils _rebuild_tensor_v2"
PARAMETER = "torch._utils _rebuild_parameter"
ITEM_BYTES = {
    "Double": ("float64", 8),
    "Float": ("float32", 4),
    "Half": ("float16", 2),
    "BFloat16": ("bfloat16", 2),
    "Long": ("int64", 8),
    "Int": ("int32", 4),
    "Short": ("int16", 2),
    "Char": ("int8", 1),
    "Byte": ("uint8", 1),
    "Bool": ("bool", 1),
    "ComplexFloat": ("complex64", 8),
    "ComplexDouble": ("complex128", 16),
}
STORAGES = {f"torch {name}Storage": kind for name, kind in ITEM_BYTES.items()}
PUSHED = frozenset(["BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"])
CONSTANTS = {"NEWTRUE": True, "NEWFALSE": False, "NONE": None}
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
KINDS = {"EMPTY_LIST": "a list", "EMPTY_SET": "a set", "LONG4": "a number of over 255 bytes"}


class Unreadable(Exception):
    """What was found that is not read; `key` is the entry where it stood, or None."""

    def __init__(self, what: str, key: str | None = None) -> None:
        super().__init__(what)
        self.what, self.key = what, key


@dataclass(frozen=True, slots=True)
class Storage:
    """The record `data/<record>`, of so many items; `kind` is torch's name of their dtype."""

    record: str
    kind: str
    item_bytes: int
    items: int


@dataclass(frozen=True, slots=True)
class Strided:
    """A tensor: where it begins in its storage and how far apart its items lie, in items."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


def read(pickled: bytes) -> dict[str, Any]:
    """The flat dict: text, numbers and `Strided`, and whatever the caller must still refuse."""
    if len(pickled) > BYTES:
        raise Unreadable(f"a data.pkl of {len(pickled):,} bytes, over the limit of {BYTES:,}")
    machine = _Machine()
    try:
        for count, (opcode, argument, place) in enumerate(pickletools.genops(pickled)):
            if count > OPCODES:
                raise Unreadable(f"a data.pkl of over {OPCODES:,} steps")
            if opcode.name == "STOP":
                if place != len(pickled) - 1:
                    raise Unreadable("bytes after the end of data.pkl")
                break
            machine.step(opcode.name, argument)
    except (ValueError, LookupError, OverflowError) as error:
        raise Unreadable(f"a damaged data.pkl ({str(error)[:100]})") from None
    except Unreadable as found:
        raise Unreadable(found.what, machine.key()) from None
    return machine.result()


class _Machine:
    """The stack and memory of an unpickler that calls nothing. Its errors are ValueErrors too."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # one stack for each open mark
        self.memo: dict[int, Any] = {}

    def key(self) -> str | None:
        """The text that was pushed last and not used yet: the key of what was being read."""
        last = next((item for item in reversed(self.stack) if type(item) is str), None)
        return last if last is None or len(last) <= KEY_CHARS else None

    def result(self) -> dict[str, Any]:
        if len(self.stack) != 1 or self.below:
            raise Unreadable("a damaged data.pkl (it ends early)")
        found = self.stack[0]
        if type(found) is not dict:
            raise Unreadable(f"{kind_of(found)}, not a dict")
        return found

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in PUSHED:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in TUPLES:
            stack.append(_tuple(self._pop(TUPLES[name])))
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name == "GLOBAL":
            stack.append(_global(argument))
        elif name == "MARK":
            if len(self.below) == DEPTH:
                raise ValueError("nested too deeply")
            self.below.append(stack)
            self.stack = []
        elif name == "TUPLE":
            items = self._pop_mark()
            self.stack.append(_tuple(items))
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "SETITEM":
            self._set_items(self._pop(2))
        elif name == "SETITEMS":
            self._set_items(self._pop_mark())
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            function, arguments = self._pop(2)
            stack.append(_made(function, arguments))
        elif name == "BUILD":  # the `_metadata` of a state_dict, which is not kept
            target, state = self._pop(2)
            if type(target) is not dict or type(state) is not dict:
                raise Unreadable("a pickled object")
            stack.append(target)
        elif name != "PROTO" or argument != 2:
            is_all = not (self.stack or self.below)
            found = KINDS.get(name, f"what torch.save does not write ({name})")
            raise Unreadable(f"{found}, not a dict" if is_all else found)

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("it takes what is not there")
        at = len(self.stack) - count
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def _pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise ValueError("entries without a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is not str or len(key) > KEY_CHARS:
                shown = f" {str(key)[:40]!r}," if type(key) in (str, int, float, bool) else ""
                raise Unreadable(
                    f"the key{shown} {kind_of(key)}, and"
                    f" keys are strings of at most {KEY_CHARS} characters"
                )
            target[key] = value
        if len(target) > ENTRIES:
            raise Unreadable(f"{len(target):,} entries; the limit is {ENTRIES:,}")


def kind_of(value: object) -> str:
    """What to call it in a sentence."""
    match value:
        case Strided():
            return "a tensor"
        case Storage():
            return "a storage"
        case _Global(name=name):
            return f"a pickled object ({name.replace(' ', '.')[:100]})"
    return f"a {type(value).__name__}"


def _tuple(items: list[Any]) -> tuple[Any, ...]:
    """Short and at most two deep, as the arguments that describe a tensor are."""
    inner = [item for item in items if type(item) is tuple]
    if len(items) > DIMENSIONS or any(type(part) is tuple for item in inner for part in item):
        raise Unreadable("a tuple" if len(items) <= DIMENSIONS else "a long tuple")
    return tuple(items)


def _global(name: str) -> _Global:
    if name not in (ORDERED, TENSOR, PARAMETER) and name not in STORAGES:
        raise Unreadable(kind_of(_Global(name)))
    return _Global(name)


def _storage(described: Any) -> Storage:
    if type(described) is tuple and len(described) == 5:
        word, kind, record, place, items = described
        if (
            word == "storage"
            and type(kind) is _Global
            and kind.name in STORAGES
            and type(record) is str
            and re.fullmatch(r"[0-9]{1,9}", record, re.ASCII)
            and type(place) is str
            and _is_size(items)
        ):
            return Storage(record, *STORAGES[kind.name], items)
    raise ValueError("a storage that torch does not write")


def _made(function: Any, arguments: Any) -> dict[str, Any] | Strided:
    if type(function) is not _Global or type(arguments) is not tuple:
        raise Unreadable("a pickled object")
    if function.name == ORDERED and not arguments:
        return {}
    if function.name == PARAMETER and len(arguments) == 3 and type(arguments[0]) is Strided:
        return arguments[0]
    if function.name == TENSOR and len(arguments) == 6:
        storage, offset, shape, strides, needs_gradient, hooks = arguments
        if (
            type(storage) is Storage
            and _is_size(offset)
            and type(shape) is type(strides) is tuple
            and len(shape) == len(strides)
            and all(map(_is_size, (*shape, *strides)))
            and type(needs_gradient) is bool
            and type(hooks) is dict
            and not hooks
        ):
            return Strided(storage, offset, shape, strides)
    raise Unreadable(f"a tensor that is not plain ({function.name.split()[-1]})")


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**62
