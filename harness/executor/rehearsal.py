"""A rehearsal: no training; outcomes computed from the hash of each source, the same every time.

It tries out a list, a researcher or the harness itself in seconds. Its accuracies mean nothing.
"""

import hashlib
from collections.abc import Callable

from harness.executor import Finished
from harness.experiment import LevelCount, Outcome, Trial
from harness.problems import LADDER

PROBLEMS = 1000


class Rehearsal:
    def __init__(self, slots: int, deliver: Callable[[Finished], None]) -> None:
        self.slots, self.deliver = slots, deliver
        self._busy: list[Trial] = []

    def running(self) -> list[Trial]:
        return list(self._busy)

    def start(self, trial: Trial, source: str) -> None:
        self._busy.append(trial)
        self.deliver(Finished(outcome_of(trial, source)))

    def done(self, trial: Trial) -> None:
        self._busy.remove(trial)

    def kill(self) -> None:
        self._busy.clear()


def outcome_of(trial: Trial, source: str) -> Outcome:
    """One source in eight crashes; the others have an accuracy of 0.2 to 0.8."""
    digest = hashlib.sha256(f"{trial.seed}".encode() + source.encode()).digest()
    base = hashlib.sha256(source.encode()).digest()
    crashes = base[1] % 8 == 0
    right = 200 + int.from_bytes(base[2:4], "big") % 600 + digest[0] % 5
    levels = [] if crashes else [LevelCount(level.name, right, PROBLEMS) for level in LADDER]
    return Outcome(
        trial.experiment,
        trial.seed,
        "crash" if crashes else "ok",
        tuple(levels),
        "a rehearsed crash" if crashes else "",
        train_s=0.0,
        score_s=0.0,
        cpu_s=0.0,
        solve_s=None,
        steps=None,
        samples=None,
        memory_mb=None,
        slot=0,
        sandbox="rehearsal",
        checkpoint=digest.hex(),
    )
