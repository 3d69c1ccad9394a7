"""How much memory there is for trials: the machine's, or what a container leaves of it."""

from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
VERSION_1 = "memory/memory.limit_in_bytes"


def total_bytes(cgroups: Path = CGROUPS, own: Path = OWN) -> int:
    """Of the machine, or the least limit of the control groups that this process is in: past that
    the kernel kills whatever uses most (Linux, cgroup v2: memory.max)."""
    limits = [limit for path in _files(cgroups, own) if (limit := _read(path)) is not None]
    return min([psutil.virtual_memory().total, *limits])


def _files(cgroups: Path, own: Path) -> list[Path]:
    """Where limits may stand: of its own group and all above it."""
    found = [cgroups / VERSION_1, cgroups / "memory.max"]
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        number, _, path = line.split(":", 2)
        if number == "0":  # version 2
            group = cgroups / path.lstrip("/")
            groups = [group, *group.parents]
            found += [each / "memory.max" for each in groups if cgroups in each.parents]
    return found


def _read(path: Path) -> int | None:
    """None for no limit."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
