"""What a free slot does next, and when nothing new begins any more.

New experiments come first, always; repeats fill what would be idle, and the end.
"""

import time
from collections.abc import Sequence

from harness import judge, schedule
from harness.experiment import BASELINE, Trial
from harness.history import History

PATIENCE = 0.03  # of a trial's length that a free slot waits for a proposal, before it repeats


class Agenda:
    """`deadline` is in seconds of time.monotonic(), None where there is none."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self.idle_since: float | None = None

    def left_s(self) -> float | None:
        return None if self.deadline is None else self.deadline - time.monotonic()

    def why_close(
        self, history: History, running: Sequence[Trial], *, preparing: bool, drained: str
    ) -> str | None:
        """Why no new experiment begins any more, None while one may."""
        if schedule.is_late_for_new(history, len(running), self.left_s()):
            return "the deadline"
        if waiting(history, running) or preparing or not history.judged:
            return None
        if is_enough(history):
            return f"{history.total} experiments"
        return drained or None

    def next_trial(
        self, history: History, running: Sequence[Trial], *, preparing: bool
    ) -> Trial | None:
        """The trial that a free slot takes: a new experiment's, else a repeat."""
        trials = judge.trials_wanted(history, running)
        if history.closing:  # what has begun may still get the trials that it lacks
            trials = [trial for trial in trials if history.records[trial.experiment].outcomes]
        if trials and not schedule.is_late(history, self.left_s()):
            self.idle_since = None
            return trials[0]
        now = time.monotonic()
        self.idle_since = self.idle_since or now
        is_patient = now - self.idle_since < PATIENCE * schedule.trial_s(history)
        if preparing and is_patient and not history.closing:
            return None
        return self.repeat(history, running)

    def repeat(self, history: History, running: Sequence[Trial]) -> Trial | None:
        """One more trial of something kept, where nothing new is ready or to come."""
        if history.closing and not schedule.repeats_left(history, len(running)):
            return None
        if not history.judged or schedule.is_late(history, self.left_s()):
            return None
        return judge.repeat_wanted(history, running)


def is_enough(history: History) -> bool:
    return history.total is not None and history.proposals >= history.total


def waiting(history: History, running: Sequence[Trial]) -> int:
    """Prepared experiments that no slot has taken yet. One for each slot is enough: what is
    proposed later knows more."""
    begun = {trial.experiment for trial in running}
    return len(history.open.keys() - begun - {BASELINE})
