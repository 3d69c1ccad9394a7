"""How long trials take, when one may still begin, and how many repeats the end is kept for.

Pure arithmetic on a history; `left_s` are the seconds to the deadline, None where there is none.
"""

import math
import statistics

from harness.adoption import MOST_TRIALS
from harness.history import History

WHOLE = ("ok", "timeout", "not_learned", "inconsistent")
RECENT = 5  # trials whose median length is expected of the next


def trial_s(history: History) -> float:
    """Seconds that the next trial is expected to take, scoring counted: as those that went all the
    way. One that crashed, or that the machine lost, tells nothing of it."""
    known_s = known_trial_s(history)
    return history.settings.budget_s if known_s is None else known_s


def known_trial_s(history: History) -> float | None:
    """The same, None before the first one that went all the way."""
    took = [
        outcome.train_s + outcome.score_s
        for record in history.records.values()
        for outcome in record.outcomes
        if outcome.status in WHOLE
    ]
    return statistics.median(took[-RECENT:]) if took else None


def repeats_in_all(history: History, running: int, left_s: float | None) -> int:
    """Closing repeats, those done counted: the reserve's share of all trials that there will be,
    and one at least where there is a reserve and time for it.

    While new experiments may still come that is a forecast, afterwards it is fixed.
    """
    share = history.settings.reserve
    useful = sum(
        max(0, MOST_TRIALS - len(history.records[number].seeds)) for number in history.line()
    )
    if history.closing:
        useful += history.closing_repeats
        others = history.trials - history.closing_repeats
        return min(useful, max(1 if share else 0, math.floor(share / (1 - share) * others)))
    if left_s is None:
        return min(useful, math.floor(share / (1 - share) * (history.trials + running)))
    coming = left_s / max(trial_s(history), 0.001) * history.slots
    return min(useful, math.floor(share * (history.trials + running + coming)))


def repeats_left(history: History, running: int) -> int:
    """Closing repeats that may still begin, while so many of them run; 0 before the closing."""
    if not history.closing:
        return 0
    return max(0, repeats_in_all(history, running, None) - history.closing_repeats - running)


def is_late(history: History, left_s: float | None) -> bool:
    """A trial that began now would not end before the deadline."""
    return left_s is not None and _least_s(history) > left_s


def is_late_for_new(history: History, running: int, left_s: float | None) -> bool:
    """A new experiment would take time that the closing repeats are to have."""
    if left_s is None:
        return False
    rounds = math.ceil(repeats_in_all(history, running, left_s) / history.slots)
    return _least_s(history) * (1 + rounds) > left_s


def _least_s(history: History) -> float:
    """Before the first trial nobody knows how long one of few steps takes."""
    is_unknown = not history.trials and history.settings.max_steps is not None
    return 0.0 if is_unknown else trial_s(history)
