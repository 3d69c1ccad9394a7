"""The files of results/<tag> that people read, written anew whenever what they show has changed.

They are listeners: called off the loop's thread, and what fails in one is nobody's business.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.board_files import write_leaderboard
from harness.history import History
from harness.listeners import Listener
from harness.repo import Repo

if TYPE_CHECKING:
    from harness.report import Report

Shown = tuple[object, ...]


def published(folder: Path, project: Path) -> dict[str, Listener]:
    """By name: leaderboard.tsv and .md, then the page. `folder` is results/<tag>."""

    @functools.cache
    def page() -> "Report":
        from harness.report import Report  # slow to import, so not before the first trial begins

        return Report(folder, Repo(project, folder.name))

    return {
        "leaderboard": when_changed(lambda history: write_leaderboard(folder, history)),
        "report": when_changed(lambda history: page().write(history)),
    }


def when_changed(write: Callable[[History], object]) -> Listener:
    """A listener that writes where trials, verdicts, standings, sealed sets or the end changed:
    money spent and proposals that wait change too little to write for them alone."""
    last: list[Shown] = []

    def listen(history: History) -> None:
        shown = _shown(history)
        if shown not in last:
            write(history)
            last[:] = [shown]

    return listen


def _shown(history: History) -> Shown:
    standings = tuple((n, r.standing) for n, r in history.records.items() if r.standing)
    ends = (history.stopped, history.revealed)
    return history.trials, len(history.judged), standings, len(history.sealed.compared), *ends
