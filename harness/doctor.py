"""What a campaign needs of this machine and project, seen by trying it, and what to do about it.

A check that fails would stop or spoil a campaign; one that warns makes it slower or less sure.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

from harness import gpu, sandbox
from harness.awake import awake
from harness.errors import Misuse
from harness.experiment import Gpu
from harness.repo import FILES, Repo
from harness.researcher.access import ADDRESS, KEYS
from harness.sandbox import Level, Place, Sandbox
from harness.state import home

LIBRARIES = ("thinker", "torch", "numpy", "anthropic", "gitpython", "optuna", "pandas", "rich")
OLDEST = (3, 11)
DISK_FAIL_MB, DISK_WARN_MB = 256, 5000
BUSY = 0.5  # load per core above which other work would share the trials' time


@dataclass(frozen=True, slots=True)
class Check:
    """`found` is what there is, `remedy` what to do where that is not enough."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""


def examine(project: Path) -> Iterator[Check]:
    """One check after another, as each is done."""
    yield _python()
    yield _versions()
    found = None
    try:
        found = gpu.detect()
        yield _torch(found)
    except Misuse as misuse:
        yield Check("torch", "fail", str(misuse), "run `make setup`")
    yield _git(project)
    best: Sandbox | None = None
    for level in sandbox.here():
        works, detail = sandbox.probe(level)
        best = best or (Sandbox(level, detail) if works else None)
        yield _level(level, works, detail, best)
    for device in found.gpus if found else ():
        yield _gpu(device, best)
    yield _cores()
    yield _memory()
    for name, folder in (("disk of results/", project), ("disk of the state", home())):
        yield _disk(name, folder)
    yield _disk("disk of /tmp", Path(tempfile.gettempdir()))
    yield _clock(project)
    yield _sleep()
    yield _key()


def _python() -> Check:
    version = platform.python_version()
    where = f"{version} on {platform.system()} {platform.release()}, {platform.machine()}"
    if sys.platform == "win32":
        return Check("python", "fail", where, "thinker run needs Linux or macOS: run it in WSL2")
    if sys.version_info < OLDEST:
        return Check("python", "fail", where, "make setup PYTHON=python3.12")
    return Check("python", "ok", where)


def _versions() -> Check:
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("libraries", "fail", f"{', '.join(missing)} missing", "run `make setup`")
    return Check("libraries", "ok", ", ".join(found))


def _torch(found: gpu.Found) -> Check:
    version = metadata.version("torch")
    if found.gpus:
        return Check("torch", "ok", f"{version}, which finds {len(found.gpus)} GPU(s)")
    if found.has_mps:
        return Check("torch", "ok", f"{version}, with MPS")
    if shutil.which("nvidia-smi"):
        remedy = "install torch's CUDA build (see the README), or mend the driver: nvidia-smi"
        return Check("torch", "warn", f"{version}, which finds no GPU", remedy)
    remedy = (
        "a GPU makes trials some hundred times larger; on a CPU keep --budget-s and hopes small"
    )
    return Check("torch", "warn", f"{version}; there is no GPU here", remedy)


def _git(project: Path) -> Check:
    missing = [name for name in FILES if not (project / name).is_file()]
    if missing:
        what = f"{' and '.join(missing)} missing in {project}"
        return Check("git", "fail", what, "run thinker in the project's folder")
    try:
        repo = Repo(project, "doctor")
        head = repo.head()
    except Misuse as misuse:
        what, _, remedy = str(misuse).partition("; ")
        return Check("git", "fail", what, remedy)
    return Check("git", "ok", f"{repo.version()}, {repo.top} at {head[:10]}")


def _level(level: Level, works: bool, detail: str, best: Sandbox | None) -> Check:
    if works:
        return Check(f"sandbox {level}", "ok", detail)
    if best:
        return Check(f"sandbox {level}", "ok", f"{detail}; {best.level} is taken")
    state: Literal["warn", "fail"] = "warn" if level == "bwrap" else "fail"
    return Check(f"sandbox {level}", state, detail, sandbox.REMEDY)


def _gpu(device: Gpu, best: Sandbox | None) -> Check:
    name = f"gpu {device.name}"
    free = "memory unknown" if device.free_mb is None else f"{device.free_mb} MB free"
    found = f"{free} of {device.total_mb} MB"
    if best:
        with tempfile.TemporaryDirectory(prefix="thinker-") as scratch:
            try:
                gpu.check_inside(Place(best, gpu=device), Path(scratch))
            except Misuse as misuse:
                return Check(name, "fail", f"{found}; {misuse}", "see docs/SANDBOX.md")
        found += f", seen inside {best.level}"
    if device.free_mb is not None and device.free_mb < 0.9 * device.total_mb:
        return Check(name, "warn", found, f"held by {gpu.holders(device)}; end that first")
    return Check(name, "ok", found)


def _cores() -> Check:
    if not hasattr(os, "sched_getaffinity"):
        return Check("cores", "warn", f"{os.cpu_count()}", "trials cannot be pinned to cores here")
    cores = sorted(os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, cores[-1:])
        os.sched_setaffinity(0, cores)
    except OSError as error:
        return Check("cores", "warn", f"{len(cores)}", f"trials cannot be pinned: {error.strerror}")
    load = os.getloadavg()[0]
    found = f"{len(cores)}, pinning works, load {load:.1f}"
    if load > BUSY * len(cores):
        remedy = "other work takes time from the trials, whose budget is wall time: end it first"
        return Check("cores", "warn", found, remedy)
    if len(cores) == 1:
        return Check("cores", "warn", found, "the harness and its one slot share a core")
    return Check("cores", "ok", found)


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    if memory.available < 2 * 2**30:
        return Check(
            "memory", "warn", found, "a trial on a CPU takes about 1 GiB a slot: free some"
        )
    return Check("memory", "ok", found)


def _disk(name: str, folder: Path) -> Check:
    there = folder
    while not there.exists():
        there = there.parent
    free_mb = shutil.disk_usage(there).free / 2**20
    found = f"{free_mb / 1024:.1f} GiB free below {folder}"
    if not os.access(there, os.W_OK):
        return Check(name, "fail", f"{there} cannot be written to", "change its owner or its mode")
    if free_mb < DISK_FAIL_MB:
        return Check(name, "fail", found, "make room: checkpoints and logs need some GiB a night")
    if free_mb < DISK_WARN_MB:
        return Check(name, "warn", found, "a night may need more; a full disk pauses the campaign")
    return Check(name, "ok", found)


def _clock(project: Path) -> Check:
    """A clock that is behind the newest commit is behind, and deadlines would come late."""
    now = datetime.now(UTC)
    found = f"{now:%Y-%m-%d %H:%M} UTC, here {now.astimezone():%H:%M}"
    try:
        committed = datetime.fromisoformat(Repo(project, "doctor").committed_at())
    except Misuse:
        return Check("clock", "ok", found)
    if committed > now:
        found += f"; the newest commit is of {committed.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return Check("clock", "warn", found, "set the clock: --until and --hours go by it")
    return Check("clock", "ok", found)


def _sleep() -> Check:
    with awake() as told:
        if told:
            return Check("sleep", "warn", told, "or run in the system's own session (not ssh)")
    return Check("sleep", "ok", "prevented while a campaign runs")


def _key() -> Check:
    server = os.environ.get(ADDRESS)
    at = f" for {server}" if server else ""
    for name in KEYS:
        if os.environ.get(name):
            return Check("key", "ok", f"{name} is set{at}: a language model proposes by default")
    return Check("key", "ok", f"none{at}: the offline researcher, which needs none, proposes")
