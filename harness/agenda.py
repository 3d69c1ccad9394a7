"""What a free slot does next, and when nothing new begins any more.

New experiments come first, always; repeats fill what would be idle, and the end.
"""

import statistics
from collections.abc import Callable, Sequence

from harness import judge, schedule
from harness.deadline import seconds
from harness.experiment import BASELINE, Trial
from harness.history import History

PATIENCE = 0.03  # of a trial's length that a free slot waits for a proposal, before it repeats
EXPECTANT = 0.1  # the same, while those before say that it comes within this time
RECENT = 5  # proposals whose median time is expected of the next

Clock = Callable[[], float]  # seconds


class Agenda:
    """`deadline` is in seconds of `clock`, None where there is none."""

    def __init__(self, deadline: float | None, clock: Clock = seconds) -> None:
        self.deadline, self.clock = deadline, clock
        self.idle_since: float | None = None
        self.preparing_since: float | None = None
        self.prepared_in: list[float] = []  # seconds

    def left_s(self) -> float | None:
        return None if self.deadline is None else self.deadline - self.clock()

    # -- the proposal that is being prepared -----------------------------------------------------

    @property
    def preparing(self) -> bool:
        return self.preparing_since is not None

    def prepares(self) -> None:
        """A proposal is being thought out and tried from now on."""
        self.preparing_since = self.clock()

    def prepared(self) -> None:
        """It came, or none will."""
        if self.preparing_since is not None:
            self.prepared_in.append(self.clock() - self.preparing_since)
        self.preparing_since = None

    def is_near(self, within_s: float) -> bool:
        """The proposal in preparation is expected within so many seconds, by the recent ones."""
        if self.preparing_since is None or not self.prepared_in:
            return False
        expected = self.preparing_since + statistics.median(self.prepared_in[-RECENT:])
        return 0 <= expected - self.clock() <= within_s

    # -- what is next ----------------------------------------------------------------------------

    def why_close(self, history: History, running: Sequence[Trial], *, drained: str) -> str | None:
        """Why no new experiment begins any more, None while one may."""
        if schedule.is_late_for_new(history, len(running), self.left_s()):
            return "the deadline"
        if waiting(history, running) or self.preparing or not history.judged:
            return None
        if is_enough(history):
            return f"{history.total} experiments"
        return drained or None

    def next_trial(self, history: History, running: Sequence[Trial]) -> Trial | None:
        """The trial that a free slot takes: a new experiment's, else a repeat.

        A repeat begun a moment before a proposal comes would hold it up for a whole trial."""
        trials = judge.trials_wanted(history, running)
        if closing := history.closing:  # what has begun may still get the trials that it lacks
            trials = [
                trial
                for trial in trials
                if history.records[trial.experiment].outcomes or trial.experiment in closing.begun
            ]
        if trials and not schedule.is_late(history, self.left_s()):
            self.idle_since = None
            return trials[0]
        now, trial_s = self.clock(), schedule.trial_s(history)
        self.idle_since = now if self.idle_since is None else self.idle_since
        is_patient = now - self.idle_since < PATIENCE * trial_s or self.is_near(EXPECTANT * trial_s)
        if self.preparing and is_patient and not history.closing:
            return None
        return self.repeat(history, running)

    def repeat(self, history: History, running: Sequence[Trial]) -> Trial | None:
        """One more trial of something kept, where nothing new is ready or to come."""
        again = sum(history.records[trial.experiment].verdict is not None for trial in running)
        if history.closing and not schedule.repeats_left(history, again):
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
