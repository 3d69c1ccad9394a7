"""Which checkpoints a campaign keeps: the incumbent's line, the best, and the last few."""

import contextlib
from pathlib import Path

from harness.history import History

LAST = 3


def prune(results: Path, history: History) -> None:
    """Delete the others. What was deleted stays in the ledger, its source in git."""
    kept = kept_experiments(history)
    for folder in (results / "experiments").glob("[0-9]*"):
        number = int(folder.name)
        record = history.records.get(number)
        if number in kept or record is None or record.is_open:
            continue
        for checkpoint in folder.glob("*/checkpoint.pt"):
            with contextlib.suppress(OSError):
                checkpoint.unlink()


def kept_experiments(history: History) -> set[int]:
    judged = [n for n, record in history.records.items() if record.verdict]
    scored = [n for n in judged if history.accuracy_of(n) is not None]
    best = max(scored, key=lambda n: history.accuracy_of(n) or 0.0, default=None)
    return {*history.line(), *judged[-LAST:]} | ({best} if best is not None else set())
