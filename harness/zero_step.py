"""The zero-step control's checkpoint: what the run's own train.py saves before it learns anything.

Not covered: a train.py that fails on `--max-steps 0`; the control is skipped then, and says so.
"""

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING

from harness import checkpoint as checkpoint_file
from harness.controls import grafted
from harness.evaluation import Refused
from harness.problems import BadTasks, parse_tasks
from harness.sandbox import Place
from harness.training import Run, collect, train
from harness.untrusted import remove

if TYPE_CHECKING:
    from harness.checkpoint import Checkpoint

BUDGET_S = 120.0


def untrained(
    run: Path, trained: "Checkpoint", seed: int, limit_s: float, place: Place
) -> "Checkpoint":
    """What the run's own train.py saves with `--max-steps 0`, grafted.

    Raises Refused when train.py does not leave a readable checkpoint within `limit_s` wall seconds.
    """
    source = (run / "train.py").read_text(encoding="utf-8")
    with TemporaryDirectory(prefix="thinker-", ignore_cleanup_errors=True) as name:
        work, out = Path(name, "work"), Path(name, "out")  # only the first is the edit's
        work.mkdir()
        preset, tasks = _same_settings(trained)
        begun = Run(source, seed, BUDGET_S, limit_s, "cpu", preset, max_steps=0, tasks=tasks)
        try:
            ended = train(begun, work, place, Event())
            is_saved = collect(work, out, source)
        finally:
            remove(work)
        if ended.early:
            raise Refused(f"train.py --max-steps 0 {ended.early[1]}")
        if not is_saved:
            raise Refused(f"train.py --max-steps 0 left no checkpoint (exit code {ended.code})")
        return grafted(checkpoint_file.read(out / "checkpoint.pt"), trained)


def _same_settings(trained: "Checkpoint") -> tuple[str, str | None]:
    """The preset and tasks that the checkpoint says it was trained with."""
    preset, tasks = trained.get("preset"), trained.get("tasks")
    with contextlib.suppress(BadTasks):
        if isinstance(tasks, str) and parse_tasks(tasks):
            return str(preset) if preset in ("cpu", "gpu") else "auto", tasks
    return str(preset) if preset in ("cpu", "gpu") else "auto", None
