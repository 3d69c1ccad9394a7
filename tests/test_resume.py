"""SIGKILL of the harness anywhere, and a resume that ends as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DRIVER = Path(__file__).with_name("kill_driver.py")
SHARES = 2


def test_killed_before_every_append_and_git_step(tmp_path):
    """Every kill point, torn lines too: same experiments, verdicts, sources, branch, checkout, and
    sealed sets, none opened twice."""
    running = []
    for share in range(SHARES):
        folder = tmp_path / str(share)
        folder.mkdir()
        command = [sys.executable, str(DRIVER), str(folder), str(share), str(SHARES)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        running.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
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
