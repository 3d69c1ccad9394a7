"""metrics.jsonl, as a training tells of itself while it runs: telemetry, and never a score.

Whoever wrote it may have wanted to be in the way: what is no line of figures is passed over.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

LINE_BYTES = 64 * 1024
LARGEST = 2**53  # a count; more is none


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a metrics.jsonl, less any line that is not one; none if there is no file."""
    if not path.exists():
        return []
    records = map(record_of, path.read_bytes().split(b"\n"))
    return [record for record in records if record is not None]


def last_metrics(path: Path) -> dict[str, Any]:
    """The last record, empty where there is none in the last lines."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LINE_BYTES))
            lines = file.read(LINE_BYTES).split(b"\n")
    except OSError:
        return {}
    return next((record for line in reversed(lines) if (record := record_of(line))), {})


def record_of(line: bytes) -> dict[str, Any] | None:
    """None where the line is no record of figures."""
    if not line or len(line) > LINE_BYTES:
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):  # JSON, UTF-8 and integers of thousands of digits
        return None
    return found if isinstance(found, dict) and is_number(found.get("seconds")) else None


def is_number(value: object) -> TypeGuard[float]:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # an integer that no float is near
        return False


def task_mean(exact: Mapping[str, float], names: Sequence[str]) -> float | None:
    """Exact match over these levels of a task, those not asked yet as 0, as a training asks the
    longer ones only once it has come so far; None where none was asked."""
    asked = [min(1.0, max(0.0, exact[name])) for name in names if name in exact]
    return sum(asked) / len(names) if asked else None


def mean_exact(exact: Mapping[str, float], names: Sequence[str]) -> float | None:
    """The mean over tasks of `task_mean`, as the validation accuracy is made; `names` are levels
    such as add:4."""
    tasks: dict[str, list[str]] = {}
    for name in names:
        tasks.setdefault(name.partition(":")[0], []).append(name)
    means = [task_mean(exact, each) for each in tasks.values()]
    known = [mean for mean in means if mean is not None]
    return sum(known) / len(means) if known else None


def count(value: object) -> int | None:
    """A number of steps or samples; None for anything else."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
    return value if is_count else None  # type: ignore[return-value]
