"""results/<tag>/ledger.jsonl: append-only events, the only state of a campaign.

One JSON object a line, written by one write and an fsync before anything acts on it. A torn last
line is cut off on opening; a line that is damaged further up, or of an unknown kind, is refused by
number, and what stands before it can still be read. One writer at a time, held by a lock that ends
with its process.
Not covered: file systems without locks (a network share used from two machines).
"""

import contextlib
import dataclasses
import errno
import functools
import json
import os
import types
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from harness import experiment
from harness.errors import Broken, Misuse
from harness.experiment import Event

VERSION = 1
KINDS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind for kind in typing.get_args(experiment.Event)
}
FULL = (errno.ENOSPC, errno.EDQUOT)


class Damaged(Broken):
    """A line that cannot be read; `line` counts from 1, `readable` are the entries before it."""

    def __init__(self, path: Path, line: int, what: str, readable: "tuple[Entry, ...]") -> None:
        super().__init__(
            f"{path} line {line}: {what}; the {line - 1} lines before it are whole. Restore the"
            " file (git show refs/autoresearch/<tag>/ledger has the last stored copy) or cut it"
            " there"
        )
        self.line, self.readable = line, readable


class Held(Misuse):
    """Another process writes this ledger."""

    def __init__(self, path: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{who} writes {path}; wait until it has ended, or end it with thinker stop"
        )
        self.pid = pid


class Entry(NamedTuple):
    """An event and when it was recorded (UTC, ISO 8601)."""

    time: str
    event: Event


def read(path: Path) -> tuple[Entry, ...]:
    """All entries; a torn last line does not count. Raises Damaged."""
    return tuple(_entries(path, path.read_bytes()))


class Ledger:
    """The one writer. Use it in a `with` statement."""

    def __init__(self, path: Path, before_append: Callable[[str], None] | None = None) -> None:
        """Take the lock and trim what a kill tore; `entries` are those found then. Raises Held,
        Damaged, OSError.

        `before_append` is told each line before it is written.
        """
        self.path, self.before_append = path, before_append
        self._lock = _lock(path)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            os.close(self._lock)
            raise
        try:
            content = path.read_bytes()
            self._size = content.rfind(b"\n") + 1
            self.entries = tuple(_entries(path, content))
            if self._size < len(content):
                os.ftruncate(self._file, self._size)
                os.fsync(self._file)
            _sync_folder(path.parent)
        except BaseException:
            self.close()
            raise

    def append(self, event: Event) -> Entry:
        """Record the event; on return it is on the disk. An OSError leaves the ledger as it was."""
        entry = Entry(now(), event)
        line = encode(entry)
        if self.before_append:
            self.before_append(line)
        raw = line.encode()
        try:
            written = os.write(self._file, raw)
            if written < len(raw):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(raw)
        return entry

    def close(self) -> None:
        os.close(self._file)
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def writer_of(path: Path) -> int | None:
    """The process that writes this ledger, None where there is none.

    The lock is not tried where its last holder is gone: a harness that begins in that moment would
    be refused.
    """
    try:
        os.kill(int(path.with_name(".lock").read_bytes()[:20]), 0)
    except PermissionError:  # another user's, and alive
        pass
    except (OSError, ValueError, OverflowError):
        return None
    import fcntl

    try:
        lock = os.open(path.with_name(".lock"), os.O_RDONLY | os.O_CLOEXEC)  # whoever owns it
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0)
        is_held = error.errno in (errno.EACCES, errno.EAGAIN) and holder.isdigit()
        return int(holder) if is_held else None
    finally:
        os.close(lock)
    return None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def encode(entry: Entry) -> str:
    """The line of an entry, its newline included. Raises ValueError for a NaN or infinity."""
    fields = dataclasses.asdict(entry.event)
    kind = type(entry.event).__name__.lower()
    head = {"v": VERSION, "time": entry.time, "type": kind}
    return json.dumps(head | fields, allow_nan=False, ensure_ascii=False) + "\n"


def decode(line: str) -> Entry:
    """Raises ValueError with what is wrong with the line."""
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    version, time, kind = (found.pop(key, None) for key in ("v", "time", "type"))
    if version != VERSION:
        raise ValueError(f"version {version!r}, and this program reads version {VERSION}")
    if kind not in KINDS or not isinstance(time, str):
        raise ValueError(f"an event of the unknown type {kind!r}")
    return Entry(time, _reader_of_event(kind)(found))


def _entries(path: Path, content: bytes) -> Iterator[Entry]:
    whole = content[: content.rfind(b"\n") + 1]
    readable: list[Entry] = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            entry = decode(line.decode())
        except (ValueError, RecursionError) as error:  # JSON and UTF-8 errors are ValueErrors
            raise Damaged(path, number, str(error), tuple(readable)) from error
        readable.append(entry)
        yield entry


@functools.cache
def _reader_of_event(kind: str) -> Callable[[Any], Event]:
    return reader_of_dataclass(KINDS[kind])


def _reader(hint: Any, where: str) -> Callable[[Any], Any]:
    """A function that gives what a JSON value stands for, every field checked against its
    annotation; made once for each type, since a night has a million fields. It raises ValueError.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return reader_of_dataclass(hint)
    if origin is tuple:
        return _reader_of_list(_reader(arguments[0], where), where)
    if origin in (types.UnionType, typing.Union):  # the latter with a Literal in it
        inner = _reader(arguments[0], where)
        return lambda value: None if value is None else inner(value)
    if origin is typing.Literal:
        fitting, kinds = frozenset(arguments), tuple(map(type, arguments))
    else:
        fitting, kinds = None, (float, int) if hint is float else (hint,)

    def read(value: Any) -> Any:
        if type(value) not in kinds or (fitting is not None and value not in fitting):
            raise ValueError(f"{where}: {value!r} does not fit")
        return value

    return read


def reader_of_dataclass(kind: Any) -> Callable[[Any], Any]:
    """What makes one of `kind` of a JSON object, or raises ValueError with what does not fit."""
    hints, fields = typing.get_type_hints(kind), dataclasses.fields(kind)
    plain = {f.name: kinds for f in fields if (kinds := _plain_kinds(hints[f.name]))}
    readers = {
        f.name: _reader(hints[f.name], f"{kind.__name__}.{f.name}")
        for f in fields
        if f.name not in plain
    }
    names = {f.name for f in fields}
    required = {f.name for f in fields if f.default is dataclasses.MISSING}

    def read(found: Any) -> Any:
        if type(found) is not dict:
            raise ValueError(f"{kind.__name__}: no JSON object")
        if not required <= found.keys() <= names:
            unknown, missing = found.keys() - names, required - found.keys()
            raise ValueError(
                f"{kind.__name__}: unknown {sorted(unknown)}, missing {sorted(missing)}"
            )
        for name, value in found.items():
            if name in readers:
                found[name] = readers[name](value)
            elif type(value) not in plain[name]:
                raise ValueError(f"{kind.__name__}.{name}: {value!r} does not fit")
        return kind(**found)

    return read


def _plain_kinds(hint: Any) -> tuple[type, ...]:
    """The types of a value that is read as it is, which most are; none for any other."""
    if typing.get_origin(hint) is types.UnionType and len(typing.get_args(hint)) == 2:
        first, second = typing.get_args(hint)
        return (
            (*kinds, second) if second is types.NoneType and (kinds := _plain_kinds(first)) else ()
        )
    return {str: (str,), int: (int,), bool: (bool,), float: (float, int)}.get(hint, ())


def _reader_of_list(item: Callable[[Any], Any], where: str) -> Callable[[Any], Any]:
    def read(values: Any) -> Any:
        if type(values) is not list:
            raise ValueError(f"{where}: {values!r} is no list")
        return tuple([item(value) for value in values])

    return read


def _lock(path: Path) -> int:
    """A descriptor that holds the lock until it is closed; the file tells whose it is.

    Windows has no fcntl; `thinker run` does not run there.
    """
    import fcntl

    lock = os.open(path.with_name(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0)
        os.close(lock)
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        raise Held(path, int(holder) if holder.isdigit() else None) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _sync_folder(folder: Path) -> None:
    """So that the file's name, and not only its content, survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
