"""The files of results/<tag> that people read, written anew whenever what they show has changed.

They are listeners: called off the loop's thread, and what fails in one is nobody's business.
"""

from collections.abc import Callable
from pathlib import Path

from harness.board_files import write_leaderboard
from harness.history import History
from harness.listeners import Listener
from harness.repo import Repo

Shown = tuple[object, ...]


def published(folder: Path, project: Path) -> dict[str, Listener]:
    """By name: leaderboard.tsv and .md, then the page. `folder` is results/<tag>."""

    def write_page(history: History) -> None:
        page.write(history)

    from harness.report import Report  # its templates' library is slow to import

    page = Report(folder, Repo(project, folder.name))
    return {
        "leaderboard": _when_changed(lambda history: write_leaderboard(folder, history)),
        "report": _when_changed(write_page),
    }


def _when_changed(write: Callable[[History], None]) -> Listener:
    """Money spent and proposals that wait change a page too little to write it for them alone."""
    last: list[Shown] = []

    def listen(history: History) -> None:
        shown = _shown(history)
        if shown not in last and history.judged:
            write(history)
            last[:] = [shown]

    return listen


def _shown(history: History) -> Shown:
    """What changes with trials, verdicts, reviews, sealed sets and the end."""
    standings = tuple(record.standing for record in history.records.values())
    sets = len(history.sealed.compared)
    return history.trials, len(history.judged), standings, sets, history.stopped
