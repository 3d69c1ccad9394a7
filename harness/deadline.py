"""A campaign's deadline, fixed at its first start, against the clocks."""

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


def monotonic_deadline(history: History) -> float | None:
    deadline = history.settings.deadline
    if deadline is None:
        return None
    return time.monotonic() + seconds_left(deadline, history.last_at)
