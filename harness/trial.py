"""One trial, start to outcome: train in the sandbox, take the checkpoint out, score it.

The harness's own clock runs from the spawn. Whatever the training does wrong is a status of the
outcome, not an exception; what the machine does wrong (no room on the disk, a scorer that dies) is
`lost`, and the trial is wanted again.
"""

import contextlib
import math
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from harness import score
from harness.evaluation import Status
from harness.experiment import LevelCount, Outcome, Settings, Trial
from harness.gpu import driver, is_gone
from harness.memory import total_bytes
from harness.metrics import count, last_metrics
from harness.provenance import torch_version
from harness.sandbox import Place
from harness.training import Ended, Run, collect, train
from harness.untrusted import remove
from harness.watch import FOLDER_MB, POLL_S, Stopped, Watch

GRACE_S = 2.0  # a checkpoint renamed later than the budget and this is too late
KILL_S = 30.0  # after the budget, the whole tree
MEMORY_SHARE = 0.8  # of the machine's, for all slots together
SCORE_WALL_S = 3600.0  # scoring has limits of its own; this is for a scorer that hangs
KILLED = (128 + 9, -9)  # the training, or its supervisor
NEAR = 0.8  # of the memory limit: killed with more in use, it was probably for that
FREE_MB = 64  # less than this on the disk, and a failure may be the disk's


@dataclass(frozen=True, slots=True)
class Order:
    """All that a trial needs. `results` is the folder that it fills; `scratch` is deleted."""

    trial: Trial
    source: str
    settings: Settings
    results: Path
    scratch: Path
    secret: str
    place: Place
    slot: int
    folder_mb: int = FOLDER_MB  # all that it may write


class Lost(Exception):
    """The machine failed and not the training; the text says how."""


def run_trial(order: Order, stop: Event) -> Outcome:
    """Never raises for what the trial does; `stop` ends it early, as lost. Leaves no process."""
    started = time.monotonic()
    watch: Watch | None = None
    found: dict[str, Any] = {}
    work, scoring = order.scratch, order.scratch.with_name(f"{order.scratch.name}-scoring")
    try:
        for folder in (order.results, work, scoring):
            remove(folder)
            folder.mkdir(parents=True)
        ended = train(_run_of(order), work, order.place, stop)
        watch = ended.watch
        (order.results / "log.txt").write_bytes(ended.log.content())
        is_saved = collect(work, order.results, order.source)
        status, reason = ended.early or _judge_exit(order, ended, is_saved)
        if status == "ok":
            found = _score(order, scoring, stop)
            status, reason = found["status"], found["reason"]
    except (Lost, Stopped) as lost:
        status, reason = "lost", str(lost) or "stopped"
    except OSError as error:
        status, reason = "lost", f"{error.strerror or error} ({error.filename or order.results})"
    finally:
        for folder in (work, scoring):
            with contextlib.suppress(OSError):
                remove(folder)
    if status not in ("ok", "lost") and is_full(order.results, order.scratch.parent):
        status, reason = "lost", f"the disk is full; before that: {reason}"
    last = last_metrics(order.results / "metrics.jsonl")
    levels = tuple(
        LevelCount(level["name"], level["correct"], level["total"])
        for level in found.get("levels", ())
    )
    train_s = watch.train_s if watch else 0.0
    return Outcome(
        order.trial.experiment,
        order.trial.seed,
        status,
        levels,
        reason,
        train_s=round(train_s, 3),
        score_s=round(time.monotonic() - started - train_s, 3),
        cpu_s=round(watch.cpu_s, 3) if watch else 0.0,
        solve_s=found.get("seconds"),
        steps=count(last.get("step")),
        samples=count(last.get("samples")),
        memory_mb=watch.peak_mb if watch else None,
        slot=order.slot,
        sandbox=order.place.sandbox.level,
        checkpoint=found.get("digest", ""),
        start_s=round(watch.began_at, 3) if watch and watch.began_at is not None else None,
        problems=found.get("problems_sha256", ""),
        torch=torch_version(),
        gpu=order.place.gpu.name if order.place.gpu else "",
        driver=driver() if order.place.gpu else "",
        parameters=count(found.get("parameters")),
        others_s=round(watch.others_s, 3) if watch and watch.others_s is not None else None,
    )


def lost(order: Order, reason: str) -> Outcome:
    """A trial that tells nothing and is wanted again."""
    return Outcome(
        order.trial.experiment,
        order.trial.seed,
        "lost",
        (),
        reason,
        train_s=0.0,
        score_s=0.0,
        cpu_s=0.0,
        solve_s=None,
        steps=None,
        samples=None,
        memory_mb=None,
        slot=order.slot,
        sandbox=order.place.sandbox.level,
        checkpoint="",
    )


def _run_of(order: Order) -> Run:
    settings = order.settings
    return Run(
        order.source,
        order.trial.seed,
        settings.budget_s,
        settings.budget_s + KILL_S,
        settings.device,
        settings.preset,
        settings.max_steps,
        settings.tasks,
        order.folder_mb,
    )


def _judge_exit(order: Order, ended: Ended, is_saved: bool) -> tuple[Status, str]:
    gpu, watch = order.place.gpu, ended.watch
    late_s = (watch.saved_at or 0.0) - order.settings.budget_s
    if ended.code in KILLED:
        limit_mb = order.place.memory_mb or math.inf
        if (watch.peak_mb or 0.0) > limit_mb * NEAR:
            return "out_of_memory", f"killed with {watch.peak_mb:.0f} MB of memory in use"
        raise Lost("killed by something other than the harness (signal 9)")
    if gpu and (ended.code or not is_saved) and is_gone(gpu):
        raise Lost(f"{gpu.name} was lost amid the training")
    if ended.code:
        said = ended.log.last_line()
        is_memory = any(word in said for word in ("OutOfMemory", "MemoryError", "allocate memory"))
        status: Status = "out_of_memory" if is_memory else "crash"
        return status, f"exit code {ended.code}: {said}" if said else f"exit code {ended.code}"
    if late_s > GRACE_S:
        return "timeout", f"the checkpoint was in place {late_s:.1f} s after the budget"
    if not is_saved:
        return "no_checkpoint", "train.py ended well, but left no checkpoint.pt that is a file"
    return "ok", ""


def _score(order: Order, scratch: Path, stop: Event) -> dict[str, Any]:
    settings = order.settings
    job = score.Job(
        str(order.results),
        order.secret,
        settings.problems,
        "validation",
        settings.device,
        order.place.sandbox.level,
        settings.tasks,
        order.place.memory_mb,
    )
    return ask_scorer(job, order.place, scratch, stop=stop)


def ask_scorer(
    job: score.Job, place: Place, scratch: Path, *, stop: Event, nice: int = 0
) -> dict[str, Any]:
    """What the scorer found. Raises Lost where it was stopped or failed itself."""
    process = score.start(job, place, scratch, nice=nice)
    answer: list[tuple[bytes, bytes]] = []
    reader = Thread(target=lambda: answer.append(process.popen.communicate()), daemon=True)
    reader.start()
    deadline = time.monotonic() + SCORE_WALL_S
    try:
        while reader.is_alive():
            reader.join(timeout=POLL_S)
            if stop.is_set() or time.monotonic() > deadline:
                raise Lost("stopped" if stop.is_set() else "scoring did not end")
    finally:
        process.kill()
        reader.join(timeout=5)
    try:
        return score.result(*answer[0])
    except RuntimeError as error:
        raise Lost(str(error)) from None


def trial_folder(results: Path, trial: Trial) -> Path:
    return results / "experiments" / f"{trial.experiment:04d}" / str(trial.seed)


def memory_for_each(slots: int) -> int:
    """Megabytes that one slot's trial may use."""
    return int(total_bytes() * MEMORY_SHARE / max(1, slots) / 2**20)


def is_full(*folders: Path) -> bool:
    try:
        return any(shutil.disk_usage(folder).free < FREE_MB * 2**20 for folder in folders)
    except OSError:
        return True
