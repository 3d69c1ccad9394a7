"""The zero-step control's checkpoint: what the run's own train.py saves before it learns anything.

Not covered: a train.py that fails on `--max-steps 0`; the control counts that as all wrong, and
says so.
"""

import contextlib
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness import checkpoint as checkpoint_file
from harness import contract, sandbox
from harness.controls import grafted
from harness.evaluation import Refused
from harness.problems import BadTasks, parse_tasks

if TYPE_CHECKING:
    from harness.checkpoint import Checkpoint

BUDGET_S = 120.0


def untrained(
    run: Path, trained: "Checkpoint", seed: int, limit_s: float, place: sandbox.Place
) -> "Checkpoint":
    """What the run's own train.py saves with `--max-steps 0`, grafted.

    Raises Refused when train.py does not leave a readable checkpoint within `limit_s` wall seconds.
    """
    source = (run / "train.py").read_text(encoding="utf-8")
    with TemporaryDirectory(prefix="thinker-", ignore_cleanup_errors=True) as name:
        work = Path(name)
        box = contract.lay_out(work, source, device="cpu")
        preset, tasks = _same_settings(trained)
        command = contract.command(
            seed=seed, budget_s=BUDGET_S, device="cpu", preset=preset, max_steps=0, tasks=tasks
        )
        process = sandbox.start(place.sandbox, place.within(box), command)
        try:
            process.popen.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise Refused(f"train.py --max-steps 0 was not done after {limit_s:g} s") from None
        finally:
            code = process.kill()
        saved = work / contract.OUT / "checkpoint.pt"
        if saved.is_symlink() or not saved.is_file():
            raise Refused(f"train.py --max-steps 0 left no checkpoint (exit code {code})")
        return grafted(checkpoint_file.read(saved), trained)


def _same_settings(trained: "Checkpoint") -> tuple[str, str | None]:
    """The preset and tasks that the checkpoint says it was trained with."""
    preset, tasks = trained.get("preset"), trained.get("tasks")
    with contextlib.suppress(BadTasks):
        if isinstance(tasks, str) and parse_tasks(tasks):
            return str(preset) if preset in ("cpu", "gpu") else "auto", tasks
    return str(preset) if preset in ("cpu", "gpu") else "auto", None
