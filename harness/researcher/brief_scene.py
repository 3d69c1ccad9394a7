"""What the sections of a brief read, made once for it, and an experiment in words."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.contention import is_contended
from harness.experiment import BASELINE
from harness.leaderboard import Row
from harness.researcher import Brief
from harness.researcher.brief_figures import kind_of, moved
from harness.researcher.quoting import MARGIN, one_line, word
from harness.untrusted import opened

HYPOTHESIS_BYTES, REASON_BYTES = 240, 300
FILE_BYTES = 2**20  # read of a log, or of a person's guidance
VERDICTS = ("keep", "discard", "crash")


@dataclass(frozen=True, slots=True)
class Scene:
    """`rows` are the board's, by number; `now` is ISO 8601."""

    brief: Brief
    rows: Sequence[Row]
    noise_sd: float
    now: str

    def kind(self, number: int) -> str:
        return kind_of(self.brief.history.records[number])

    def judged(self) -> list[Row]:
        """Those with a verdict; not the baseline."""
        return [row for row in self.rows if row.verdict in VERDICTS and row.id != BASELINE]


def entry(scene: Scene, row: Row) -> str:
    """An experiment in two lines: figures, hypothesis; in a third why it failed, where it did."""
    record = scene.brief.history.records[row.id]
    experiment = record.experiment
    parts = [standing(row), f"{scene.kind(row.id)} by {word(experiment.researcher, 40)}"]
    if row.accuracy is not None and row.accuracy_sd is not None:
        parts.append(f"accuracy {row.accuracy:.4f} ± {row.accuracy_sd:.4f}")
    if row.effect is not None and row.effect_sd is not None and row.p_real is not None:
        parts.append(f"effect {row.effect:+z.4f} ± {row.effect_sd:.4f}, P(real) {row.p_real:.2f}")
    if by_task := moved(scene.brief.history, record) if row.id != BASELINE else {}:
        tasks = ", ".join(f"{task} {gain:+z.3f}" for task, gain in by_task.items())
        parts.append(f"read by task {tasks}")
    if experiment.expected is not None:
        parts.append(f"hoped for {experiment.expected:+.3g}")
    if row.seconds is not None:
        parts.append(f"{row.seconds:.0f} s in {trials(row.trials)}")
    if any(map(is_contended, record.outcomes)):
        parts.append("contended")
    lines = [", ".join(parts), f"  {MARGIN}{one_line(experiment.hypothesis, HYPOTHESIS_BYTES)}"]
    if has_failed(row):
        why = experiment.refused or row.reason or "no reason is known"
        lines.append(f"  {MARGIN}why: {one_line(why, REASON_BYTES)}")
    return "\n".join(lines)


def standing(row: Row) -> str:
    """`#7 on #3: discard (not learned)`."""
    is_told = row.status in ("ok", "", row.verdict)
    status = "" if is_told else f" ({row.status.replace('_', ' ')})"
    said = f"keep, {row.standing}" if row.standing else row.verdict
    return f"#{row.id} on #{row.parent}: {said}{status}" if row.id else f"#0: the baseline{status}"


def has_failed(row: Row) -> bool:
    return row.verdict == "crash" or row.status not in ("ok", "")


def trials(n: int) -> str:
    return f"{n} trial{'' if n == 1 else 's'}"


def read_text(folder: Path, name: str) -> str:
    """A plain file's first megabyte, empty where there is none; what is in its place and no plain
    file is named. A pipe is not waited for."""
    with opened(folder, (name,)) as handle:
        if handle is None:
            is_there = os.path.lexists(folder / name)
            return f"({name} is no plain file, and was not read)" if is_there else ""
        pieces, left = [], FILE_BYTES
        while left and (piece := os.read(handle, left)):
            pieces.append(piece)
            left -= len(piece)
        more = os.fstat(handle).st_size - FILE_BYTES
    text = b"".join(pieces).decode("utf-8", errors="replace")
    return text + (f"\n… {more:,} bytes more were not read …" if more > 0 else "")
