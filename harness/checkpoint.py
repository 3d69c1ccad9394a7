"""checkpoint.pt as the harness trusts it: a flat dict of plain tensors and a few words and numbers.

Covered: files that are missing, empty, cut short, foreign, pickled or inflated; entries of a kind
or size that the contract does not allow; tensors that are views of larger storages.
Not covered: what the numbers in a float tensor mean. A NaN weight is the solver's own misfortune.
"""

import pickle
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.evaluation import Refused

if TYPE_CHECKING:
    import torch

    Value = torch.Tensor | str | int | float | bool
    Checkpoint = dict[str, Value]

CHECKPOINT_BYTES = 512 * 2**20  # the file, what it unpacks to, and its tensors together
TEXT_BYTES = 4 * 2**10  # strings and numbers together
INTEGER_BYTES = 64 * 2**10  # integer and bool tensors together
KEY_CHARS = 200
ENTRIES = 10_000
FLOATS = ("float64", "float32", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")
REMEDY = "save a flat dict of tensors, strings and numbers with torch.save"


def read(path: Path) -> "Checkpoint":
    """The checkpoint with every tensor on the CPU, contiguous and with storage of its own.

    Raises Refused; its status is `no_checkpoint` where there is no file.
    """
    import torch

    _check_file(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"Unsupported [\w ]+:? ?[\w.]*(?: [\w.]+)?", str(error))
        what = f" ({found[0][:100]})" if found else ""
        raise Refused(
            f"{path.name} holds pickled objects{what}, which are not read; {REMEDY}"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        first = str(error).split("\n")[0][:200]
        raise Refused(f"{path.name} is damaged or foreign ({first}); {REMEDY}") from error
    _check_entries(path.name, loaded)
    return {
        key: value.detach().clone(memory_format=torch.contiguous_format)
        if isinstance(value, torch.Tensor)
        else value
        for key, value in loaded.items()
    }


def write(checkpoint: "Checkpoint", path: Path) -> None:
    """Save for a child process to read."""
    import torch

    torch.save(checkpoint, path)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise Refused(
            f"there is no {path.name} in {path.parent}; train first, or name a folder that has one",
            status="no_checkpoint",
        )
    size = path.stat().st_size
    if size == 0:
        raise Refused(f"{path.name} is empty; save again (was the disk full?)")
    if size > CHECKPOINT_BYTES:
        raise Refused(f"{path.name} has {size:,} bytes; the limit is {CHECKPOINT_BYTES:,}")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Refused(
            f"{path.name} ({size:,} bytes) is cut short or was not written by torch.save; {REMEDY}"
        ) from error
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > CHECKPOINT_BYTES:
        raise Refused(
            f"{path.name} unpacks to {unpacked:,} bytes; the limit is {CHECKPOINT_BYTES:,}"
        )


def _check_entries(name: str, loaded: Any) -> None:
    """Raise Refused at the first entry that the contract does not allow."""
    import torch

    if not isinstance(loaded, dict):
        raise Refused(f"{name} holds a {type(loaded).__name__}, not a dict; {REMEDY}")
    if len(loaded) > ENTRIES:
        raise Refused(f"{name} has {len(loaded):,} entries; the limit is {ENTRIES:,}")
    text = integers = tensors = 0
    for key, value in loaded.items():
        if not isinstance(key, str) or len(key) > KEY_CHARS:
            raise Refused(
                f"{name} has the key {str(key)[:40]!r}, a {type(key).__name__};"
                f" keys are strings of at most {KEY_CHARS} characters"
            )
        if isinstance(value, torch.Tensor):
            _check_tensor(name, key, value)
            size = value.numel() * value.element_size()
            tensors += size
            integers += 0 if value.is_floating_point() else size
        elif type(value) in (str, int, float, bool):
            text += _text_size(value)
        else:
            kind = type(value).__name__
            raise Refused(f"{name} has a {kind} at {key!r}; {REMEDY}")
        for total, limit, what in (
            (text, TEXT_BYTES, "strings and numbers"),
            (integers, INTEGER_BYTES, "integer and bool tensors"),
            (tensors, CHECKPOINT_BYTES, "tensors"),
        ):
            if total > limit:
                raise Refused(
                    f"{name}: up to {key!r} its {what} take {total:,} bytes, over the limit of"
                    f" {limit:,}; keep there what the solver needs, and put what was learned into"
                    " float tensors"
                )


def _check_tensor(name: str, key: str, tensor: "torch.Tensor") -> None:
    import torch

    kind = str(tensor.dtype).removeprefix("torch.")
    if kind not in FLOATS + INTEGERS or tensor.is_quantized:
        wrong = f"of type {kind}"
    elif tensor.layout is not torch.strided or tensor.is_nested:
        wrong = f"of layout {tensor.layout}"
    elif tensor.device.type != "cpu":
        wrong = f"on the device {tensor.device.type}"
    elif type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        wrong = f"of class {type(tensor).__name__}"
    else:
        return
    raise Refused(
        f"{name} has a tensor {wrong} at {key!r}; save plain dense tensors of {', '.join(FLOATS)}"
        f" or {', '.join(INTEGERS)}"
    )


def _text_size(value: str | int | float | bool) -> int:
    match value:
        case str():
            return len(value.encode("utf-8", "surrogatepass"))
        case int():
            return max(8, (value.bit_length() + 7) // 8)
    return 8
