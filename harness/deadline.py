"""A campaign's deadline, fixed at its first start, against the clocks."""

import sys
import time
from datetime import UTC, datetime

from harness.history import History


def is_over(history: History) -> bool:
    deadline = history.settings.deadline
    return deadline is not None and seconds_left(deadline, history.last_at) <= 0


def seconds_left(deadline: str, last_event: str) -> float:
    """Until the deadline. A clock that was set back does not give time that has passed again."""
    now = max(datetime.now(UTC), datetime.fromisoformat(last_event))
    return (datetime.fromisoformat(deadline) - now).total_seconds()


def seconds() -> float:
    """A clock that nobody sets, and that goes on while the machine sleeps: a lid that was closed
    for two hours does not put the end off. `time.monotonic` stands still meanwhile."""
    name = "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME"
    if hasattr(time, name):
        return time.clock_gettime(getattr(time, name))
    return time.monotonic()


def end_of(history: History) -> float | None:
    """In seconds of that clock; None where there is none."""
    deadline = history.settings.deadline
    return None if deadline is None else seconds() + seconds_left(deadline, history.last_at)
