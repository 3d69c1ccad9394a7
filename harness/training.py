"""One run of a train.py in its sandbox, watched to its end: for trials, preflights and controls.

What it leaves is taken out of its folder afterwards, and nothing of ours is ever written there.
"""

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from harness import contract
from harness.evaluation import Status
from harness.sandbox import Place, start
from harness.untrusted import take_out
from harness.watch import FOLDER_MB, Log, Watch

METRICS_BYTES = 16 * 2**20
CHECKPOINT_BYTES = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Run:
    """What is run, and what it may take. `kill_s` after its spawn it is ended."""

    source: str
    seed: int
    budget_s: float
    kill_s: float
    device: str
    preset: str
    max_steps: int | None = None
    tasks: str | None = None
    folder_mb: int = FOLDER_MB
    nice: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """`early` is why it had to be ended, None where it ended by itself with `code`."""

    early: tuple[Status, str] | None
    code: int
    log: Log
    watch: Watch


def train(run: Run, work: Path, place: Place, stop: Event) -> Ended:
    """Run it in `work`, a new folder. Nothing of it runs any more afterwards.

    Raises watch.Stopped once `stop` is set, and OSError where it cannot be started.
    """
    box = contract.lay_out(work, run.source, device=run.device)
    box = replace(place.within(box), nice=run.nice)
    command = contract.command(
        seed=run.seed,
        budget_s=run.budget_s,
        device=run.device,
        preset=run.preset,
        max_steps=run.max_steps,
        tasks=run.tasks,
    )
    process = start(place.sandbox, box, command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watch = Watch(work, process, run.kill_s, place.memory_mb, run.folder_mb, place.cores)
    log = Log(process)
    try:
        early = watch.until_the_end(stop)
    finally:
        process.kill()
        log.end()
    return Ended(early, process.popen.returncode, log, watch)


def collect(work: Path, results: Path, source: str) -> bool:
    """Copy what a training left into the results, the checkpoint last; whether there is one.

    Raises OSError where the results cannot take it.
    """
    results.mkdir(parents=True, exist_ok=True)
    (results / "train.py").write_text(source, encoding="utf-8", newline="")
    take_out(work, (contract.OUT, "metrics.jsonl"), results / "metrics.jsonl", METRICS_BYTES)
    names = (contract.OUT, "checkpoint.pt")
    return take_out(work, names, results / "checkpoint.pt", CHECKPOINT_BYTES)
