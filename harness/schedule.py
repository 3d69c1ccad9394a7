"""How long trials take, when one may still begin, and how many repeats the end is kept for.

Pure arithmetic on a history; `left_s` are the seconds to the deadline, None where there is none.
"""

import math
import statistics

from harness.adoption import MOST_TRIALS
from harness.history import History

RECENT = 5  # trials whose median length is expected of the next


def trial_s(history: History) -> float:
    """Seconds that the next trial is expected to take, scoring counted."""
    took = [o.train_s + o.score_s for r in history.records.values() for o in r.outcomes]
    return statistics.median(took[-RECENT:]) if took else history.settings.budget_s


def repeats_in_all(history: History, running: int, left_s: float | None) -> int:
    """Closing repeats, those done counted: the reserve's share of all trials that there will be.

    While new experiments may still come that is a forecast, afterwards it is fixed.
    """
    share = history.settings.reserve
    useful = sum(
        max(0, MOST_TRIALS - len(history.records[number].seeds)) for number in history.line()
    )
    if history.closing:
        useful += history.trials - history.closing_from
        return min(useful, math.floor(share / (1 - share) * history.closing_from))
    if left_s is None:
        return min(useful, math.floor(share / (1 - share) * (history.trials + running)))
    coming = left_s / max(trial_s(history), 0.001) * history.slots
    return min(useful, math.floor(share * (history.trials + running + coming)))


def repeats_left(history: History, running: int) -> int:
    """Closing repeats that may still begin; 0 before the closing."""
    if not history.closing:
        return 0
    done = history.trials - history.closing_from + running
    return max(0, repeats_in_all(history, running, None) - done)


def is_late(history: History, left_s: float | None) -> bool:
    """A trial that began now would not end before the deadline."""
    return left_s is not None and trial_s(history) > left_s


def is_late_for_new(history: History, running: int, left_s: float | None) -> bool:
    """A new experiment would take time that the closing repeats are to have."""
    if left_s is None:
        return False
    rounds = math.ceil(repeats_in_all(history, running, left_s) / history.slots)
    return trial_s(history) * (1 + rounds) > left_s
