"""A preflight: two steps of an edit on the CPU and a handful of questions, in the sandbox.

It finds what would crash at once, while the GPU does something else. What it cannot finish in its
time is unproven, not failed.
"""

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Literal

from harness.experiment import Settings
from harness.sandbox import Place
from harness.score import Job
from harness.training import Run, collect, train
from harness.trial import Lost, ask_scorer, is_full
from harness.untrusted import remove
from harness.watch import Stopped

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


def preflight(source: str, settings: Settings, scratch: Path, place: Place, stop: Event) -> Flight:
    """What the machine does wrong proves nothing either way. Raises Lost where it was stopped."""
    work, out = scratch, scratch.with_name(f"{scratch.name}-out")  # only the first is the edit's
    try:
        for folder in (work, out):
            remove(folder)
            folder.mkdir(parents=True)
        flight = _fly(source, settings, work, out, place, stop)
        if flight.end == "failed" and is_full(work):
            return Flight("unproven", f"the disk is full; before that: {flight.report}")
        return flight
    except (Lost, Stopped) as lost:
        if stop.is_set():
            raise Lost("stopped") from None
        return Flight("unproven", str(lost))
    except OSError as error:
        return Flight("unproven", f"{error.strerror or error} ({error.filename or scratch})")
    finally:
        for folder in (work, out):
            with contextlib.suppress(OSError):
                remove(folder)


def _fly(
    source: str, settings: Settings, work: Path, out: Path, place: Place, stop: Event
) -> Flight:
    limit_s = min(LIMIT_S, max(LEAST_S, settings.budget_s / 2))
    run = Run(source, 0, LIMIT_S, limit_s, "cpu", settings.preset, STEPS, settings.tasks, nice=NICE)
    ended = train(run, work, place, stop)
    if ended.early and ended.early[0] == "timeout":
        return Flight("unproven", f"two steps on the CPU took more than {limit_s:.0f} s")
    if ended.early:
        return Flight("failed", ended.early[1])
    if ended.code:
        said = ended.log.content()[-TRACEBACK_CHARS:].decode(errors="replace").strip()
        return Flight("failed", said or f"exit code {ended.code}")
    if not collect(work, out, source):
        return Flight("failed", "train.py ended well, but left no checkpoint.pt that is a file")
    job = Job(
        str(out), "preflight", QUESTIONS, "public", "cpu", place.sandbox.level, settings.tasks,
        place.memory_mb,
    )  # fmt: skip
    found = ask_scorer(job, replace(place, gpu=None), out, stop=stop, nice=NICE)
    if found["status"] == "timeout":
        return Flight("unproven", found["reason"])
    wrong = [level["error"] for level in found["levels"] if level["error"]]
    if found["status"] != "ok" or wrong:
        return Flight("failed", f"the solver: {found['reason'] or wrong[0]}")
    return Flight("passed", "")
