"""checkpoint.pt as the harness trusts it: a flat dict of plain tensors and a few words and numbers.

The file is never unpickled. `harness.plain_pickle` reads what it says of its tensors, and their
bytes are copied from the records that the zip holds uncompressed, as torch.save writes them.
Covered: files that are missing, empty, cut short, foreign, pickled or inflated, or that would make
an unpickler hang, run out of memory or run code; entries of a kind or size that the contract does
not allow; tensors that are views of larger storages, or reach beyond them. Time grows with the
file's size, and memory is at most twice `CHECKPOINT_BYTES` and some 100 MB: what the tensors take
is added up before the first one is made. All that is not understood is Refused.
Not covered: what the numbers in a float tensor mean. A NaN weight is the solver's own misfortune.
"""

import io
import math
import struct
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import plain_pickle
from harness.evaluation import Refused
from harness.plain_pickle import Storage, Strided

if TYPE_CHECKING:
    import torch

    Value = torch.Tensor | str | int | float | bool
    Checkpoint = dict[str, Value]

CHECKPOINT_BYTES = 512 * 2**20  # the file, what it unpacks to, and its tensors together
INDEX_BYTES = 4 * 2**20  # what is read at a time, and so the zip's index: 10,000 tensors take 1 MB
TEXT_BYTES = 4 * 2**10  # strings and numbers together
INTEGER_BYTES = 64 * 2**10  # integer and bool tensors together
PIECE_BYTES = 2**20
FLOATS = ("float64", "float32", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")
REMEDY = "save a flat dict of tensors, strings and numbers with torch.save"
# What zipfile raises on damaged files, as found by mutating them.
DAMAGE = (
    zipfile.BadZipFile,
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    LookupError,
    struct.error,
)


def read(path: Path) -> "Checkpoint":
    """The checkpoint with every tensor on the CPU, contiguous and with storage of its own.

    Raises Refused; its status is `no_checkpoint` where there is no file.
    """
    if not path.is_file():
        raise Refused(
            f"there is no {path.name} in {path.parent}; train first, or name a folder that has one",
            status="no_checkpoint",
        )
    try:
        with _Pieces(path) as file:
            return _Archive(path.name, file).read()
    except MemoryError:
        raise Refused(f"there is no memory left to read {path.name}", "out_of_memory") from None
    except OSError as error:
        raise Refused(f"{path.name} cannot be read ({error.strerror or error}); {REMEDY}") from None


def write(checkpoint: "Checkpoint", path: Path) -> None:
    """Save for a child process to read. Raises OSError; torch's own writer says RuntimeError where
    a disk is full."""
    import torch

    whole = io.BytesIO()
    torch.save(checkpoint, whole)
    path.write_bytes(whole.getbuffer())


class _Pieces(io.FileIO):
    """Gives at most INDEX_BYTES at a time: zipfile asks for as many as the file itself claims."""

    def read(self, size: int | None = -1, /) -> bytes:
        whole = size is None or not 0 <= size <= INDEX_BYTES
        return super().read(INDEX_BYTES if whole else size) or b""


class _Archive:
    """The zip of torch.save; only data.pkl, byteorder and the tensors' records are read."""

    def __init__(self, name: str, file: _Pieces) -> None:
        self.name, self.size = name, file.seek(0, io.SEEK_END)
        if self.size == 0:
            raise Refused(f"{name} is empty; save again (was the disk full?)")
        if self.size > CHECKPOINT_BYTES:
            raise Refused(f"{name} has {self.size:,} bytes; the limit is {CHECKPOINT_BYTES:,}")
        try:
            self.zip = zipfile.ZipFile(file)
        except DAMAGE as error:
            raise Refused(
                f"{name} ({self.size:,} bytes) is cut short or was not written by torch.save;"
                f" {REMEDY}"
            ) from error
        self.entries = {entry.filename: entry for entry in self.zip.infolist()}
        self._check_index()
        self.root = next(iter(self.entries), "").partition("/")[0]

    def read(self) -> "Checkpoint":
        order = self._bytes("byteorder", 16) if f"{self.root}/byteorder" in self.entries else b""
        if order not in (b"", sys.byteorder.encode()):
            raise self._damaged(f"its byte order is {order!r}, this machine's {sys.byteorder!r}")
        try:
            found = plain_pickle.read(self._bytes("data.pkl", plain_pickle.BYTES))
        except plain_pickle.Unreadable as wrong:
            at = f" at {wrong.key!r}" if wrong.key is not None else ""
            raise Refused(f"{self.name} holds {wrong.what}{at}; {REMEDY}") from None
        _check_entries(self.name, found)
        self._check_storages(found)
        made: dict[str, Any] = dict(found)  # keeps the order
        users: dict[Storage, list[str]] = {}
        for key, value in found.items():
            if isinstance(value, Strided):
                users.setdefault(value.storage, []).append(key)
        for storage, keys in users.items():
            items = self._items(storage)
            for key in keys:
                made[key] = _tensor(items, found[key])
        return made

    def _check_index(self) -> None:
        entries = self.zip.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > min(CHECKPOINT_BYTES, self.size):
            raise Refused(
                f"{self.name} unpacks to {unpacked:,} bytes; the limit is {CHECKPOINT_BYTES:,},"
                f" and its own {self.size:,}"
            )
        packed = [e.filename for e in entries if e.compress_type or e.file_size != e.compress_size]
        if packed:
            raise self._damaged(f"{packed[0][:100]!r} is compressed")
        if len(entries) > 2 * plain_pickle.ENTRIES:
            raise self._damaged(f"it has {len(entries):,} records")
        if len(self.entries) != len(entries):
            raise self._damaged("two of its records have the same name")

    def _check_storages(self, found: dict[str, Any]) -> None:
        for key, value in found.items():
            if not isinstance(value, Strided):
                continue
            storage, entry = value.storage, self._entry(f"data/{value.storage.record}")
            if entry.file_size != storage.items * storage.item_bytes:
                raise self._damaged(
                    f"the tensor at {key!r} has {storage.items:,} items of {storage.item_bytes}"
                    f" bytes, its record {entry.file_size:,} bytes"
                )
            if math.prod(size or 1 for size in value.shape) > CHECKPOINT_BYTES:  # of no items
                raise self._damaged(f"the tensor at {key!r} has the shape {value.shape}")
            if _numel(value) and _last(value) >= storage.items:
                raise self._damaged(f"the tensor at {key!r} reaches beyond its record")

    def _items(self, storage: Storage) -> "torch.Tensor":
        import torch

        at, entry = 0, self._entry(f"data/{storage.record}")
        try:
            room = torch.empty(entry.file_size, dtype=torch.uint8)
        except RuntimeError as error:
            raise MemoryError from error
        try:
            with self.zip.open(entry) as record:
                view = room.numpy().data
                while piece := record.read(PIECE_BYTES):
                    view[at : at + len(piece)] = piece
                    at += len(piece)
            if at < entry.file_size:
                raise EOFError("a record is cut short")
        except DAMAGE as error:
            raise self._damaged(str(error)) from error
        if storage.kind == "bool":
            room.ne_(0)  # a byte of 2 would be a bool that is neither
        return room.view(getattr(torch, storage.kind))

    def _bytes(self, name: str, most: int) -> bytes:
        entry = self._entry(name)
        if entry.file_size > most:
            raise self._damaged(f"{name} has {entry.file_size:,} bytes; the limit is {most:,}")
        try:
            return self.zip.read(entry)
        except DAMAGE as error:
            raise self._damaged(str(error)) from error

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = self.entries.get(f"{self.root}/{name}")
        if entry is None:
            raise self._damaged(f"it has no record {name}")
        return entry

    def _damaged(self, what: str) -> Refused:
        return Refused(f"{self.name} is damaged or foreign ({what[:200]}); {REMEDY}")


def _check_entries(name: str, found: dict[str, Any]) -> None:
    """Raise Refused at the first entry that the contract does not allow."""
    text = integers = tensors = 0
    for key, value in found.items():
        if isinstance(value, Strided):
            kind = value.storage.kind
            if kind not in FLOATS + INTEGERS:
                raise Refused(
                    f"{name} has a tensor of type {kind} at {key!r}; save plain dense tensors of"
                    f" {', '.join(FLOATS)} or {', '.join(INTEGERS)}"
                )
            size = _numel(value) * value.storage.item_bytes
            tensors += size
            integers += size if kind in INTEGERS else 0
        elif type(value) in (str, int, float, bool):
            text += _text_size(value)
        else:
            raise Refused(f"{name} has {plain_pickle.kind_of(value)} at {key!r}; {REMEDY}")
        if not _is_text(key) or (isinstance(value, str) and not _is_text(value)):
            raise Refused(f"{name} has half a character (a surrogate) at {key!r}; {REMEDY}")
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


def _tensor(items: "torch.Tensor", value: Strided) -> "torch.Tensor":
    import torch

    try:
        if not _numel(value):
            return torch.empty(value.shape, dtype=items.dtype)
        view = torch.as_strided(items, value.shape, value.strides, value.offset)
        return view.clone(memory_format=torch.contiguous_format)
    except RuntimeError as error:
        raise MemoryError from error


def _numel(value: Strided) -> int:
    return math.prod(value.shape)


def _last(value: Strided) -> int:
    """The place in its storage of the tensor's last item, if it has any."""
    steps = zip(value.shape, value.strides, strict=True)
    return value.offset + sum((size - 1) * stride for size, stride in steps)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text_size(value: str | int | float | bool) -> int:
    match value:
        case str():
            return len(value.encode("utf-8", "surrogatepass"))
        case int():
            return max(8, (value.bit_length() + 7) // 8)
    return 8
