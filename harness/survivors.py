"""Processes of a killed harness that outlived it: found and ended by the next start.

A supervisor ends all below it when its harness is gone; this is for the case that both were killed
at once. What a dead supervisor's mark is on is ended, whichever campaign it was of; and what still
works in this campaign's scratch folder, or was given it as its home.
"""

import contextlib

import psutil

from harness.orphans import end_orphans
from harness.state import State


def end_survivors(state: State) -> int:
    """How many there were, a group counted once. Processes of other users are not looked at."""
    groups = end_orphans()
    mark = str(state.scratch)
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            home = process.environ().get("HOME", "")
            if process.pid != psutil.Process().pid and (
                process.cwd().startswith(mark) or home.startswith(mark)
            ):
                found.append(process)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=5)
    return groups + len(found)
