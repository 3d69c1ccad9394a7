"""The parent of one sandboxed process: sets its limits, and outlives it to end all that it left.

Started as `python -I -S supervisor.py SPEC -- COMMAND…`, SPEC being JSON (see `main`). It ends with
the command's exit code, 128 + N for signal N. When the command ends, when SIGTERM comes or when the
harness is gone (the pipe at `alive` is at its end), every descendant is killed, whatever session it
moved to. Linux only.
Not covered: what the command may reach while it runs; `harness.landlock` and bwrap are for that.
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


def main(arguments: list[str]) -> int:
    """SPEC: alive (a descriptor), cores, nice, limits (by their resource name), and landlock.

    `landlock` is null or the rules of `harness.landlock.confine`, with the folders to import from.
    """
    spec = json.loads(arguments[0])
    command = arguments[arguments.index("--") + 1 :]
    libc = ctypes.CDLL(None, use_errno=True)
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
    alive = spec["alive"]
    status: int | None = None
    while status is None:
        ready, _, _ = select.select([wake, alive], [], [])
        if alive in ready:  # nothing is ever written to it: this is its end
            break
        if signal.SIGTERM in os.read(wake, 4096):
            break
        status = _reap(child, status)
    return _exit_code(_end_all(child, status))


def _become(command: list[str], spec: dict[str, Any], libc: ctypes.CDLL, supervisor: int) -> None:
    """In the child: limits, confinement, and the command in its place. Does not return."""
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(125)
        os.close(spec["alive"])
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        if spec["cores"]:
            os.sched_setaffinity(0, spec["cores"])
        os.nice(spec["nice"])
        for name, most in spec["limits"].items():
            kind = getattr(resource, f"RLIMIT_{name}")
            most = min(most, _infinite(resource.getrlimit(kind)[1]))
            resource.setrlimit(kind, (most, most))
        if spec["landlock"]:
            sys.path[:0] = spec["landlock"]["imports"]
            import landlock_rules  # a script's neighbour, not a package's module

            landlock_rules.confine(spec["landlock"])
        os.execv(command[0], command)
    except BaseException as error:
        print(f"supervisor: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(126)


def _infinite(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else limit


def _reap(child: int, status: int | None) -> int | None:
    """Wait for all that has ended; the status of the command itself once it is among them."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, ended_status = os.waitpid(-1, os.WNOHANG)
            if ended == 0:
                break
            if ended == child:
                status = ended_status
    return status


def _end_all(child: int, status: int | None) -> int:
    """SIGKILL all descendants: those of one that ended come here next, until there are none."""
    signal.set_wakeup_fd(-1)
    while True:
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
