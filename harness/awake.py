"""Keeping the machine awake while a campaign runs, where its system can be asked to.

systemd-inhibit and caffeinate hold their lock for as long as a command runs: here `cat`, whose
input is a pipe that ends with this process, however it ends.
Not covered: a closed lid where the system is set to sleep then, and a person who says so.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator

INHIBIT = ["systemd-inhibit", "--what=sleep:idle", "--who=thinker", "--why=a campaign is running"]
CAFFEINATE = ["caffeinate", "-i", "-s"]
REFUSED_S = 0.5  # within which it says no


@contextlib.contextmanager
def awake() -> Iterator[str]:
    """What a person is to be told where the machine may fall asleep; empty where it will not."""
    holder = CAFFEINATE if sys.platform == "darwin" else INHIBIT
    if shutil.which(holder[0]) is None:
        yield f"not prevented ({holder[0]} is missing): keep this machine awake"
        return
    process = subprocess.Popen(
        [*holder, "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the campaign
    )
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=REFUSED_S)
        if process.returncode is None:
            yield ""
        else:
            assert process.stderr
            said = process.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
            why = " ".join([holder[0], "refuses:", *said]).partition(": No such file")[0][:60]
            yield f"not prevented ({why}): keep this machine awake"
    finally:
        for stream in (process.stdin, process.stderr):
            if stream:
                stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        process.kill()
        process.wait()
