"""Sandboxed processes whose supervisor is gone, SIGKILLed or out of memory: found and ended.

Each carries its supervisor's number and start time in a limit that it inherits (see
`harness.supervisor`). At `bwrap` and `landlock` it cannot shed it; at `none` it can. Whether that
supervisor lives is looked up, so a number used again is not taken for it, and nothing that was not
started in a sandbox is ever ended. Linux only.
Not covered: processes in another process namespace, which ends with its first one.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

LOOKS = 30  # at the most; what forks and exits at once is not seen in each
PAUSE_S = 0.01
RTTIME = b"Max realtime timeout"


def end_orphans() -> int:
    """How many groups of processes there were; those of other users are not looked at.

    Among them are groups of the dead that nobody has waited for yet.
    """
    if sys.platform != "linux":
        return 0
    ended: set[int] = set()
    for look in range(LOOKS):
        last = _last_started()
        group = _orphaned_group(ended)
        if group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)  # at once: none of them forks any more
            ended.add(group)
        time.sleep(PAUSE_S)
        if group is None and look and _last_started() == last:
            break  # nothing forks, so nothing was missed
    return len(ended)


def _orphaned_group(ended: set[int]) -> int | None:
    """One that is not among those. The newest first: what forks and exits is gone in a moment."""
    others = ended | {os.getpgid(0)}
    for number in sorted(map(int, filter(str.isdecimal, os.listdir("/proc"))), reverse=True):  # noqa: PTH208
        with contextlib.suppress(OSError, ValueError, IndexError, KeyError):
            group = os.getpgid(number)
            if group in others:  # among them the dead that nobody has waited for yet
                continue
            supervisor, started = _mark(number)
            if supervisor and started and not _lives(supervisor, started):
                return group
    return None


def _mark(process: int) -> tuple[int, int]:
    """The supervisor's number and start time, zeros where it has none or is not ours."""
    folder = Path(f"/proc/{process}")
    for line in (folder / "limits").read_bytes().splitlines():
        if line.startswith(RTTIME):
            limit = line.removeprefix(RTTIME).split()[1]
            break
    else:
        return 0, 0
    if not limit.isdigit():
        return 0, 0
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    is_here = len(status.get("NSpid", "0").split()) == 1  # the supervisor's number is one of ours
    if not is_here or int(status["Uid"].split()[0]) != os.getuid():
        return 0, 0
    from harness.supervisor import MARK_SHIFT

    return int(limit) >> MARK_SHIFT, int(limit) & ((1 << MARK_SHIFT) - 1)


def _lives(process: int, started: int) -> bool:
    try:
        state, *fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return False
    return int(fields[18]) == started and state not in (b"Z", b"X")


def _last_started() -> bytes:
    """The number of the process that was started last."""
    return Path("/proc/loadavg").read_bytes().split()[-1]
