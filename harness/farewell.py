"""What is said when a campaign's process ends, and the exit code that goes with it."""

import contextlib

from harness.ending import LOST
from harness.experiment import Stopped
from harness.history import History
from harness.leaderboard import summary
from harness.paint import tell
from harness.sealed_words import board_lines


def farewell(history: History, stopped: Stopped) -> int:
    assert history.started
    tag = history.started.tag
    with contextlib.suppress(OSError):
        said = summary(history)
        if not said.startswith(stopped.reason):  # "12 experiments" need not be said twice
            said = f"{stopped.reason}. {said}"
        lines = [f"ended: {said}", *board_lines(history)]
        if history.settings.rehearse:
            lines.append("a rehearsal: every figure is invented")
        for line in lines:
            tell(line)
        more = "" if stopped.is_finished else f"; thinker run --tag {tag} goes on"
        shown = f"thinker board {tag} shows it, with figures as they are believed now{more}"
        tell(shown)
    if stopped.reason.startswith(LOST):
        return 1
    if not stopped.is_finished:
        return 130
    return 1 if stopped.reason.startswith("the baseline") else 0
