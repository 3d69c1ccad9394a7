"""How a process of untrusted code runs: the sandbox levels, and starting a command in one.

`bwrap` and `landlock`, on macOS `seatbelt`, wall off files, network and other processes; `none`
only limits and ends. Which works here is found by starting it. Every level has an allow-listed
environment, limits, pinned cores (Linux), and a supervisor that ends what the process leaves
behind; on Linux what outlives a killed supervisor is ended here too, or by the next start.
Not covered at `none`: what the process reads, writes and sends.
"""

import contextlib
import errno
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal

from harness import seccomp_rules
from harness.confinement import (
    Box,
    bwrap_command,
    bwrap_program,
    landlock_rules,
    masked_command,
)
from harness.errors import Misuse
from harness.experiment import Gpu
from harness.orphans import end_orphans
from harness.process_tree import kill_tree
from harness.seatbelt_rules import seatbelt_command

Level = Literal["bwrap", "landlock", "seatbelt", "none"]
LEVELS: tuple[Level, ...] = ("bwrap", "landlock", "seatbelt", "none")
WALLED = tuple(level for level in LEVELS if level != "none")
SYSTEMS = {"bwrap": "linux", "landlock": "linux", "seatbelt": "darwin"}  # where each may work
SUPERVISOR = Path(__file__).with_name("supervisor.py")
REMEDY = (
    "see docs/SANDBOX.md, or choose --sandbox none if you trust every edit"
    if sys.platform == "darwin"
    else "install bubblewrap (apt install bubblewrap; on Ubuntu 24.04 its AppArmor profile too, see"
    " docs/SANDBOX.md), or choose --sandbox none if you trust every edit"
)
PROBE_S = 20.0


class NoSandbox(Misuse):
    """None works here, and none was not asked for; the text has the remedy."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A level that was seen working here, and in words what it is."""

    level: Level
    detail: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where untrusted code runs: a sandbox, and the cores (none: any), the GPU and the memory that
    it may use."""

    sandbox: Sandbox
    cores: tuple[int, ...] = ()
    gpu: Gpu | None = None
    memory_mb: int | None = None

    def within(self, box: Box) -> Box:
        environment = box.environment
        if box.gpu and self.gpu:
            environment = environment | {"CUDA_VISIBLE_DEVICES": self.gpu.device}
        return replace(box, cores=self.cores, environment=environment, memory_mb=self.memory_mb)


class Process:
    """A command in its sandbox. `popen` is its outermost process."""

    def __init__(self, popen: subprocess.Popen[bytes], alive: int | None) -> None:
        self.popen, self._alive = popen, alive

    def kill(self) -> int:
        """End it and all that it started; the exit code. May be called again."""
        if self.popen.poll() is None and self._alive is not None:
            self.popen.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(timeout=10)
        kill_tree(self.popen)
        if self._alive is not None and self.popen.returncode < 0:  # the supervisor could not
            end_orphans()
        if self._alive is not None:
            os.close(self._alive)
            self._alive = None
        return self.popen.returncode


def start(
    sandbox: Sandbox,
    box: Box,
    command: Sequence[str],
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] = subprocess.DEVNULL,
) -> Process:
    """Start a command in `box.work`; `command[0]` is an absolute path. Raises OSError.

    Only bwrap can mask: Landlock allows files, and cannot take some away from what it allows.
    """
    if box.mask and sandbox.level != "bwrap":
        raise OSError(errno.ENOTSUP, f"{sandbox.level} cannot hide folders")
    box = replace(box, work=box.work.resolve())
    if sys.platform == "win32":
        popen = subprocess.Popen(
            list(command),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            cwd=box.work,
            env=box.environment,
            start_new_session=True,
        )
        return Process(popen, None)
    filter_ = None if box.mask else _filter(sandbox.level, box)
    inner = list(command)
    if sandbox.level == "bwrap":
        masked = masked_command(box, command) if box.mask else None
        inner = masked or bwrap_command(box, command, filter_)
    elif sandbox.level == "seatbelt":
        inner = seatbelt_command(box, command)
    ours, theirs = os.pipe()
    specification = {
        "alive": ours,
        "filter": filter_,
        "cores": list(box.cores),
        "nice": box.nice,
        "limits": _limits(box),
        "landlock": landlock_rules(box) if sandbox.level == "landlock" else None,
        "linux": sys.platform == "linux",
    }
    supervise = [sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(specification), "--"]
    try:
        popen = subprocess.Popen(
            [*supervise, *inner],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            cwd=box.work,
            env=box.environment,
            start_new_session=True,
            pass_fds=(ours,) if filter_ is None else (ours, filter_),
        )
    except BaseException:
        os.close(theirs)
        raise
    finally:
        os.close(ours)
        if filter_ is not None:
            os.close(filter_)
    return Process(popen, theirs)


def choose(wanted: Literal["auto", "require", "none"] = "auto") -> Sandbox:
    """The best level that works here. Raises NoSandbox where none but `none` does."""
    if wanted == "none":
        return Sandbox("none", "none: edits can read and change what you can")
    tried: list[str] = []
    for level in here():
        found, detail = probe(level)
        if found:
            said = f"{detail} ({'; '.join(tried)})" if tried else detail
            return Sandbox(level, said)
        tried.append(f"{level}: {detail}")
    raise NoSandbox(f"no sandbox works on this machine ({'; '.join(tried)}); {REMEDY}")


def best() -> Sandbox:
    """The best level that works here, `none` where there is no other."""
    try:
        return choose()
    except NoSandbox:
        return choose("none")


def here() -> tuple[Level, ...]:
    """The levels with walls that this system may have, best first."""
    return tuple(level for level in WALLED if SYSTEMS[level] == sys.platform)


@functools.cache
def probe(level: Level) -> tuple[bool, str]:
    """Whether a Python starts in it and can neither read nor write outside; what it is, or why it
    fails."""
    if level not in here():
        return False, f"not on {sys.platform}"
    if level == "bwrap" and bwrap_program() is None:
        return False, "not installed"
    with (
        tempfile.TemporaryDirectory(prefix="thinker-") as outside,
        tempfile.TemporaryDirectory(prefix="thinker-") as work,
    ):
        target, secret = Path(outside, "written"), Path(outside, "secret")
        secret.write_text("secret")
        code = "".join(
            f"try: open({str(path)!r}, {mode!r})\nexcept OSError: print('walled')\n"
            for path, mode in ((target, "w"), (secret, "r"))
        )
        box = Box(Path(work), environment={"PATH": "/usr/bin:/bin"})
        try:
            process = start(
                Sandbox(level, ""),
                box,
                [sys.executable, "-I", "-c", code],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except (OSError, ImportError, RuntimeError) as error:  # no bwrap, no libseccomp
            return False, " ".join(str(error).split())
        try:
            out, err = process.popen.communicate(timeout=PROBE_S)
        except subprocess.TimeoutExpired:
            return False, f"did not start within {PROBE_S:.0f} s"
        finally:
            process.kill()
        if out.split() == [b"walled"] * 2 and not target.exists():
            return True, _describe(level)
        said = err.decode(errors="replace").strip().splitlines()
        return False, said[-1] if said else "a process in it could read or write outside"


def scrub(scratch: Path, *, device: str, threads: int = 1) -> dict[str, str]:
    """The allow-listed environment of a process whose home is `scratch`; no key passes."""
    names = ["PATH", "LANG", "SYSTEMROOT"]  # the last is what Windows cannot start without
    if device == "cuda":
        names += ["CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "CUDA_HOME"]
    environment = {name: os.environ[name] for name in names if name in os.environ}
    folders = {name: str(scratch) for name in ("HOME", "TMPDIR", "TEMP", "TMP")}
    caches = {
        f"{name}_CACHE_DIR": str(scratch / name.lower()) for name in ("TORCHINDUCTOR", "TRITON")
    }
    threading = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    unwritten = {"PYTHONDONTWRITEBYTECODE": "1"}
    return environment | folders | caches | threading | unwritten


def _limits(box: Box) -> dict[str, int]:
    # Pipes and socket pairs hold memory that is nobody's, so there are few; and no real-time
    # scheduling, though the person may have been given it.
    limits = {"CORE": 0, "NOFILE": 1024}
    if sys.platform == "linux":
        limits |= {"RTPRIO": 0, "NICE": 0, "MSGQUEUE": 0}
    if box.file_mb is not None:
        limits["FSIZE"] = box.file_mb * 2**20
    if box.memory_mb is not None and not box.gpu and sys.platform == "linux":  # macOS heeds no AS
        limits["AS"] = box.memory_mb * 2**20
    return limits


def _filter(level: Level, box: Box) -> int | None:
    """An open file with the seccomp filter; None where there is none. bwrap holds without
    libseccomp, if not as well; Landlock does not. Raises OSError, ImportError or RuntimeError."""
    if level in ("none", "seatbelt"):
        return None
    try:
        program = seccomp_rules.program(landlock=level == "landlock", gpu=box.gpu)
    except (ImportError, RuntimeError, OSError):
        if level == "landlock":
            raise
        return None
    handle = os.memfd_create("filter")
    os.write(handle, program)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def _describe(level: str) -> str:
    if level == "bwrap":
        found = subprocess.run(
            [str(bwrap_program()), "--version"], capture_output=True, text=True, check=False
        )
        said = f"bwrap {found.stdout.split()[-1] if found.stdout else ''}".strip()
        try:
            seccomp_rules.program(landlock=False, gpu=False)
        except (ImportError, RuntimeError, OSError) as error:
            return f"{said} without seccomp: {' '.join(str(error).split())}"
        return f"{said} with seccomp"
    if level == "seatbelt":
        return "seatbelt (sandbox-exec; experimental)"
    from harness.landlock_rules import abi

    return f"landlock ABI {abi()} with seccomp"
