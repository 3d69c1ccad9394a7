"""The zero-step control's checkpoint: what the run's own train.py saves before it learns anything.

Not covered: a train.py that fails on `--max-steps 0`; the control counts that as all wrong, and
says so.
"""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness import checkpoint as checkpoint_file
from harness.controls import grafted
from harness.evaluation import Refused
from harness.problems import BadTasks, parse_tasks
from harness.process_tree import clean_environment, kill_tree

if TYPE_CHECKING:
    from harness.checkpoint import Checkpoint


def untrained(run: Path, trained: "Checkpoint", seed: int, limit_s: float) -> "Checkpoint":
    """What the run's own train.py saves with `--max-steps 0`, grafted.

    Raises Refused when train.py does not leave a readable checkpoint within `limit_s` wall seconds.
    """
    with TemporaryDirectory(prefix="thinker-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        shutil.copyfile(run / "train.py", scratch / "train.py")
        out = scratch / "out"
        command = [sys.executable, "train.py", "--max-steps", "0", "--seed", str(seed)]
        command += ["--no-score", "--quiet", "--device", "cpu", "--budget-s", "120"]
        command += ["--out", str(out), *_same_settings(trained)]
        package_home = str(Path(__file__).parents[1])
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=scratch,
            env=clean_environment(scratch, "cpu") | {"PYTHONPATH": package_home},
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise Refused(f"train.py --max-steps 0 was not done after {limit_s:g} s") from None
        finally:
            kill_tree(process)
        if not (out / "checkpoint.pt").is_file():
            raise Refused(f"train.py --max-steps 0 left no checkpoint (exit code {code})")
        return grafted(checkpoint_file.read(out / "checkpoint.pt"), trained)


def _same_settings(trained: "Checkpoint") -> list[str]:
    """The preset and tasks that the checkpoint says it was trained with, as options."""
    preset, tasks = trained.get("preset"), trained.get("tasks")
    options = ["--preset", str(preset) if preset in ("cpu", "gpu") else "auto"]
    with contextlib.suppress(BadTasks):
        if isinstance(tasks, str) and parse_tasks(tasks):
            options += ["--tasks", tasks]
    return options
