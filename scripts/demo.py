"""`make demo`: a campaign of real trainings in four minutes, with no key and no GPU.

The offline researcher tunes train.py on short addition and copying; each edit is trained for some
seconds, scored on problems that it never saw, and kept or dropped. Whatever it finds is shown.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from harness.campaign import is_used
from harness.errors import Misuse
from harness.sandbox import NoSandbox, choose

PROJECT = Path(__file__).resolve().parent.parent
EXPERIMENTS = "4"
SETTINGS = ["--researcher", "offline", "--experiments", EXPERIMENTS]
SETTINGS += ["--tasks", "add:1-4,copy:1-8", "--budget-s", "20", "--problems", "50"]
SETTINGS += ["--seeds", "1", "--reserve", "0", "--slots", "1", "--device", "cpu"]


def main() -> int:
    thinker = [sys.executable, "-m", "harness"]
    os.chdir(PROJECT)
    try:
        tags = ["demo", *(f"demo-{n}" for n in range(2, 1000))]
        tag = next(tag for tag in tags if not is_used(PROJECT, tag))
    except Misuse as misuse:
        print(f"demo: {misuse}", file=sys.stderr)
        return 2
    sandbox = "auto"
    try:
        choose()
    except NoSandbox:
        print("No sandbox works here; the demo's edits are our own, and run without one.")
        sandbox = "none"
    signal.signal(signal.SIGINT, lambda number, frame: None)  # Ctrl-C is the campaign's to answer
    code = subprocess.run(
        [*thinker, "run", "--tag", tag, *SETTINGS, "--sandbox", sandbox]
    ).returncode
    if code == 0:
        print(flush=True)
        subprocess.run([*thinker, "board", tag], check=True)
        print(
            f"\nthinker show 1 and thinker diff 1 have the details; git log autoresearch/{tag} the"
            " kept ones.\ndocs/BOARD.md says how to delete it."
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
