"""What an evaluation is made of: status, levels and controls with their counts, intervals.

Counts are stored, ratios derived. Nothing here asks a solver anything; see `harness.evaluate`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.problems import Level

Status = Literal[
    "ok",
    "crash",
    "timeout",
    "out_of_memory",
    "no_checkpoint",
    "not_learned",
    "inconsistent",
    "lost",
]
Interval = tuple[float, float]
Z_95 = 1.959963984540054  # two-sided 95% of the normal distribution


class Refused(Exception):
    """A train.py or checkpoint that breaks the contract, so that nothing can be asked of it.

    `reason` says where, what and the remedy; `status` is what a trial that left this is booked as.
    """

    def __init__(self, reason: str, status: Status = "crash") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class LevelResult:
    """One level's counts. `floor` is the share that repeating an operand of the question gets.

    `seconds` are of solving: process CPU on a CPU, wall clock on a GPU. `error` is empty when the
    level was answered; otherwise all its answers count as wrong. `right` has a 1 or a 0 for each
    problem, in the order of the draw.
    """

    level: Level
    correct: int
    total: int
    floor: float
    seconds: float
    error: str
    right: str = ""

    @property
    def accuracy(self) -> float:
        return self.correct / self.total if self.total else 0.0

    @property
    def interval(self) -> Interval:
        return wilson(self.correct, self.total)

    def as_dict(self) -> dict[str, Any]:
        return {
            "task": self.level.task,
            "size": self.level.size,
            "level": self.level.number,
            "name": self.level.name,
            "correct": self.correct,
            "total": self.total,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "floor": self.floor,
            "full_domain": self.level.is_full_domain,
            "seconds": self.seconds,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Control:
    """One control: `correct` of `total` against `limit` (a share), and what that means in words."""

    name: str
    passed: bool
    correct: int
    total: int
    limit: float
    detail: str
    skipped: bool

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The official accuracy of a run folder, with all that is needed to believe or repeat it.

    `accuracy` is a share: the mean over tasks of the mean over their levels. `seconds` are of
    solving the levels, controls not counted. `seed` draws the same problems again; `sandbox` is
    the level that the solver ran at; `digest` is that of the ladder's problems.
    """

    status: Status
    accuracy: float
    levels: tuple[LevelResult, ...]
    extra: tuple[LevelResult, ...]
    controls: tuple[Control, ...]
    seconds: float
    reason: str
    seed: str
    problems: int
    sandbox: str
    digest: str = ""

    @property
    def tasks(self) -> dict[str, float]:
        """The mean over its levels of each task's accuracy."""
        by_task: dict[str, list[float]] = {}
        for result in self.levels:
            by_task.setdefault(result.level.task, []).append(result.accuracy)
        return {task: sum(shares) / len(shares) for task, shares in by_task.items()}

    @property
    def interval(self) -> Interval:
        return mean_interval(self.levels)

    def as_dict(self) -> dict[str, Any]:
        """The object that `thinker verify --json` prints."""
        return {
            "status": self.status,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "tasks": self.tasks,
            "levels": [result.as_dict() for result in self.levels],
            "extra": [result.as_dict() for result in self.extra],
            "controls": [control.as_dict() for control in self.controls],
            "seconds": self.seconds,
            "seed": self.seed,
            "problems": self.problems,
            "problems_sha256": self.digest,
            "sandbox": self.sandbox,
            "reason": self.reason,
        }


def level_weights(results: Iterable[LevelResult]) -> list[float]:
    """What each level counts in the accuracy: tasks alike, and alike the levels of a task."""
    return weights_of([result.level.name for result in results])


def weights_of(names: Sequence[str]) -> list[float]:
    """The same, of levels by their names such as add:4."""
    tasks = [name.partition(":")[0] for name in names]
    return [1 / (len(set(tasks)) * tasks.count(task)) for task in tasks]


def mean_accuracy(results: tuple[LevelResult, ...]) -> float:
    """Mean over tasks of the mean over their levels, 0 to 1."""
    weights = level_weights(results)
    return min(1.0, math.fsum(w * r.accuracy for w, r in zip(weights, results, strict=True)))


def wilson(correct: float, total: int, z: float = Z_95) -> Interval:
    """Score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212)."""
    if total == 0:
        return 0.0, 1.0
    share = correct / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    low = 0.0 if correct == 0 else (centre - spread) / scale
    high = 1.0 if correct == total else (centre + spread) / scale
    return low, high


def mean_interval(results: tuple[LevelResult, ...]) -> Interval:
    """95% interval of the accuracy over the draw of problems; not over training seeds.

    The distances from each level's share to its Wilson limits, weighted, are added in quadrature
    (Zou, Huang and Zhang 2009, Comput. Stat. Data Anal. 53, 1080-1085), so that levels at 0 or 1
    still count as uncertain, which their binomial variance of 0 would deny.
    """
    below = above = 0.0
    for weight, result in zip(level_weights(results), results, strict=True):
        low, high = result.interval
        below += (weight * (result.accuracy - low)) ** 2
        above += (weight * (high - result.accuracy)) ** 2
    accuracy = mean_accuracy(results)
    return max(0.0, accuracy - math.sqrt(below)), min(1.0, accuracy + math.sqrt(above))
