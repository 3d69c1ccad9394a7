"""What a trial left: counts a level, seconds, memory, and how it ended. A frozen fact."""

from dataclasses import dataclass

from harness.evaluation import Status


@dataclass(frozen=True, slots=True)
class LevelCount:
    """A level's right answers among all, by name such as add:4."""

    name: str
    correct: int
    total: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial left. A figure that is not known is None, never 0.

    `start_s` are the seconds from its spawn to the first line of its metrics, `train_s` to its end,
    `score_s` of scoring; `cpu_s` the CPU seconds of training, `solve_s` those that the solver took.
    """

    experiment: int
    seed: int
    status: Status
    levels: tuple[LevelCount, ...]
    reason: str
    train_s: float
    score_s: float
    cpu_s: float
    solve_s: float | None
    steps: int | None
    samples: int | None
    memory_mb: float | None
    slot: int
    sandbox: str
    checkpoint: str  # SHA-256 of its tensors; equal ones from different seeds reveal a pinned seed
    flags: tuple[str, ...] = ()
    start_s: float | None = None
    problems: str = ""  # SHA-256 of those that were asked; this and what follows: "" if unknown
    torch: str = ""  # its version
    gpu: str = ""
    driver: str = ""  # the GPU's
    parameters: int | None = None  # numbers in the float tensors of its checkpoint
    others_s: float | None = None  # CPU seconds of other work on its cores while it trained

    @property
    def accuracy(self) -> float:
        """Validation accuracy: the mean over tasks of the mean over their levels, 0 to 1."""
        tasks: dict[str, list[float]] = {}
        for level in self.levels:
            tasks.setdefault(level.name.partition(":")[0], []).append(level.correct / level.total)
        means = [sum(shares) / len(shares) for shares in tasks.values()]
        return min(1.0, sum(means) / len(means)) if means else 0.0
