"""A rehearsal: no training; outcomes computed from the hash of each source, the same every time.

It tries out a list, a researcher or the harness itself in seconds. Its accuracies mean nothing.
"""

import hashlib
from collections.abc import Callable

from harness.executor import Finished, Unsealed
from harness.experiment import BASELINE, LevelCount, Outcome, Trial
from harness.problems import LADDER
from harness.sealed import Compared, Opened
from harness.sealing import paired

PROBLEMS = 1000


class Rehearsal:
    def __init__(self, slots: int, deliver: Callable[[Finished | Unsealed], None]) -> None:
        self.slots, self.deliver = slots, deliver
        self._busy: list[Trial] = []
        self._is_unsealing = False

    def running(self) -> list[Trial]:
        return list(self._busy)

    def busy(self) -> dict[Trial, int]:
        return {trial: slot for slot, trial in enumerate(self.running())}

    def start(self, trial: Trial, source: str) -> None:
        self._busy.append(trial)
        may_crash = trial.experiment != BASELINE  # or the list is not read
        self.deliver(Finished(outcome_of(trial, source, may_crash=may_crash)))

    def done(self, trial: Trial) -> None:
        self._busy.remove(trial)

    def is_stored(self, trial: Trial) -> bool:
        return True

    def unseal(self, opened: Opened) -> None:
        self._is_unsealing = True
        self.deliver(Unsealed(compared_of(opened)))

    def is_unsealing(self) -> bool:
        return self._is_unsealing

    def unsealed(self) -> None:
        self._is_unsealing = False

    def kill(self) -> None:
        self._busy.clear()


def outcome_of(trial: Trial, source: str, *, may_crash: bool = True) -> Outcome:
    """One source in eight crashes, where it may; the others have an accuracy of 0.2 to 0.8."""
    digest = hashlib.sha256(f"{trial.seed}".encode() + source.encode()).digest()
    base = hashlib.sha256(source.encode()).digest()
    crashes = may_crash and base[1] % 8 == 0
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


def compared_of(opened: Opened) -> Compared:
    """What a sealed set says: each trial's right answers from the bits of a hash."""
    rights = {
        Trial(number, seed): {
            level.name: _bits(f"{number} {seed} {level.name}") for level in LADDER
        }
        for seed in opened.seeds
        for number in (opened.candidate, opened.baseline)
    }
    return Compared(opened.number, paired(opened, rights), "", "", "rehearsal", 0.0)


def _bits(text: str) -> str:
    return f"{int.from_bytes(hashlib.sha256(text.encode()).digest(), 'big'):0256b}"
