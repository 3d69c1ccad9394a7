"""results/<tag>/experiments/NNNN/transcript.jsonl: what was said for one proposal, a line each.

For people to read afterwards; nothing depends on it, so a full disk loses lines and not the night.
"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.ledger import now


class Transcript:
    """`scrub` takes the key out of whatever is written."""

    def __init__(self, path: Path, scrub: Callable[[Any], Any]) -> None:
        self.path, self.scrub = path, scrub

    def add(self, kind: str, **fields: Any) -> None:
        """Append a line; the same file goes on where a proposal was begun anew."""
        line = json.dumps(self.scrub({"time": now(), "kind": kind, **fields}), ensure_ascii=False)
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(line + "\n")


def path_of(results: Path, experiment: int) -> Path:
    return results / "experiments" / f"{experiment:04d}" / "transcript.jsonl"
