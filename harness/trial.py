"""One trial, start to outcome: train in the sandbox, take the checkpoint out, score it.

The harness's own clock runs from the spawn. Whatever the training does wrong is a status of the
outcome, not an exception; what the machine does wrong (no room on the disk, a scorer that dies) is
`lost`, and the trial is wanted again.
"""

import contextlib
import errno
import os
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

from harness import contract, score
from harness.evaluation import Status
from harness.experiment import LevelCount, Outcome, Settings, Trial
from harness.gpu import is_gone
from harness.metrics import read_metrics
from harness.sandbox import Place, start
from harness.state import remove
from harness.watch import FOLDER_MB, POLL_S, Log, Stopped, Watch

GRACE_S = 2.0  # a checkpoint renamed later than the budget and this is too late
METRICS_BYTES = 16 * 2**20
CHECKPOINT_BYTES = 512 * 2**20
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
    memory_mb: int
    slot: int
    folder_mb: int = FOLDER_MB  # all that it may write


class Lost(Exception):
    """The machine failed and not the training; the text says how."""


@dataclass(frozen=True, slots=True)
class Training:
    """How a training ended: an error's status and words, or `ok`."""

    status: Status
    reason: str
    train_s: float
    cpu_s: float
    memory_mb: float | None
    start_s: float | None


def run_trial(order: Order, stop: Event) -> Outcome:
    """Never raises for what the trial does; `stop` ends it early, as lost. Leaves no process."""
    started = time.monotonic()
    training = Training("lost", "", 0.0, 0.0, None, None)
    found: dict[str, Any] = {}
    try:
        for folder in (order.results, order.scratch):
            remove(folder)
            folder.mkdir(parents=True)
        training = _train(order, stop)
        if training.status == "ok":
            found = _score(order, stop)
        status, reason = found.get("status", training.status), found.get("reason", training.reason)
    except Lost as lost:
        status, reason = "lost", str(lost)
    except OSError as error:
        status, reason = "lost", f"{error.strerror or error} ({error.filename or order.results})"
    finally:
        with contextlib.suppress(OSError):
            remove(order.scratch)
    if status not in ("ok", "lost") and is_full(order.results, order.scratch.parent):
        status, reason = "lost", f"the disk is full; before that: {reason}"
    last = _last_metrics(order.results / "metrics.jsonl")
    levels = tuple(
        LevelCount(level["name"], level["correct"], level["total"])
        for level in found.get("levels", ())
    )
    return Outcome(
        order.trial.experiment,
        order.trial.seed,
        status,
        levels,
        reason,
        train_s=round(training.train_s, 3),
        score_s=round(time.monotonic() - started - training.train_s, 3),
        cpu_s=round(training.cpu_s, 3),
        solve_s=found.get("seconds"),
        steps=_count(last.get("step")),
        samples=_count(last.get("samples")),
        memory_mb=training.memory_mb,
        slot=order.slot,
        sandbox=order.place.sandbox.level,
        checkpoint=found.get("digest", ""),
        start_s=None if training.start_s is None else round(training.start_s, 3),
    )


def _train(order: Order, stop: Event) -> Training:
    settings = order.settings
    work = order.scratch
    box = contract.lay_out(work, order.source, device=settings.device)
    box = replace(order.place.within(box), memory_mb=order.memory_mb)
    command = contract.command(
        seed=order.trial.seed,
        budget_s=settings.budget_s,
        device=settings.device,
        preset=settings.preset,
        max_steps=settings.max_steps,
        tasks=settings.tasks,
    )
    process = start(
        order.place.sandbox, box, command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    watch = Watch(work, process, settings.budget_s, order.memory_mb, order.folder_mb)
    log = Log(process)
    try:
        ended = watch.until_the_end(stop)
    except Stopped:
        raise Lost("stopped") from None
    finally:
        process.kill()
        log.finish(order.results / "log.txt")
    _take_out(work / contract.OUT, order)
    if ended is None:
        ended = _judge_exit(order, process.popen.returncode, watch, log)
    return Training(*ended, watch.train_s, watch.cpu_s, watch.peak_mb, watch.began_at)


def _judge_exit(order: Order, code: int, watch: Watch, log: Log) -> tuple[Status, str]:
    saved = (order.results / "checkpoint.pt").is_file()
    late_s = (watch.saved_at or 0.0) - order.settings.budget_s
    if code in KILLED:
        if (watch.peak_mb or 0.0) > order.memory_mb * NEAR:
            return "out_of_memory", f"killed with {watch.peak_mb:.0f} MB of memory in use"
        raise Lost("killed by something other than the harness (signal 9)")
    if order.place.gpu and (code or not saved) and is_gone(order.place.gpu):
        raise Lost(f"{order.place.gpu.name} was lost amid the training")
    if code:
        said = log.last_line()
        is_memory = any(word in said for word in ("OutOfMemory", "MemoryError", "allocate memory"))
        status: Status = "out_of_memory" if is_memory else "crash"
        return status, f"exit code {code}: {said}" if said else f"exit code {code}"
    if late_s > GRACE_S:
        return "timeout", f"the checkpoint was in place {late_s:.1f} s after the budget"
    if not saved:
        return "no_checkpoint", "train.py ended well, but left no checkpoint.pt that is a file"
    return "ok", ""


def _take_out(out: Path, order: Order) -> None:
    """Copy what the training left, plain files only, into the results; the checkpoint last.

    Raises OSError where the results cannot take it.
    """
    order.results.mkdir(parents=True, exist_ok=True)
    (order.results / "train.py").write_text(order.source, encoding="utf-8", newline="")
    _copy(out / "metrics.jsonl", order.results / "metrics.jsonl", METRICS_BYTES)
    _copy(out / "checkpoint.pt", order.results / "checkpoint.pt", CHECKPOINT_BYTES)


def _copy(source: Path, target: Path, most: int) -> None:
    """Neither a link nor a pipe nor a device, nor a file over the limit: those are not there."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EIO):
            raise
        return
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        os.close(handle)
        return
    unfinished = target.with_name(target.name + ".tmp")
    with os.fdopen(handle, "rb") as file:
        try:
            with unfinished.open("wb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            unfinished.rename(target)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise


def _score(order: Order, stop: Event) -> dict[str, Any]:
    settings = order.settings
    job = score.Job(
        str(order.results),
        order.secret,
        settings.problems,
        "validation",
        settings.device,
        order.place.sandbox.level,
        settings.tasks,
    )
    return ask_scorer(job, order.place, stop=stop)


def ask_scorer(job: score.Job, place: Place, *, stop: Event, nice: int = 0) -> dict[str, Any]:
    """What the scorer found. Raises Lost where it was stopped or failed itself."""
    process = score.start(job, place, nice=nice)
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


def memory_for_each(slots: int) -> int:
    """Megabytes that one slot's trial may use."""
    import psutil

    return int(psutil.virtual_memory().total * MEMORY_SHARE / max(1, slots) / 2**20)


def _last_metrics(path: Path) -> dict[str, Any]:
    rows = read_metrics(path) if path.is_file() else []
    return dict(rows[-1]) if rows else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_full(*folders: Path) -> bool:
    try:
        return any(shutil.disk_usage(folder).free < FREE_MB * 2**20 for folder in folders)
    except OSError:
        return True
