"""One child process that holds a solver: started, told what to load, asked, killed.

Covered: a solver that raises, hangs, floods, dies, leaves processes behind or answers out of turn.
What it may read or send meanwhile is the sandbox's.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

from harness import checkpoint as checkpoint_file
from harness import sandbox
from harness.confinement import Box
from harness.process_tree import cpu_seconds

if TYPE_CHECKING:
    from harness.checkpoint import Checkpoint

CHILD = Path(__file__).with_name("solve_child.py")
POLL_S = 0.2
USUAL_PROBLEMS = 500  # a level
LATE = "after the time limit"
HUNG = "did not answer in time"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a solver may take. Start-up and the import of torch are not part of `solve_s`."""

    solve_s: float = 90.0  # process CPU seconds on a CPU, wall seconds on a GPU, for one pass
    wall_factor: float = 4.0  # wall seconds for each second of solve_s before a pass is given up
    start_s: float = 180.0  # wall seconds to start Python and import torch
    train_s: float = 120.0  # wall seconds for the zero-step control's train.py
    reply_bytes: int = 4_000_000  # one reply
    answer_chars: int = 4_096  # one answer; a longer one is wrong
    deaths: int = 3  # times that the solver's process is started again in one pass

    @classmethod
    def of(cls, problems: int) -> "Limits":
        """By hand: so much longer as more problems a level are asked than a campaign asks."""
        share, usual = max(1.0, problems / USUAL_PROBLEMS), cls()
        return cls(solve_s=usual.solve_s * share, reply_bytes=int(usual.reply_bytes * share))


@dataclass(frozen=True, slots=True)
class Solver:
    """A solver slice, the checkpoint it is to load, the device (cpu, cuda or mps), and where."""

    source: str
    checkpoint: "Checkpoint"
    device: str
    place: sandbox.Place


class Unusable(Exception):
    """There will be no reply from this process; the text is the batch's error."""


class Late(Unusable):
    """The pass has used up its seconds."""


class Hung(Unusable):
    """The wall clock ran out although few seconds were used."""


class SolverProcess:
    """Seconds are counted from the import of torch on; `left_s` and `left_wall_s` end it."""

    def __init__(self, solver: Solver, limits: Limits, left_s: float, left_wall_s: float) -> None:
        self.solver, self.limits = solver, limits
        self.left_s, self.left_wall_s = left_s, left_wall_s
        self.seconds = self.wall_s = 0.0  # since torch was imported; frozen once closed
        self.imported_at: float | None = None
        self.started_at = time.monotonic()
        self.scratch = TemporaryDirectory(prefix="thinker-", ignore_cleanup_errors=True)
        folder = Path(self.scratch.name)
        checkpoint_file.write(solver.checkpoint, folder / "checkpoint.pt")
        shutil.copyfile(CHILD, folder / CHILD.name)
        box = Box(
            folder,
            environment=sandbox.scrub(folder, device=solver.device),
            gpu=solver.device == "cuda",
        )
        self.sandboxed = sandbox.start(
            solver.place.sandbox,
            solver.place.within(box),
            [sys.executable, "-I", str(folder.resolve() / CHILD.name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.process = self.sandboxed.popen
        self.thread: Thread | None = None

    def load(self) -> str:
        """Import torch, then the solver; the solver's error in our words, or empty."""
        if self._exchange(None).get("id") != "imported":
            raise Unusable("the solver's process could not start")
        self.cpu_at_import = cpu_seconds(self.process)
        self.imported_at = time.monotonic()
        solver = self.solver
        job = {"source": solver.source, "checkpoint": "checkpoint.pt", "device": solver.device}
        reply = self._exchange(job)
        if reply.get("id") != "loaded":
            raise Unusable("answered out of turn")
        return f"load_solver {_raised(reply)}" if "error" in reply else ""

    def ask(self, number: int, batch: Sequence[str]) -> tuple[tuple[str | None, ...], str]:
        reply = self._exchange({"id": number, "questions": list(batch)})
        if reply.get("id") != number:
            raise Unusable("answered out of turn")
        if "error" in reply:
            return (), _raised(reply)
        answers = reply.get("answers")
        if not isinstance(answers, list):
            return (), "answered something other than a list"
        if len(answers) != len(batch):
            return (), f"answered {len(answers)} of {len(batch)} questions"
        if not all(isinstance(answer, str) for answer in answers):
            return (), "answered something other than text"
        longest = self.limits.answer_chars
        return tuple(a if len(a) <= longest else None for a in answers), ""

    def close(self) -> None:
        self._read_clocks()
        self.sandboxed.kill()
        if self.thread:
            self.thread.join(timeout=1.0)
        if not self.thread or not self.thread.is_alive():
            for stream in (self.process.stdin, self.process.stdout):
                if stream:
                    stream.close()
        self.scratch.cleanup()

    def _exchange(self, message: dict[str, Any] | None) -> dict[str, Any]:
        """Send a line, wait for a line; raise Unusable, Late or Hung when none comes."""
        line = b"" if message is None else json.dumps(message).encode() + b"\n"
        inbox: SimpleQueue[bytes] = SimpleQueue()
        self.thread = Thread(target=self._talk, args=(line, inbox), daemon=True)
        self.thread.start()
        reply: bytes | None = None
        while reply is None:
            with contextlib.suppress(Empty):
                reply = inbox.get(timeout=POLL_S)
            self._check_clocks()
        if len(reply) > self.limits.reply_bytes:
            raise Unusable("reply too long")
        if not reply.endswith(b"\n"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=5)
            raise Unusable(f"the solver's process ended ({_ending(self.process.returncode)})")
        try:
            parsed = json.loads(reply)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise Unusable("answered out of turn")
        return parsed

    def _talk(self, line: bytes, inbox: "SimpleQueue[bytes]") -> None:
        """In a thread of its own: pipes block, and Windows cannot wait on them with a deadline."""
        reply = b""
        assert self.process.stdin
        assert self.process.stdout
        with contextlib.suppress(OSError, ValueError):
            while line:
                line = line[self.process.stdin.write(line) or 0 :]
            while not reply.endswith(b"\n") and len(reply) <= self.limits.reply_bytes:
                piece = os.read(self.process.stdout.fileno(), 1 << 20)
                if not piece:
                    break
                reply += piece
        inbox.put(reply)

    def _read_clocks(self) -> None:
        if self.imported_at is None:
            return
        self.wall_s = time.monotonic() - self.imported_at
        if self.solver.device == "cpu":
            self.seconds = max(self.seconds, cpu_seconds(self.process) - self.cpu_at_import)
        else:
            self.seconds = self.wall_s

    def _check_clocks(self) -> None:
        self._read_clocks()
        if self.seconds > self.left_s:
            raise Late(LATE)
        if self.wall_s > self.left_wall_s:
            raise Hung(HUNG)
        if self.imported_at is None and time.monotonic() - self.started_at > self.limits.start_s:
            raise Hung(HUNG)


def _raised(reply: dict[str, Any]) -> str:
    name = reply.get("error")
    is_name = isinstance(name, str) and name.isidentifier() and name.isascii() and len(name) <= 60
    return f"raised {name}" if is_name else "raised an exception"


def _ending(code: int | None) -> str:
    """The supervisor passes a signal on as 128 + its number."""
    if code is None:
        return "it closed its stream"
    return f"signal {abs(code) % 128}" if code < 0 or code > 128 else f"exit code {code}"
