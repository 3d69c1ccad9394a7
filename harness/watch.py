"""Watching a training from outside: its clock, checkpoint, memory, processes, files and output."""

import contextlib
import math
import os
import subprocess
import time
from pathlib import Path
from threading import Event, Thread

from harness.contract import OUT
from harness.evaluation import Status
from harness.plain import plain
from harness.process_tree import busy_seconds, cpu_seconds, resident_mb, unlinked_mb
from harness.sandbox import Process
from harness.untrusted import weigh

POLL_S = 0.1
LOOK_S = 0.5  # between looks at memory and processes
WEIGH_S = 3.0  # between looks at the size of its folder
LOG_BYTES = 256 * 2**10  # kept of what a training prints: the first half, and the last
FOLDER_MB = 4096
PROCESSES = 256
ENTRIES = 50_000  # files and folders


class Stopped(Exception):
    """Somebody wants it to end."""


class Watch:
    """Looks at a running training: its clock, checkpoint, memory, processes and files."""

    def __init__(
        self,
        work: Path,
        process: Process,
        kill_s: float,
        memory_mb: int | None,
        folder_mb: int,
        cores: tuple[int, ...] = (),
    ) -> None:
        """`kill_s` after the spawn it is ended; `memory_mb` None: memory is not limited; `cores`
        are those that it may use, none: any."""
        self.work, self.process, self.cores = work, process, cores
        self.kill_s, self.memory_mb, self.folder_mb = kill_s, memory_mb, folder_mb
        self.checkpoint = work / OUT / "checkpoint.pt"
        self.metrics = work / OUT / "metrics.jsonl"
        self.spawned = time.monotonic()
        self.train_s = self.cpu_s = 0.0
        self.others_s: float | None = None  # CPU seconds of other work on its cores
        self._busy_before = busy_seconds(cores)
        self.saved_at: float | None = None  # seconds after the spawn of the last rename seen
        self.began_at: float | None = None  # seconds after the spawn that its metrics began
        self.peak_mb: float | None = None
        self._signature: tuple[int, int, int] | None = None

    def until_the_end(self, stop: Event) -> tuple[Status, str] | None:
        """None when it ended by itself, else why it must be ended. Raises Stopped."""
        next_look = next_weighing = 0.0
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.popen.wait(timeout=POLL_S)
            self.train_s = time.monotonic() - self.spawned
            self._look_at_files()
            if self.process.popen.returncode is not None:
                return None
            if stop.is_set():
                raise Stopped
            if self.train_s > self.kill_s:
                return "timeout", f"still running after {self.kill_s:.0f} s"
            ended = None
            if self.train_s >= next_look:
                next_look = self.train_s + LOOK_S
                ended = self._look_at_processes()
            if ended is None and self.train_s >= next_weighing:
                ended = self._weigh()
                next_weighing = time.monotonic() - self.spawned + WEIGH_S
            if ended is not None:
                return ended

    def _weigh(self) -> tuple[Status, str] | None:
        found = weigh(self.work, most_mb=self.folder_mb, most_entries=ENTRIES)
        mb = found.mb + unlinked_mb(self.process.popen, on=self.work)
        if mb > self.folder_mb:
            return "crash", f"wrote {mb:.0f} MB; the limit is {self.folder_mb} MB"
        if found.entries > ENTRIES:
            return "crash", f"made more than {ENTRIES} files; that is the limit"
        if not found.is_open:
            return "crash", "made a folder that cannot be read, or is too deep to be named"
        return None

    def _look_at_files(self) -> None:
        """By polling and not by its times, which a process may set and a clock may move."""
        if self.began_at is None:
            with contextlib.suppress(OSError):
                self.began_at = self.train_s if os.lstat(self.metrics).st_size else None
        try:
            found = os.lstat(self.checkpoint)
        except OSError:
            return
        signature = (found.st_ino, found.st_mtime_ns, found.st_size)
        if signature != self._signature:
            self._signature, self.saved_at = signature, self.train_s

    def _look_at_processes(self) -> tuple[Status, str] | None:
        popen, most = self.process.popen, self.memory_mb or math.inf
        self.cpu_s = max(self.cpu_s, cpu_seconds(popen))
        busy = busy_seconds(self.cores)
        if busy is not None and self._busy_before is not None:
            self.others_s = max(0.0, busy - self._busy_before - self.cpu_s)
        mb, count = resident_mb(popen)
        self.peak_mb = max(self.peak_mb or 0.0, round(mb, 1))
        if mb > most:
            return "out_of_memory", f"used {mb:.0f} MB of memory; the limit is {most:.0f} MB"
        if count > PROCESSES:
            return "crash", f"started {count} processes; the limit is {PROCESSES}"
        return None


class Log:
    """Reads what a process prints, to the end, and keeps its beginning and its end."""

    def __init__(self, process: Process) -> None:
        self.head, self.tail, self.cut = b"", b"", 0
        assert process.popen.stdout
        self.stream = process.popen.stdout
        self.thread = Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        half = LOG_BYTES // 2
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(self.stream.fileno(), 1 << 16):
                room = half - len(self.head)
                self.head += piece[:room]
                self.tail += piece[room:]
                if len(self.tail) > 2 * half:
                    self.cut += len(self.tail) - half
                    self.tail = self.tail[-half:]

    def end(self) -> None:
        """Once nothing writes to it any more."""
        self.thread.join(timeout=5)
        if not self.thread.is_alive():
            self.stream.close()
        if len(self.tail) > LOG_BYTES // 2:
            self.cut += len(self.tail) - LOG_BYTES // 2
            self.tail = self.tail[-(LOG_BYTES // 2) :]

    def content(self) -> bytes:
        gap = f"\n[... {self.cut} bytes left out ...]\n".encode() if self.cut else b""
        return self.head + gap + self.tail

    def last_line(self) -> str:
        """The last line that says something, as plain text of at most 300 characters."""
        lines = (self.head + self.tail)[-4096:].decode(errors="replace").split("\n")
        return plain(next((line for line in reversed(lines) if line.strip()), ""))[:300]
