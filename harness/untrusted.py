"""Folders that somebody else could write to: taking files out, weighing, and removing them.

Every step goes by directory handles and never follows a link, so that no name in such a folder
leads out of it; nesting, counts and modes that were made to be in the way are not.
Not covered: a folder that is still being written to may weigh less than it will in a moment.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


def _flags(*names: str) -> int:
    """Windows lacks them; what works there, by hand, takes nothing out of folders of others."""
    return os.O_RDONLY | sum(getattr(os, name, 0) for name in names)


FOLDER = _flags("O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC")
FILE = _flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC")
DEPTH = 32  # of folders held open at a time; what is deeper is moved up first
PIECE = 1 << 20
ENTRY_BYTES = 1024  # what a file takes beside its blocks, about


@contextlib.contextmanager
def opened(folder: Path, names: Sequence[str]) -> Iterator[int | None]:
    """A handle of the plain file at these names below `folder`; None where there is none.

    Neither a link nor a pipe nor a device, nor a file with another name elsewhere.
    """
    handles: list[int] = []
    try:
        handles.append(os.open(folder, FOLDER))
        for place, name in enumerate(names, start=1):
            flags = FILE if place == len(names) else FOLDER
            handles.append(os.open(name, flags, dir_fd=handles[-1]))
        found = os.fstat(handles[-1])
        is_plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    except OSError:
        is_plain = False
    try:
        yield handles[-1] if is_plain else None
    finally:
        for handle in handles:
            os.close(handle)


def take_out(folder: Path, names: Sequence[str], target: Path, most: int) -> bool:
    """Copy a plain file of at most `most` bytes; whether there was one.

    The target is written beside its place and renamed, so that it is whole where it exists. Raises
    OSError where the target cannot be written.
    """
    unfinished = target.with_name(target.name + ".tmp")
    with opened(folder, names) as handle:
        if handle is None or os.fstat(handle).st_size > most:
            return False
        left = most
        try:
            with unfinished.open("wb") as copy:
                while piece := os.read(handle, PIECE):
                    left -= len(piece)
                    if left < 0:  # it grew meanwhile
                        break
                    copy.write(piece)
                copy.flush()
                os.fsync(copy.fileno())
            if left < 0:
                unfinished.unlink()
                return False
            unfinished.rename(target)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
    return True


@dataclass(frozen=True, slots=True)
class Weight:
    """What a folder holds. `is_open`: all of it could be looked at."""

    mb: float
    entries: int
    is_open: bool


def weigh(folder: Path, *, most_mb: float, most_entries: int) -> Weight:
    """Counted until one of the limits is passed, so that it takes bounded time."""
    total, entries, is_open = 0, 0, True
    waiting = [(str(folder), 0)]
    while waiting:
        where, depth = waiting.pop()
        try:
            with os.scandir(where) as found:
                for entry in found:
                    entries += 1
                    total += ENTRY_BYTES
                    with contextlib.suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if total > most_mb * 2**20 or entries > most_entries:
                        return Weight(total / 2**20, entries, is_open)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError:  # not readable, or a path too long to be named
            is_open = False
    return Weight(total / 2**20, entries, is_open)


def remove(folder: Path) -> None:
    """A folder and all in it, however deep, and whatever its modes; a missing one is no error.

    What it names elsewhere stays. Raises OSError where something cannot be removed, such as files
    of another user.
    """
    try:
        found = os.lstat(folder)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        folder.unlink()
        return
    parent = os.open(folder.parent, FOLDER)
    try:
        top = _enter(parent, folder.name)
        try:
            moved = _Names()
            while _empty(top, top, moved, 0):
                pass
        finally:
            os.close(top)
        os.rmdir(folder.name, dir_fd=parent)
    finally:
        os.close(parent)


class _Names:
    """Names for folders that are moved up, which nothing in the folder has: they are too long to
    be guessed."""

    def __init__(self) -> None:
        self.prefix, self.count = os.urandom(16).hex(), 0

    def next(self) -> str:
        self.count += 1
        return f"{self.prefix}-{self.count}"


def _empty(top: int, folder: int, moved: _Names, depth: int) -> bool:
    """Remove what a folder holds; whether something was moved to the top instead."""
    again = False
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
            continue
        inner = _enter(folder, name)
        try:
            if depth >= DEPTH:
                os.rename(name, moved.next(), src_dir_fd=folder, dst_dir_fd=top)
                again = True
                continue
            again |= _empty(top, inner, moved, depth + 1)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=folder)
    return again


def _enter(parent: int, name: str) -> int:
    """A handle of a folder whose mode may forbid to enter it."""
    with contextlib.suppress(PermissionError):
        handle = os.open(name, FOLDER, dir_fd=parent)
        if os.fstat(handle).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.fchmod(handle, stat.S_IRWXU)
        return handle
    if hasattr(os, "O_PATH"):  # a handle needs no right to read, and the mode is changed through it
        unread = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY, dir_fd=parent)
        try:
            os.chmod(f"/proc/self/fd/{unread}", stat.S_IRWXU)  # noqa: PTH101
        finally:
            os.close(unread)
    else:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent, follow_symlinks=False)  # noqa: PTH101
    return os.open(name, FOLDER, dir_fd=parent)
