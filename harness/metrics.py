"""metrics.jsonl, as a training tells of itself while it runs: telemetry, and never a score."""

import json
import math
from pathlib import Path
from typing import Any, TypeGuard


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a metrics.jsonl, less any line that is not one; none if there is no file."""
    records = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and is_number(record.get("seconds")):
            records.append(record)
    return records


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
