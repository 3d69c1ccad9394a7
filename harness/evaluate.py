"""The official accuracy of a run folder: questions to a child process, answers compared here.

The child holds the solver slice of the folder's train.py and its checkpoint, and no answer. Levels
are asked from easy to hard across the tasks, so that time that runs out is lost at the hard end.
Controls are asked afterwards, each in a process of its own, in batches that look alike.
"""

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import checkpoint as checkpoint_file
from harness import sandbox
from harness.control_passes import CONTROL_TITLES, Posed, is_right, run_controls
from harness.controls import choose, choose_easy, floor
from harness.evaluation import (
    Control,
    Evaluation,
    LevelResult,
    Refused,
    Status,
    mean_accuracy,
    mean_interval,
    wilson,
)
from harness.problems import LADDER, Level, PoolExhausted, Subset, digest, draw
from harness.sandbox import Place
from harness.solver_pass import Pass, Reply, pose
from harness.solver_process import Limits, Solver
from harness.solver_slice import solver_slice

__all__ = [
    "Control",
    "Evaluation",
    "LevelResult",
    "Limits",
    "Refused",
    "Status",
    "evaluate",
    "mean_interval",
    "wilson",
]

OnProgress = Callable[[str, int, int], None]


def evaluate(
    run: Path,
    *,
    seed: str | None,
    problems: int = 500,
    extra: tuple[Level, ...] = (),
    device: str = "cpu",
    controls: bool = True,
    on_progress: OnProgress | None = None,
    ladder: tuple[Level, ...] = LADDER,
    limits: Limits | None = None,
    place: Place | None = None,
    subset: Subset = "validation",
) -> Evaluation:
    """The validation accuracy of the folder `run`, which holds train.py and checkpoint.pt.

    `seed` draws the problems, None a fresh secret one. `extra` levels are asked after the ladder
    and count nowhere. `place` is where the solver runs, by default the best sandbox that works
    here. Raises Refused when file, checkpoint or device leave nothing to ask.
    """
    if problems < 1:
        raise ValueError(f"{problems} problems a level were asked for; ask for 1 or more")
    limits = limits or Limits()
    seed = seed if seed is not None else secrets.token_hex(16)
    place = place or Place(sandbox.best())
    solver = _read(run, device, place)
    posed = [_pose_level(level, problems, subset, seed) for level in (*ladder, *extra)]
    order = sorted(range(len(posed)), key=lambda i: _place(i, posed[i].level, len(ladder)))
    titles = [posed[i].level.title for i in order]
    progress = _Progress(on_progress, [*titles, *CONTROL_TITLES] if controls else titles)

    batches = [[p.question for p in posed[i].problems] for i in order]
    asked = pose(solver, batches, limits, progress.level)
    if asked.is_timeout:
        asked = pose(solver, batches, limits, progress.level)
    replies = dict(zip(order, asked.replies, strict=True))
    results = [_result(p, replies[i]) for i, p in enumerate(posed)]

    status, reason = _status_of(asked)
    found: tuple[Control, ...] = ()
    if controls and status == "ok":
        ladder_replies = [(posed[i], replies[i]) for i in range(len(ladder))]
        found = run_controls(run, solver, ladder_replies, seed, limits, progress.control)
        status, reason = _verdict(found)
    levels = tuple(results[: len(ladder)])
    return Evaluation(
        status,
        mean_accuracy(levels),
        levels,
        tuple(results[len(ladder) :]),
        found,
        asked.seconds,
        reason,
        seed,
        problems,
        place.sandbox.level,
        digest((p.level, p.problems) for p in posed[: len(ladder)]),
    )


def _read(run: Path, device: str, place: Place) -> Solver:
    train = run / "train.py"
    if not train.is_file():
        raise Refused(f"there is no train.py in {run}; name a folder that a training wrote")
    try:
        source = train.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{train} is not UTF-8 text ({error}); save it as UTF-8") from error
    sliced = solver_slice(source)
    _check_device(device)
    return Solver(sliced, checkpoint_file.read(run / "checkpoint.pt"), device, place)


def _check_device(device: str) -> None:
    import torch

    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if device not in available:
        raise Refused(f"there is no device {device!r}; choose {', '.join(available)}")
    if not available[device]:
        raise Refused(f"torch finds no {device} device on this machine; use --device cpu")


def _pose_level(level: Level, n: int, subset: Subset, seed: str) -> Posed:
    try:
        problems = draw(level, n, subset=subset, seed=seed)
    except PoolExhausted as pool:  # then all there are
        problems = draw(level, pool.available, subset=subset, seed=seed)
    chosen = choose(problems, f"{seed}:controls:{level.name}")
    easy = choose_easy(problems, f"{seed}:easy:{level.name}")
    return Posed(level, tuple(problems), tuple(chosen), tuple(easy))


def _place(index: int, level: Level, ladder: int) -> tuple[bool, int, int]:
    return index >= ladder, level.number or 0, index


def _result(posed: Posed, reply: Reply) -> LevelResult:
    right = [is_right(reply, i, p) for i, p in enumerate(posed.problems)]
    return LevelResult(
        posed.level,
        sum(right),
        len(right),
        floor(posed.problems),
        reply.seconds,
        reply.error,
        "".join("01"[is_it] for is_it in right),
    )


def _status_of(asked: Pass) -> tuple[Status, str]:
    if asked.load_error.endswith(("OutOfMemoryError", "MemoryError")):
        return "out_of_memory", asked.load_error
    if asked.load_error:
        return "crash", asked.load_error
    if asked.is_timeout:
        return "timeout", "the solver did not answer in time, twice"
    return "ok", ""


def _verdict(controls: Sequence[Control]) -> tuple[Status, str]:
    failed = [c for c in controls if not c.passed]
    reason = "; ".join(f"{c.name.replace('_', '-')} control: {c.detail}" for c in failed)
    if any(c.name != "same_answer" for c in failed):
        return "not_learned", reason
    return ("inconsistent" if failed else "ok"), reason


class _Progress:
    """Tells the caller what is asked next, and how many of the levels and controls are done."""

    def __init__(self, tell: OnProgress | None, titles: Sequence[str]) -> None:
        self.tell, self.titles, self.done = tell, titles, 0
        self.at(0)

    def level(self, number: int) -> None:
        self.at(number + 1)

    def control(self) -> None:
        self.at(self.done + 1)

    def at(self, done: int) -> None:
        self.done = done
        if self.tell:
            text = self.titles[done] if done < len(self.titles) else "done"
            self.tell(text, done, len(self.titles))
