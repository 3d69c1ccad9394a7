"""A terminal for programs under test: a pty, and what its screen shows."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time

from conftest import environment

CODE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


class Terminal:
    """Knows the codes that the view writes and no more. Use it in a `with` statement."""

    def __init__(self, columns=100, lines=30):
        self.master, self.slave = pty.openpty()
        self.raw, self.lines, self.is_alternate = "", {}, False
        self._row = self._column = 0
        self.resize(columns, lines)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        self.process = None

    def start(self, project, *words):
        """`thinker` with these words, at home in this terminal."""
        home = environment(project) | {"TERM": "xterm-256color"}
        del home["COLUMNS"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness", *words],
            cwd=project,
            env=home,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
        )
        return self.process

    def resize(self, columns, lines):
        self.columns = columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys.encode())

    def close(self):
        """As a window is closed: what writes to it gets an error."""
        os.close(self.slave)
        os.close(self.master)
        self.slave = None

    @property
    def text(self):
        return "\n".join(self.lines.get(row, "") for row in range(max(self.lines, default=-1) + 1))

    def until(self, words, seconds=60.0):
        deadline = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < deadline, f"no {words!r} in:\n{self.text}"
            time.sleep(0.05)

    def _read(self):
        pending = b""
        with contextlib.suppress(OSError):
            while piece := os.read(self.master, 1 << 16):
                pending += piece
                try:
                    text, pending = pending.decode(), b""
                except UnicodeDecodeError:
                    continue
                self.raw += text
                self._show(text)

    def _show(self, text):
        place = 0
        for found in CODE.finditer(text):
            self._put(text[place : found.start()])
            place = found.end()
            numbers, letter = found.groups()
            if letter == "H":
                self._row, self._column = (int(n) - 1 for n in (numbers or "1;1").split(";"))
            elif letter == "J" or (numbers == "?1049" and letter in "hl"):
                self.lines = {}
                self._row = 0 if letter != "J" else self._row
                self.is_alternate = letter == "h" or (letter == "J" and self.is_alternate)
            elif letter == "K":
                self.lines[self._row] = self.lines.get(self._row, "")[: self._column]
        self._put(text[place:])

    def _put(self, text):
        for character in text:
            if character == "\n":
                self._row += 1
            elif character == "\r":
                self._column = 0
            else:
                line = self.lines.get(self._row, "").ljust(self._column)
                self.lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
                self._column += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.slave is not None:
            self.close()
