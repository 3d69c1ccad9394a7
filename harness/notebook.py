"""results/<tag>/notebook.md: a researcher's lessons, for people. The ledger holds them."""

import contextlib
from pathlib import Path

from harness.history import History

HEAD = "# Notebook\n\nWhat the researcher learnt. Made from the ledger: edits here are lost.\n"


def write(results: Path, history: History) -> None:
    """Anew after each lesson; a full disk loses the page and not the lesson."""
    parts = [f"\n## {_whose(each.experiment)}\n\n{each.text}\n" for each in history.lessons]
    unfinished = results / "notebook.tmp"
    with contextlib.suppress(OSError):
        unfinished.write_text(HEAD + "".join(parts), encoding="utf-8", newline="")
        unfinished.replace(results / "notebook.md")


def _whose(experiment: int | None) -> str:
    return "In general" if experiment is None else f"Experiment {experiment}"
