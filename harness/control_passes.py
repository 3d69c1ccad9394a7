"""Asking the controls' questions: one set of batches, four checkpoints, each in a new process.

All passes pose the same batches in the same order, so that a solver cannot tell them apart by what
it is asked; what differs is the checkpoint. `harness.controls` has the changes and the rules.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import controls
from harness.evaluation import Control, Refused
from harness.problems import Level, Problem
from harness.solver_pass import Reply, pose
from harness.solver_process import Limits, Solver
from harness.zero_step import untrained

if TYPE_CHECKING:
    from harness.checkpoint import Checkpoint

CONTROL_TITLES = (
    "control: permuted weights",
    "control: a dose of noise",
    "control: zero steps of training",
    "control: the same questions again",
)
Answered = dict[Problem, bool]
ONLY_COPIED = "not asked of copying, which may need no learning, and nothing else was asked"
CONTROL_BATCH = 200  # questions of mixed levels; a smaller one costs honest solvers time


@dataclass(frozen=True, slots=True)
class Posed:
    """A level with its problems, and those of them that are control questions, hard and easy."""

    level: Level
    problems: tuple[Problem, ...]
    controls: tuple[Problem, ...]
    easy: tuple[Problem, ...]


def is_right(reply: Reply, index: int, problem: Problem) -> bool:
    return not reply.error and reply.answers[index] == problem.answer


def run_controls(
    run: Path,
    solver: Solver,
    asked: Sequence[tuple[Posed, Reply]],
    seed: str,
    limits: Limits,
    next_control: Callable[[], None],
) -> tuple[Control, ...]:
    """All controls pose one and the same batches: what differs is only the checkpoint."""
    clean = {
        p: is_right(reply, i, p)
        for posed, reply in asked
        for i, p in enumerate(posed.problems)
        if p in posed.controls
    }
    mixed = [*clean, *(p for posed, _ in asked for p in posed.easy)]
    random.Random(f"{seed}:order").shuffle(mixed)
    limit = controls.pooled_limit([(posed.level, posed.controls) for posed, _ in asked])

    def right(checkpoint: "Checkpoint") -> tuple[Answered, str]:
        return _ask_controls(replace(solver, checkpoint=checkpoint), mixed, limits)

    def chance(name: str, answered: Answered, error: str, asked: Sequence[Posed]) -> Control:
        hard = [answered[p] for posed in asked for p in posed.controls]
        easy = [_easy(posed, answered) for posed in asked]
        return controls.judge_chance(name, sum(hard), len(hard), limit, easy, error)

    everything = [posed for posed, _ in asked]
    answered, error = right(controls.permuted(solver.checkpoint, f"{seed}:permuted"))
    permuted = chance("permuted", answered, error, everything)

    next_control()
    answered, error = right(controls.dosed(solver.checkpoint, f"{seed}:dose"))
    dose = controls.judge_dose(_by_task(asked, clean, answered), error)

    next_control()
    try:
        other = _other_seed(solver, seed)
        fresh = untrained(run, solver.checkpoint, other, limits.train_s, solver.place)
        answered, error = right(fresh)
    except Refused as refused:  # nothing could be asked, and nothing was passed
        zero_step = controls.judge_chance("zero_step", 0, 0, controls.CHANCE, (), refused.reason)
    else:
        not_copied = [posed for posed in everything if posed.level.task != "copy"]
        zero_step = chance("zero_step", answered, error if not_copied else ONLY_COPIED, not_copied)

    next_control()
    answered, error = right(solver.checkpoint)
    same = controls.judge_same(list(clean.values()), [answered[p] for p in clean], error)
    next_control()
    return permuted, dose, zero_step, same


def _easy(posed: Posed, answered: Answered) -> controls.Easy:
    right = sum(answered[p] for p in posed.easy)
    limit = controls.easy_limit(posed.easy)
    return controls.Easy(posed.level.title, right, len(posed.easy), limit)


def _by_task(
    asked: Sequence[tuple[Posed, Reply]], clean: Answered, noisy: Answered
) -> dict[str, controls.Dosed]:
    """Control questions right without and with noise, by task."""
    chosen: dict[str, set[Problem]] = {}
    for posed, _ in asked:
        chosen.setdefault(posed.level.task, set()).update(posed.controls)
    return {
        task: controls.Dosed(sum(clean[p] for p in ps), sum(noisy[p] for p in ps), len(ps))
        for task, ps in chosen.items()
    }


def _ask_controls(solver: Solver, mixed: Sequence[Problem], limits: Limits) -> tuple[Answered, str]:
    """Which problems were answered right, and the first error; what went wrong counts as wrong."""
    batches = [mixed[i : i + CONTROL_BATCH] for i in range(0, len(mixed), CONTROL_BATCH)]
    asked = pose(solver, [[p.question for p in batch] for batch in batches], limits)
    right = {
        problem: is_right(reply, i, problem)
        for batch, reply in zip(batches, asked.replies, strict=True)
        for i, problem in enumerate(batch)
    }
    return right, next((reply.error for reply in asked.replies if reply.error), "")


def _other_seed(solver: Solver, seed: str) -> int:
    """A seed for train.py that is not the one it was trained with."""
    drawn = random.Random(f"{seed}:zero-step").randrange(1, 2**31 - 1)
    return drawn if drawn != solver.checkpoint.get("seed") else drawn + 1
