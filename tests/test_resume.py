"""SIGKILL of the harness anywhere, and a resume that ends as if nothing had happened."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DRIVER = Path(__file__).with_name("kill_driver.py")
SIDE_BY_SIDE = 2
OF = 3  # parts of the kill points; one of them at a time where not all are tried


@pytest.mark.long
@pytest.mark.parametrize("part", range(OF))
def test_killed_before_every_append_and_git_step(part, tmp_path):
    """Every kill point, torn lines too: same experiments, verdicts, sources, branch, checkout, and
    sealed sets, none opened twice."""
    kill(part, tmp_path)


def test_killed_before_every_third_append_and_git_step(tmp_path):
    """The same at a third of the points, another one each time."""
    kill(random.randrange(OF), tmp_path)


def kill(part, tmp_path):
    print(f"part {part} of {OF}")
    running = []
    for share in range(SIDE_BY_SIDE):
        folder = tmp_path / str(share)
        folder.mkdir()
        points = [str(part + OF * share), str(OF * SIDE_BY_SIDE)]
        running.append(
            subprocess.Popen(
                [sys.executable, str(DRIVER), str(folder), *points],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    said = [json.loads(process.communicate(timeout=300)[0]) for process in running]
    points, verdicts = said[0]["points"], said[0]["verdicts"]
    standings = said[0]["standings"]
    print(f"{points} kill points; verdicts {[v for _, v, _ in verdicts]}; standings {standings}")
    assert points > 200
    assert [decision for _, decision, _ in verdicts] == [
        "keep",
        "keep",
        "keep",
        "crash",
        "discard",
        "crash",
        "keep",
    ]
    assert standings == [None, "confirmed", "confirmed", None, None, None, "withdrawn"]
    opened = [(number, candidate, why) for number, candidate, _, why in said[0]["sealed"]]
    assert opened == [(1, 2, "the end of the campaign"), (2, 2, "thinker seal")]
    assert [different for one in said for different in one["different"]] == []
