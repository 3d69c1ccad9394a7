"""A child process with all that it starts: its CPU seconds, and its end.

Not covered: a descendant that changed its session and lost its parent, unless the child is a
subreaper; and what a child may read or send. The sandbox is for those.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """User and system seconds of the process and its descendants, ended and waited-for ones too."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(process.pid)
        for member in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = member.cpu_times()
                total += times.user + times.system
                total += getattr(times, "children_user", 0.0)
                total += getattr(times, "children_system", 0.0)
    return total


def busy_seconds(cores: Sequence[int]) -> float | None:
    """CPU seconds that these cores (none: all) have worked since the machine began, for whomever,
    another machine on the same hardware included; None where that is not told."""
    with contextlib.suppress(OSError, RuntimeError, psutil.Error, IndexError):
        told = psutil.cpu_times(percpu=True)
        return sum(map(_busy, [told[core] for core in cores] if cores else told))
    return None


def _busy(times: Any) -> float:
    named = times._asdict()
    idle = ("idle", "iowait", "guest", "guest_nice")  # a guest's time is user's, too
    return float(sum(named.values()) - sum(named.get(name, 0.0) for name in idle))


def resident_mb(process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """Memory in use by the process and its descendants, in MB, and how many they are."""
    total, count = 0.0, 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(process.pid)
        for member in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += member.memory_info().rss / 2**20
                count += 1
    return total, count


def unlinked_mb(process: subprocess.Popen[bytes], *, on: Path) -> float:
    """Room taken by files that the tree holds open and that have no name any more, on the disk of
    a folder. Linux only."""
    total = 0
    device = on.stat().st_dev
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(process.pid)
        for member in [root, *root.children(recursive=True)]:
            with contextlib.suppress(OSError), os.scandir(f"/proc/{member.pid}/fd") as handles:
                for handle in handles:
                    with contextlib.suppress(OSError):
                        found = handle.stat()
                        if found.st_dev == device and not found.st_nlink:
                            total += found.st_blocks * 512
    return total / 2**20


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL the process, its descendants and its session's group, and wait for the process.

    The group is swept too when the process itself has ended. It must have been started with
    `start_new_session=True`.

    Descendants go first and repeatedly, so that those of a subreaper are found again below it.
    """
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(process.pid)
        for _ in range(20):
            below = [p for p in root.children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]
            if not below:
                break
            for member in below:
                with contextlib.suppress(psutil.Error):
                    member.kill()
            psutil.wait_procs(below, timeout=0.2)
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
