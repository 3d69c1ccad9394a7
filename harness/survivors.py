"""Processes of a killed harness that outlived it: found by where they work, and ended.

A supervisor ends all below it when its harness is gone; this is for the case that both were killed
at once. What still works in the campaign's scratch folder, or was given it as its home, is ours.
"""

import contextlib

import psutil

from harness.state import State


def end_survivors(state: State) -> int:
    """How many there were. Processes of other users are not looked at."""
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
    return len(found)
