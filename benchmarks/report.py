"""Seconds and size of the report of 1,000 experiments: `python -m benchmarks report`.

whole    `thinker report` as a process, from a cold start, on a made-up campaign with commits,
         curves, logs and hostile texts; its transcripts are as long as a real one's, and every log
         is of a megabyte
again    what the running harness pays for one more verdict, in seconds of its CPU
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.thousand_project import make_campaign
from harness.history import History
from harness.ledger import read
from harness.repo import Repo
from harness.report import Report

ROOT = Path(__file__).parents[1]
EXPERIMENTS, TIMES = 1000, 3
TRANSCRIPT, LOG = 100_000, 1_000_000  # bytes
Row = Callable[[str, str, str, str, bool], None]


def report(row: Row) -> None:
    with tempfile.TemporaryDirectory(prefix="thinker-bench-") as name:
        project = Path(name) / "project"
        results = make_campaign(project, EXPERIMENTS)
        _lengthen(results)
        took = [_whole(project) for _ in range(TIMES)]
        seconds = statistics.median(took)
        size = (results / "report.html").stat().st_size / 1e6
        named = f"report: {EXPERIMENTS} experiments, "
        row(f"{named}whole process, seconds", "< 10", f"{seconds:.1f}", "", seconds < 10)
        row(f"{named}size, MB", "< 10", f"{size:.1f}", "", size < 10)
        again = _again(project, results)
        row(f"{named}one more verdict, CPU seconds", "< 3", f"{again:.1f}", "", again < 3)


def _lengthen(results: Path) -> None:
    words = 'It is said at length, and <b>marked</b> & "quoted". ' * (TRANSCRIPT // 50)
    entry = {"kind": "reply", "usd": 0.02, "content": [{"type": "text", "text": words}]}
    for folder in (results / "experiments").iterdir():
        with (folder / "transcript.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
        for log in folder.glob("*/log.txt"):
            log.write_bytes(b"step 12 <loss> 0.34\n" * (LOG // 20) + log.read_bytes())


def _whole(project: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "harness", "report"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def _again(project: Path, results: Path) -> float:
    """After a verdict: all events but the last trial's and its verdict's are known already."""
    entries = read(results / "ledger.jsonl")
    last = max(i for i, entry in enumerate(entries) if type(entry.event).__name__ == "Judged")
    before = History.of(entries[: last - 1])
    after = before
    for entry in entries[last - 1 : last + 1]:
        after = after.after(entry)
    made = Report(results, Repo(project, results.name))
    made.write(before)
    started = time.process_time()
    made.write(after)
    return time.process_time() - started
