"""The whole thing on the real train.py: twelve edits, killed five times at random moments."""

import random
import shutil
import time
from pathlib import Path

import pytest
from conftest import (
    ROOT,
    begin,
    board,
    fingerprint_of,
    git,
    make_project,
    of_campaign,
    scratch_of,
    thinker,
)

from harness.experiment import Tried
from harness.ledger import read

DATA = Path(__file__).with_name("data")
KILLS = 5


@pytest.mark.long
def test_twelve_edits_and_five_kills(tmp_path):
    """Baseline and twelve experiments, none twice, none lost; nothing is left, nothing touched."""
    project = make_project(tmp_path / "project", (ROOT / "train.py").read_text())
    (project / "tests" / "data").mkdir(parents=True)
    shutil.copyfile(DATA / "twelve.jsonl", project / "tests" / "data" / "twelve.jsonl")
    words = ("run", "--researcher", "list", "tests/data/twelve.jsonl")
    words += ("--budget-s", "15", "--experiments", "12")
    before = fingerprint_of(project)
    for kill in range(KILLS):
        process = begin(project, *words)
        wait_s = random.uniform(3, 90)
        print(f"kill {kill + 1} after {wait_s:.1f} s")
        time.sleep(wait_s)
        assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 15
        while of_campaign(project) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert of_campaign(project) == []
    code, out = thinker(project, *words, timeout=1800)
    print(out)
    assert code == 0, out
    rows = board(project)
    assert [row["id"] for row in rows] == list(range(13))
    assert all(row["trials"] == 1 for row in rows[1:] if row["verdict"] == "discard")
    tried = [entry.event.outcome for entry in read(next(project.glob("results/*/ledger.jsonl")))
             if isinstance(entry.event, Tried)]  # fmt: skip
    assert len({(outcome.experiment, outcome.seed) for outcome in tried}) == len(tried)
    assert {row["status"] for row in rows} <= {"ok", "not_learned"}
    assert {row["verdict"] for row in rows} <= {"keep", "discard"}
    refs = git(project, "for-each-ref", "--format=%(refname)", "refs/autoresearch").splitlines()
    assert len([ref for ref in refs if ref.rpartition("/")[2].isdecimal()]) == 13
    assert of_campaign(project) == []
    assert scratch_of(project) == []
    assert fingerprint_of(project) == before
