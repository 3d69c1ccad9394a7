"""The curves of trainings that run, read from where they write them: telemetry of edits.

What an edit writes may be meant to be in the way: links, pipes, endless lines and files are passed
over, and only so much of them is looked at at a time.
"""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.contract import OUT
from harness.metrics import LINE_BYTES, count, is_number, mean_exact, record_of
from harness.scene import Curve
from harness.training import METRICS_BYTES
from harness.untrusted import opened

LOOK_BYTES = 256 * 1024  # at a time
VALUES = 512  # of a curve; of more, every other one is kept
LEVELS = 200  # whose exact match is remembered
MOST_LOSS = 1e12  # so that sums of it stay finite
RECENT = 20  # records that the pace is taken from


class RunningCurve:
    """The curve of the training that works in `work`. `is_begun` once it wrote a record. `names`
    are the levels that are averaged over, none: all that it tells of."""

    def __init__(self, work: Path, names: Sequence[str] = ()) -> None:
        self.work, self.names = work, names
        self._begin()

    def _begin(self) -> None:
        self.is_begun = False
        self._offset = 0
        self._rest = b""
        self._matches: dict[str, float] = {}
        self._means: list[float] = []
        self._losses: list[float] = []
        self._step: int | None = None
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT)  # seconds, samples

    def look(self) -> Curve:
        """What there is by now, little by little where it is much."""
        for record in map(record_of, self._new_lines()):
            if record is not None:
                self._take(record)
        if self._means:
            return Curve("exact match", tuple(self._means), self._step, self._pace())
        if self._losses:
            return Curve("loss", tuple(self._losses), self._step, self._pace())
        return Curve("", (), self._step, self._pace())

    def _new_lines(self) -> list[bytes]:
        with opened(self.work, (OUT, "metrics.jsonl")) as handle:
            if handle is None or self._offset >= METRICS_BYTES:
                return []
            if os.fstat(handle).st_size < self._offset:  # begun anew
                self._begin()
            piece = os.pread(handle, LOOK_BYTES, self._offset)
        self._offset += len(piece)
        *lines, rest = (self._rest + piece).split(b"\n")
        self._rest = rest if len(rest) <= LINE_BYTES else b""
        return lines

    def _take(self, record: dict[str, Any]) -> None:
        self.is_begun = True
        step, samples = count(record.get("step")), count(record.get("samples"))
        self._step = self._step if step is None else step
        if samples is not None:
            self._recent.append((float(record["seconds"]), samples))
        if is_number(loss := record.get("loss")):
            _add(self._losses, min(MOST_LOSS, max(-MOST_LOSS, float(loss))))
        measured = record.get("exact_match")
        if isinstance(measured, dict) and self._remember(measured.items()):
            mean = mean_exact(self._matches, self.names or tuple(self._matches))
            _add(self._means, mean or 0.0)

    def _remember(self, measured: Iterable[tuple[str, object]]) -> bool:
        found = False
        for name, share in measured:
            is_known = name in (self.names or self._matches)
            is_new = not self.names and len(self._matches) < LEVELS
            if (is_known or is_new) and is_number(share):
                self._matches[name] = min(1.0, max(0.0, float(share)))
                found = True
        return found

    def _pace(self) -> float | None:
        """Samples a second of late."""
        if len(self._recent) < 2:
            return None
        (since, before), (now, samples) = self._recent[0], self._recent[-1]
        if now - since < 1e-3 or samples < before:
            return None
        return (samples - before) / (now - since)


def _add(values: list[float], value: float) -> None:
    values.append(value)
    if len(values) > VALUES:
        del values[1::2]


class RunningCurves:
    """Those of all slots: the folders `scratch`/<experiment>-<seed>, forgotten when they end."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._curves: dict[tuple[int, int], RunningCurve] = {}

    def of(self, experiment: int, seed: int, names: Sequence[str]) -> RunningCurve:
        key = experiment, seed
        if key not in self._curves:
            self._curves[key] = RunningCurve(self.scratch / f"{experiment:04d}-{seed}", names)
        return self._curves[key]

    def keep_only(self, running: Iterable[tuple[int, int]]) -> None:
        wanted = set(running)
        self._curves = {key: curve for key, curve in self._curves.items() if key in wanted}
