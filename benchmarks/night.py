"""What a campaign costs beside its trials: `python -m benchmarks night`.

fold      seconds to read, and to fold, the ledger of 10,000 experiments
append    milliseconds of one event, fsync included
gap       seconds from the end of one trial, scored, to the start of the next on its slot
harness   share of a core and memory of the harness's own process while trials run
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psutil

from benchmarks.project import make_project
from harness.experiment import (
    Experiment,
    Judged,
    LevelCount,
    Outcome,
    Proposed,
    Settings,
    Started,
    Tried,
    Verdict,
)
from harness.history import History
from harness.ledger import Entry, Ledger, encode, read
from harness.problems import LADDER

ROOT = Path(__file__).parents[1]
TOY = ROOT / "tests" / "toy_train.py"
EXPERIMENTS = 10_000
TRIALS = 12
Row = Callable[[str, str, str, str, bool], None]


def night(row: Row) -> None:
    with tempfile.TemporaryDirectory(prefix="thinker-bench-") as name:
        folder = Path(name)
        _ledger(folder, row)
        _campaign(folder, row)


def _ledger(folder: Path, row: Row) -> None:
    path = folder / "ledger.jsonl"
    levels = tuple(LevelCount(level.name, 250, 500) for level in LADDER)
    settings = Settings(900.0, None, 500, 1, 1, "cpu", "cpu", "bwrap", ("list", "x"), None, None)
    took = []
    with Ledger(path) as ledger:
        ledger.append(Started("t", "c", settings, "", "", "", "", "a machine", "0"))
        for _ in range(200):
            started = time.perf_counter()
            ledger.append(Proposed(_experiment(0)))
            took.append(time.perf_counter() - started)
    lines = path.read_text().splitlines(keepends=True)[:1]
    stamp = "2026-01-31T22:00:00.000+00:00"
    for number in range(EXPERIMENTS):
        outcome = Outcome(
            number,
            7,
            "ok",
            levels,
            "",
            train_s=899.0,
            score_s=40.0,
            cpu_s=890.0,
            solve_s=25.0,
            steps=60_000,
            samples=800_000,
            memory_mb=420.0,
            slot=0,
            sandbox="bwrap",
            checkpoint="0" * 64,
        )
        verdict = Verdict(number, "discard", "0.4800 against 0.4810", 0.48, 0, 0.481)
        events = (Proposed(_experiment(number)), Tried(outcome), Judged(verdict, "c" * 40))
        lines += [encode(Entry(stamp, event)) for event in events]
    path.write_text("".join(lines))
    started = time.perf_counter()
    entries = read(path)
    read_s = time.perf_counter() - started
    history = History.of(entries)
    fold_s = time.perf_counter() - started - read_s
    assert len(history.records) == EXPERIMENTS
    row(f"ledger: reading {EXPERIMENTS} experiments, seconds", "", f"{read_s:.2f}", "", True)
    row(f"ledger: folding {EXPERIMENTS} experiments, seconds", "< 0.5", f"{fold_s:.2f}", "",
        fold_s < 0.5)  # fmt: skip
    append_ms = statistics.median(took) * 1000
    row("ledger: one append, milliseconds", "< 5", f"{append_ms:.2f}", "", append_ms < 5)


def _experiment(number: int) -> Experiment:
    return Experiment(
        number, 0, "c" * 40, "A higher peak learning rate", "list", "constant", None, number,
        f"{number:064d}", 5000, "passed",
    )  # fmt: skip


def _campaign(folder: Path, row: Row) -> None:
    project = make_project(folder / "project", TOY.read_text())
    edits = [
        {"hypothesis": f"{n}", "constants": {"LEARNING_RATE": 0.1 - n / 1000}}
        for n in range(1, TRIALS)
    ]
    (project / "list.jsonl").write_text("".join(json.dumps(edit) + "\n" for edit in edits))
    command = [sys.executable, "-m", "harness", "run", "--tag", "bench", "--budget-s", "12"]
    command += ["--researcher", "list", "list.jsonl", "--problems", "20", "--max-steps", "900"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state")}
    process = subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.DEVNULL)
    harness = psutil.Process(process.pid)
    time.sleep(5)  # begun, and at work
    started, used, peak = time.monotonic(), sum(harness.cpu_times()[:2]), 0.0
    last_used, last_at = used, started
    while process.poll() is None:
        try:
            last_used, last_at = sum(harness.cpu_times()[:2]), time.monotonic()
            peak = max(peak, harness.memory_info().rss / 2**20)
        except psutil.Error:
            break
        time.sleep(0.2)
    assert process.wait() == 0
    share = (last_used - used) / (last_at - started)
    gaps = gaps_of(project / "results" / "bench" / "ledger.jsonl")
    gap = statistics.median(gaps)
    row(f"from one trial to the next, median of {len(gaps)}, seconds", "< 0.3", f"{gap:.2f}", "",
        gap < 0.3)  # fmt: skip
    row("harness's own process, share of a core", "< 3%", f"{share:.1%}", "", share < 0.03)
    row("harness's own process, memory, MB", "< 300", f"{peak:.0f}", "", peak < 300)


def gaps_of(ledger: Path) -> list[float]:
    """Seconds between trials: from when one was recorded to when the next one's work began."""
    ends = [
        (datetime.fromisoformat(entry.time).timestamp(), entry.event.outcome)
        for entry in read(ledger)
        if isinstance(entry.event, Tried)
    ]
    return [
        end - outcome.train_s - outcome.score_s - earlier
        for (earlier, _), (end, outcome) in zip(ends, ends[1:], strict=False)
    ]
