"""Campaigns on disks that are full or cannot be written to: they wait, say so, and lose nothing."""

import signal
import subprocess
import threading
from pathlib import Path

import pytest
from conftest import (
    begin,
    board,
    fill,
    make_project,
    mounted,
    of_campaign,
    thinker,
    toy_source,
    training,
    until,
)

DATA = Path(__file__).with_name("data")
WORDS = ("run", "--tag", "night", "--researcher", "list", DATA / "eight.jsonl")
REHEARSED = (*WORDS, "--rehearse")
TRAINED = (*WORDS, "--experiments", "1", "--budget-s", "10", "--max-steps", "60", "--problems", "5")


@pytest.fixture
def project(tmp_path):
    """A project whose results/ is a disk of 120 MB."""
    project = make_project(tmp_path / "project", toy_source())
    with mounted(project / "results", "120m"):
        yield project


class Reader:
    """What a process says, as it says it."""

    def __init__(self, process):
        self.process, self.text = process, ""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.text += line

    def ended(self):
        code = self.process.wait(timeout=120)
        self.thread.join()
        self.process.stdout.close()
        return code


def take(disk, mb):
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(mb * 2**20))
    return ballast


def test_nothing_begins_without_room(project):
    """Under 64 MB it waits and says for what; with room it goes on and ends well."""
    ballast = take(project / "results", 80)
    said = Reader(begin(project, *REHEARSED))
    until(lambda: "a trial needs 64: waiting for room" in said.text)
    assert board(project)[0]["verdict"] == "waiting"
    ballast.unlink()
    assert said.ended() == 0, said.text
    assert len(board(project)) == 9


def test_a_disk_that_fills_amid_a_campaign(project):
    """The ledger waits for room with what a trial came to; given up, the resume loses nothing."""
    said = Reader(begin(project, *TRAINED))
    until(lambda: training(project))
    ballast = fill(project / "results")
    until(lambda: "waiting for room" in said.text, 120)
    said.process.send_signal(signal.SIGINT)
    until(lambda: "once more ends it at once" in said.text)
    said.process.send_signal(signal.SIGINT)
    assert said.ended() == 130, said.text
    assert "runs again on resume" in said.text or "stopped by hand" in said.text
    ballast.unlink()
    code, out = thinker(project, *TRAINED)
    assert code == 0, out
    rows = board(project)
    assert [row["id"] for row in rows] == [0, 1]
    assert {row["status"] for row in rows} == {"ok"}
    assert of_campaign(project) == []


def test_a_disk_that_cannot_be_written_to(project):
    """One line that names the file and the remedy; once it can be written, the run begins."""
    results = project / "results"
    subprocess.run(["mount", "-o", "remount,ro", str(results)], check=True)
    code, out = thinker(project, *REHEARSED)
    assert code == 1, out
    assert f"{results / 'night'}: Read-only file system" in out
    assert "Traceback" not in out
    subprocess.run(["mount", "-o", "remount,rw", str(results)], check=True)
    assert thinker(project, *REHEARSED)[0] == 0
    assert len(board(project)) == 9


def test_a_state_folder_without_room(tmp_path):
    """Where secret and harness do not fit, nothing has begun, and the file is named."""
    project = make_project(tmp_path / "project", toy_source())
    with mounted(tmp_path / "state", "512k") as state:
        ballast = fill(state)
        code, out = thinker(project, *REHEARSED)
        assert code == 1, out
        assert str(state) in out
        assert "No space left on device" in out
        assert not (project / "results").exists()
        ballast.unlink()
