"""`thinker stop`: ask a running campaign to end, and wait until it has."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from harness import ledger as ledger_file
from harness.errors import Misuse
from harness.paint import tell
from harness.reading import RESULTS, read_at
from harness.schedule import trial_s
from harness.stage import since
from harness.status import read_status
from harness.strokes import clock

STOP_S = 3600.0


def stop(tag: str | None, now: bool, most_s: float = STOP_S) -> int:
    """Returns when the campaign has ended, 1 where it has not within `most_s`. Raises Misuse."""
    running = [
        (path, pid)
        for path in (Path.cwd() / RESULTS).glob("*/ledger.jsonl")
        if (pid := ledger_file.writer_of(path)) and tag in (None, path.parent.name)
    ]
    if not running:
        what = f"the campaign {tag} is not" if tag else "no campaign is"
        raise Misuse(f"{what} running here; thinker board shows what there is")
    if len(running) > 1:
        tags = ", ".join(path.parent.name for path, _ in running)
        raise Misuse(f"several campaigns are running ({tags}); name one")
    path, pid = running[0]
    os.kill(pid, signal.SIGTERM if now else signal.SIGUSR1)
    asked = f"asked {path.parent.name}, process {pid}, to"
    if now:
        tell(f"{asked} end at once")
    else:
        trials = "; ".join(_trials(path, pid))
        runs = f"what runs ({trials})" if trials else "what runs"
        tell(f"{asked} finish {runs}, then end")
        tell("thinker stop --now ends it at once")
    deadline = time.monotonic() + most_s
    while ledger_file.writer_of(path) == pid and time.monotonic() < deadline:
        time.sleep(0.1)
    if ledger_file.writer_of(path) != pid:
        return 0
    tell(f"{path.parent.name} is at work still and will end by itself")
    return 1


def _trials(path: Path, pid: int) -> Iterator[str]:
    """What the harness says that it runs, and how long that may take yet."""
    status = read_status(path.parent)
    if status is None or status.pid != pid:
        return
    expected_s = trial_s(read_at(path)[0].history)
    for each in status.running:
        left_s = expected_s - (since(each.since, datetime.now(UTC)) or 0.0)
        left = f"some {clock(left_s)} left" if left_s > 1 else "nearly done"
        yield f"experiment {each.experiment}, {left}"
