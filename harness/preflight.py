"""A preflight: two steps of an edit on the CPU and a handful of questions, in the sandbox.

It finds what would crash at once, while the GPU does something else. What it cannot finish in its
time is unproven, not failed.
"""

import contextlib
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Literal

from harness import contract
from harness.experiment import Settings
from harness.sandbox import Place, start
from harness.score import Job
from harness.state import remove
from harness.trial import Lost, ask_scorer, is_full

STEPS = 2
QUESTIONS = 1  # a level
LIMIT_S = 120.0  # or half a trial, if that is shorter
LEAST_S = 20.0  # the import of torch alone takes some of it
NICE = 19
TRACEBACK_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Flight:
    """`report` is for the researcher: the traceback, or what the solver did wrong."""

    end: Literal["passed", "unproven", "failed"]
    report: str


def preflight(
    source: str, settings: Settings, scratch: Path, place: Place, stop: Event, memory_mb: int
) -> Flight:
    """What the machine does wrong proves nothing either way. Raises Lost where it was stopped."""
    limit_s = min(LIMIT_S, max(LEAST_S, settings.budget_s / 2))
    try:
        remove(scratch)
        scratch.mkdir(parents=True)
        flight = _fly(source, settings, scratch, place, stop, limit_s, memory_mb)
        if flight.end == "failed" and is_full(scratch):
            return Flight("unproven", f"the disk is full; before that: {flight.report}")
        return flight
    except Lost as lost:
        if stop.is_set():
            raise
        return Flight("unproven", str(lost))
    except OSError as error:
        return Flight("unproven", f"{error.strerror or error} ({error.filename or scratch})")
    finally:
        with contextlib.suppress(OSError):
            remove(scratch)


def _fly(
    source: str,
    settings: Settings,
    scratch: Path,
    place: Place,
    stop: Event,
    limit_s: float,
    memory_mb: int,
) -> Flight:
    started = time.monotonic()
    box = replace(
        place.within(contract.lay_out(scratch, source, device="cpu")),
        nice=NICE,
        memory_mb=memory_mb,
    )
    command = contract.command(
        seed=0,
        budget_s=LIMIT_S,
        device="cpu",
        preset=settings.preset,
        max_steps=STEPS,
        tasks=settings.tasks,
    )
    log = scratch / "log.txt"
    with log.open("wb") as output:
        process = start(place.sandbox, box, command, stdout=output, stderr=subprocess.STDOUT)
        try:
            code = _wait(process.popen, started + limit_s, stop)
        finally:
            process.kill()
    if code is None:
        return Flight("unproven", f"two steps on the CPU took more than {limit_s:.0f} s")
    if code:
        return Flight("failed", _tail(log) or f"exit code {code}")
    out = scratch / contract.OUT
    if (out / "checkpoint.pt").is_symlink() or not (out / "checkpoint.pt").is_file():
        return Flight("failed", "train.py ended well, but left no checkpoint.pt that is a file")
    level = place.sandbox.level
    job = Job(str(out), "preflight", QUESTIONS, "public", "cpu", level, settings.tasks)
    (out / "train.py").write_text(source, encoding="utf-8", newline="")
    found = ask_scorer(job, replace(place, gpu=None), stop=stop, nice=NICE)
    if found["status"] == "timeout":
        return Flight("unproven", found["reason"])
    wrong = [level["error"] for level in found["levels"] if level["error"]]
    if found["status"] != "ok" or wrong:
        return Flight("failed", f"the solver: {found['reason'] or wrong[0]}")
    return Flight("passed", "")


def _wait(popen: "subprocess.Popen[bytes]", deadline: float, stop: Event) -> int | None:
    while time.monotonic() < deadline:
        try:
            return popen.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            if stop.is_set():
                raise Lost("stopped") from None
    return None


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TRACEBACK_CHARS))
        return file.read().decode(errors="replace").strip()
