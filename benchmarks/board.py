"""How long a person waits in the morning: `python -m benchmarks board`.

Whole processes, from their start to their end, the median of several: the board of a campaign of
1,000 experiments, one of them in full, and the help.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.thousand_project import make_campaign

ROOT = Path(__file__).parents[1]
EXPERIMENTS, TIMES = 1000, 7
MOST_S = {"board": 1.0, "board --kept --sort effect": 1.0, "show 500": 1.5, "--help": 0.3}
Row = Callable[[str, str, str, str, bool], None]


def board(row: Row) -> None:
    with tempfile.TemporaryDirectory(prefix="thinker-bench-") as name:
        project = Path(name) / "project"
        make_campaign(project, EXPERIMENTS)
        for words, most_s in MOST_S.items():
            taken, used = zip(*(_run(project, words.split()) for _ in range(TIMES)), strict=True)
            wall_s, cpu_s = statistics.median(taken), statistics.median(used)
            about = "" if words == "--help" else f", {EXPERIMENTS} experiments"
            title = f"thinker {words}{about}, seconds ({cpu_s:.2f} of CPU)"
            row(title, f"< {most_s}", f"{wall_s:.2f}", "", wall_s < most_s)


def _run(project: Path, words: list[str]) -> tuple[float, float]:
    """Seconds of the wall clock, and of the CPU."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-m", "harness", *words]
    subprocess.run(command, cwd=project, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    used = after.children_user + after.children_system
    return time.perf_counter() - began, used - before.children_user - before.children_system
