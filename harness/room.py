"""Room on the disks that a campaign writes to: nothing new begins without it."""

import shutil
from pathlib import Path

LEAST_MB = 64  # beside two checkpoints: the one that a trial saves, and its copy


def lacking(results: Path, scratch: Path) -> str | None:
    """Which folder's disk is too full to begin a trial, in words; None where none is."""
    sizes = [p.stat().st_size for p in results.glob("experiments/0000/*/checkpoint.pt")]
    need_mb = LEAST_MB + 2 * max(sizes, default=0) / 2**20  # the baseline's is like the others
    for folder in (results, scratch):
        if (free_mb := shutil.disk_usage(folder).free / 2**20) < need_mb:
            return f"{free_mb:.0f} MB are free below {folder}, and a trial needs {need_mb:.0f}"
    return None
