"""The parent of one sandboxed process: sets its limits, and outlives it to end all that it left.

Started as `python -I -S supervisor.py SPEC -- COMMAND…`, SPEC being JSON (see `main`). It ends with
the command's exit code, 128 + N for signal N. When the command ends, when SIGTERM comes or when the
harness is gone (the pipe at `alive` is at its end), its process group is killed at once, which no
forking outruns, and then every descendant, whatever session it moved to. All of them carry a mark
by which `harness.orphans` finds them when this process was killed first. Where there is no Linux
the group alone is ended, and nothing is marked.
Not covered: what the command may reach while it runs (`harness.landlock_rules` and bwrap are for
that); at `none`, where it may leave its group, processes that fork faster than they are killed.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
KEYCTL = {"x86_64": 250, "aarch64": 219}  # the number of the system call
KEYCTL_JOIN_SESSION_KEYRING = 1
MARK_SHIFT = 40  # bits for the start time, in ticks


def main(arguments: list[str]) -> int:
    """SPEC: alive, filter (descriptors), cores, nice, limits (by their resource name), landlock,
    linux (whether what only Linux has is used).

    `landlock` is null or the rules of `harness.landlock_rules.confine`, with the folders to import
    from; `filter` is null or open at the seccomp filter, which bwrap or we apply.
    """
    spec = json.loads(arguments[0])
    command = arguments[arguments.index("--") + 1 :]
    is_linux: bool = spec["linux"]
    libc = ctypes.CDLL(None, use_errno=True)
    if is_linux:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, woken = os.pipe()
    for end in (wake, woken):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _do_nothing)
    signal.signal(signal.SIGTERM, _do_nothing)
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, spec, libc, supervisor)
    alive, status = spec["alive"], None
    ended = False
    while not ended:
        ready, _, _ = select.select([wake, alive], [], [])
        if alive in ready:  # nothing is ever written to it: this is its end
            break
        if signal.SIGTERM in os.read(wake, 4096):
            break
        if is_linux:
            ended = _reap(child)
        else:
            found, status = os.waitpid(child, os.WNOHANG)
            ended = found == child
    return _exit_code(_end_all(child) if is_linux else _end_group(child, status if ended else None))


def _become(command: list[str], spec: dict[str, Any], libc: ctypes.CDLL, supervisor: int) -> None:
    """In the child: limits, confinement, and the command in its place. Does not return."""
    try:
        if spec["linux"]:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(125)
        os.close(spec["alive"])
        os.setsid()
        if spec["linux"]:
            # Its own, empty: what hangs on the person's session is not for the command.
            libc.syscall(KEYCTL.get(os.uname().machine, -1), KEYCTL_JOIN_SESSION_KEYRING, None)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        if spec["cores"] and spec["linux"]:
            os.sched_setaffinity(0, spec["cores"])
        os.nice(spec["nice"])
        marks = {"RTTIME": _mark(supervisor)} if spec["linux"] else {}
        for name, most in (spec["limits"] | marks).items():
            kind = getattr(resource, f"RLIMIT_{name}")
            most = min(most, _infinite(resource.getrlimit(kind)[1]))
            resource.setrlimit(kind, (most, most))
        if spec["landlock"]:
            sys.path[:0] = spec["landlock"]["imports"]
            import landlock_rules  # a script's neighbour, not a package's module

            with open(spec["filter"], "rb") as file:  # noqa: PTH123 (it is a descriptor)
                filter_ = file.read()
            landlock_rules.confine(spec["landlock"], filter_)
        os.execv(command[0], command)
    except BaseException as error:
        print(f"supervisor: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(126)


def _mark(supervisor: int) -> int:
    """Who its supervisor is: number and start time.

    Kept in a limit that binds real-time threads only, is inherited, can be lowered but not raised,
    and which the filter lets nobody lower.
    """
    with open(f"/proc/{supervisor}/stat", "rb") as file:  # noqa: PTH123 (pathlib starts slowly)
        started = int(file.read().rpartition(b")")[2].split()[19])
    return supervisor << MARK_SHIFT | started


def _infinite(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _reap(child: int) -> bool:
    """Whether the command has ended. It is not waited for, so that its group keeps its number.

    All else that has ended is.
    """
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if ended.si_pid == child:
                return True
            os.waitpid(ended.si_pid, os.WNOHANG)
    return False


def _end_all(child: int) -> int:
    """SIGKILL all: the group, and what left it; those of one that ended come here next.

    Gives the command's status.
    """
    signal.set_wakeup_fd(-1)
    status: int | None = None
    while True:
        if status is None:  # not waited for, so the number of the group is nobody else's
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == child:
                    status = found[1]
        except ChildProcessError:
            return signal.SIGKILL if status is None else status
        time.sleep(0.002)  # what was killed needs a moment, and may just have left children here


def _end_group(child: int, status: int | None) -> int:
    """SIGKILL the group, whose number is nobody else's while one of it lives. The command's status,
    which is given where it was waited for already."""
    signal.set_wakeup_fd(-1)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] if status is None else status


def _children() -> list[int]:
    found = []
    me = os.getpid()
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 (pathlib starts slowly)
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
        if parent == me:
            found.append(int(name))
    return found


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """A handler, so that the signal reaches the wake-up pipe and its default does not run."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
