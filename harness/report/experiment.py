"""One experiment folded out: what the ledger, git and its folder say of it, ready for the page."""

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.experiment import BASELINE, Outcome
from harness.history import History, Record
from harness.provenance import provenance_words
from harness.report import text
from harness.report.figures import Cell, cells, interval_of, is_read
from harness.report.text import Long
from harness.researcher.brief_figures import pooled
from harness.researcher.curve_text import trial_folder
from harness.researcher.transcript import path_of
from harness.transcript_command import entry_of, told
from harness.untrusted import opened

LOG_BYTES = 3_000  # read from a log's end
TRANSCRIPT_BYTES = 2**20  # read from a transcript's beginning
HYPOTHESIS, REASON = 1_500, 1_000  # bytes


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A trial in words; unknown figures are empty."""

    seed: int
    status: str
    accuracy: str
    interval: str
    train: str
    score: str
    steps: str
    rate: str
    memory: str
    where: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told of an experiment whatever others do."""

    number: int
    parent: int | None
    hypothesis: str
    reason: str
    facts: tuple[tuple[str, str], ...]
    trials: tuple[TrialRow, ...]
    levels: dict[str, list[Cell]]
    commands: tuple[str, ...]


def facts_of(history: History, record: Record) -> Facts:
    experiment, verdict = record.experiment, record.verdict
    number = experiment.id
    parent = None if number == BASELINE else experiment.parent
    mine = pooled(record.outcomes)
    theirs = pooled(history.records[parent].outcomes) if parent is not None else None
    return Facts(
        number,
        parent,
        text.line(experiment.hypothesis, HYPOTHESIS),
        text.line(verdict.reason, REASON) if verdict else "",
        tuple((key, text.line(said)) for key, said in _facts(history, record) if said),
        tuple(_trial(outcome) for outcome in record.outcomes),
        cells(mine, theirs),
        tuple(_commands(history, record)),
    )


def _facts(history: History, record: Record) -> list[tuple[str, str]]:
    experiment = record.experiment
    found = [
        ("researcher", f"{experiment.researcher}, {experiment.kind}"),
        ("proposed", moment(record.proposed_at)),
        ("judged", moment(record.judged_at)),
        ("preflight", experiment.preflight),
        ("syntax tree", f"{experiment.nodes:,} nodes"),
        ("commit", record.commit),
    ]
    known = [o.parameters for o in record.outcomes if o.parameters is not None]
    if known:
        found.append(("parameters", f"{max(known):,}"))
    if experiment.mends is not None:
        found.append(("mends", f"experiment {experiment.mends}, which crashed early"))
    spent = history.spending.by_experiment.get(experiment.id)
    if spent:
        found.append(("cost", f"{spent.usd:.4f} dollars in {spent.calls} calls"))
    return found + provenance_words(history, record)


def _trial(outcome: Outcome) -> TrialRow:
    accuracy = interval = ""
    if is_read(outcome):
        low, high = interval_of(outcome.levels)
        accuracy, interval = f"{outcome.accuracy:.3f}", f"{low:.3f} – {high:.3f}"
    rate = ""
    if outcome.samples is not None and outcome.train_s > 0:
        rate = f"{outcome.samples / outcome.train_s:,.0f}"
    told = [*outcome.flags, *([outcome.reason] if outcome.reason else [])]
    return TrialRow(
        outcome.seed,
        outcome.status.replace("_", " "),
        accuracy,
        interval,
        f"{outcome.train_s:,.0f}",
        f"{outcome.score_s:,.0f}",
        "" if outcome.steps is None else f"{outcome.steps:,}",
        rate,
        "" if outcome.memory_mb is None else f"{outcome.memory_mb:,.0f}",
        f"{outcome.slot}, {outcome.sandbox}",
        tuple(text.line(each, REASON) for each in told),
    )


def _commands(history: History, record: Record) -> list[str]:
    assert history.started
    number, tag = record.experiment.id, history.started.tag
    found = [f"thinker show {number} --tag {tag}"]
    if number != BASELINE:
        found.append(f"thinker diff {number} --tag {tag}")
    if record.verdict and any(o.status == "ok" for o in record.outcomes):
        found.append(f"thinker reproduce {number} --tag {tag}")
    return found


def log_of(results: Path, record: Record) -> Long:
    """The end of the log of its last trial that was not ok; none where all were."""
    failed = [o for o in record.outcomes if o.status != "ok"]
    if not failed:
        return Long()
    folder = trial_folder(results, record.experiment.id, failed[-1].seed)
    raw = _read(folder, ["log.txt"], LOG_BYTES, from_end=True)
    if not raw.strip():
        return Long()
    whole = f"… the end of experiments/{folder.parent.name}/{folder.name}/log.txt"
    is_cut = len(raw.encode()) >= LOG_BYTES
    return Long.of([*([whole] if is_cut else []), *raw.rstrip("\n").split("\n")])


def transcript_of(results: Path, record: Record) -> Long:
    """What was said with a language model for it, as `thinker show ID --transcript` words it."""
    path = path_of(results, record.experiment.id)
    raw = _read(path.parent, [path.name], TRANSCRIPT_BYTES)
    entries = [entry for line in raw.split("\n") if (entry := entry_of(line))]
    lines: list[str] = []
    for entry in entries:
        lines += _told(entry)
    return Long.of(lines)


def _told(entry: dict[str, Any]) -> list[str]:
    try:
        return told(entry)
    except (ValueError, TypeError):  # a line of another shape
        return [json.dumps(entry)[: text.LINE]]


def _read(folder: Path, names: Sequence[str], most: int, *, from_end: bool = False) -> str:
    """A plain file's text, empty where there is none; no link is followed."""
    with contextlib.suppress(OSError), opened(folder, names) as handle:
        if handle is None:
            return ""
        if from_end:
            os.lseek(handle, max(0, os.fstat(handle).st_size - most), os.SEEK_SET)
        parts = []
        while most > 0 and (piece := os.read(handle, most)):
            parts.append(piece)
            most -= len(piece)
        return b"".join(parts).decode("utf-8", errors="replace")
    return ""


def moment(time: str) -> str:
    """2026-01-31 22:00 UTC; empty for none."""
    return f"{time[:10]} {time[11:16]} UTC" if time else ""
