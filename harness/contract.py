"""How a train.py is run where nobody watches: its folder, its command, its environment.

The contract itself is in the README; this is the side of it that the harness keeps.
"""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from harness.confinement import Box
from harness.sandbox import scrub

LIBRARY = ("__init__.py", "problems.py", "tasks.py")  # what a train.py may import of the harness
OUT = "out"


def lay_out(work: Path, source: str, *, device: str, threads: int = 1) -> Box:
    """Write train.py and the library into `work`, a new folder; the box it is to run in."""
    library = work / "lib" / "harness"
    library.mkdir(parents=True)
    for name in LIBRARY:
        shutil.copyfile(Path(__file__).with_name(name), library / name)
    (work / "train.py").write_text(source, encoding="utf-8", newline="")
    scratch = work / "tmp"
    scratch.mkdir()
    environment = scrub(scratch, device=device, threads=threads)
    environment["PYTHONPATH"] = str(work.resolve() / "lib")
    return replace(Box(work), environment=environment, gpu=device == "cuda")


def command(
    *,
    seed: int,
    budget_s: float,
    device: str,
    preset: str,
    max_steps: int | None = None,
    tasks: str | None = None,
) -> list[str]:
    words = [sys.executable, "-s", "train.py", "--no-score", "--quiet", "--out", OUT]
    words += ["--seed", str(seed), "--budget-s", f"{budget_s:g}"]
    words += ["--device", device, "--preset", preset]
    if max_steps is not None:
        words += ["--max-steps", str(max_steps)]
    return words + (["--tasks", tasks] if tasks else [])
