"""The machine is kept awake for as long as a campaign's process lives, where it can be asked to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.awake import awake

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="campaigns do not run on Windows")


@pytest.fixture
def inhibitor(tmp_path, monkeypatch):
    """Puts a stand-in for the system's inhibitor first on the path; it is told how to behave."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def behave(script):
        for name in ("systemd-inhibit", "caffeinate"):
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return tmp_path / "log"

    return behave


HOLD = 'echo "$$ $*" > "$(dirname "$0")/../log"; for last; do :; done; exec "$last"'


def test_the_lock_is_held_and_let_go(inhibitor):
    """It lasts as long as the work, says nothing, and leaves no process."""
    log = inhibitor(HOLD)
    with awake() as told:
        assert told == ""
        pid, _, words = log.read_text().partition(" ")
        assert psutil.pid_exists(int(pid))
        assert words.split()[-1] == "cat"
    assert not psutil.pid_exists(int(pid))


def test_a_killed_harness_lets_it_go(inhibitor):
    """SIGKILL leaves nothing that would keep the machine awake for ever."""
    log = inhibitor(HOLD)
    code = "from harness.awake import awake\nimport time\nwith awake(): time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    deadline = time.monotonic() + 20
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    pid = int(log.read_text().split()[0])
    process.send_signal(signal.SIGKILL)
    process.wait()
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_a_refusal_is_told(inhibitor):
    """The plan says that the machine may fall asleep, and why."""
    inhibitor("echo 'Failed to connect to bus' >&2; exit 1")
    with awake() as told:
        assert "Failed to connect to bus" in told
        assert "keep this machine awake" in told


def test_a_missing_inhibitor_is_told(tmp_path, monkeypatch):
    """Nothing to ask is no error either."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with awake() as told:
        assert "is missing" in told
