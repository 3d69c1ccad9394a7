"""How the machine fares: load, memory, disk, and the GPUs where their driver tells."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.experiment import Gpu
from harness.gpu import use_of
from harness.room import lacking
from harness.scene import GpuHealth, Health


def look(gpus: Sequence[Gpu], results: Path, scratch: Path) -> Health:
    """Now. What cannot be found out is None; `results` and `scratch` lie on the disks meant."""
    return Health(
        load=_load(),
        cores=os.cpu_count() or 1,
        memory_free_mb=_memory_free_mb(),
        disk_free_mb=_disk_free_mb(results, scratch),
        gpus=tuple(_gpu(gpu) for gpu in gpus),
        is_low=_is_low(results, scratch),
    )


def _gpu(gpu: Gpu) -> GpuHealth:
    use = use_of(gpu)
    if use is None:
        return GpuHealth(gpu.name, None, None, gpu.total_mb, None)
    return GpuHealth(gpu.name, use.share, use.used_mb, gpu.total_mb, use.temperature_c)


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def _memory_free_mb() -> int | None:
    import psutil

    try:
        return int(psutil.virtual_memory().available / 2**20)
    except (psutil.Error, OSError):
        return None


def _disk_free_mb(*folders: Path) -> int | None:
    """On the fuller one."""
    free = []
    for folder in folders:
        try:
            free.append(shutil.disk_usage(folder).free)
        except OSError:
            continue
    return int(min(free) / 2**20) if free else None


def _is_low(results: Path, scratch: Path) -> bool:
    try:
        return lacking(results, scratch) is not None
    except OSError:
        return False
