"""What the live view costs: share of a core for redrawing it, with 1,000 experiments."""

import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.thousand import make_ledger
from harness.contract import OUT
from harness.follow import Follower
from harness.health import look
from harness.history import History
from harness.live import EVERY_S, HEALTH_S
from harness.picture import render
from harness.screen import drawn
from harness.stage import Stage
from harness.status import Running, Status

EXPERIMENTS, SLOTS = 1000, 2
SIZES = ((80, 24), (120, 40), (200, 60))
PICTURES = 40
MOST_SHARE = 0.02  # of a core


def view(row: Callable[[str, str, str, str, bool], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results, scratch = Path(folder) / "results", Path(folder) / "scratch"
        path = make_ledger(results, EXPERIMENTS)
        began = time.process_time()
        follower = Follower(path)
        follower.look()
        read_s = time.process_time() - began
        row(f"view: read {EXPERIMENTS} experiments, once", "", f"{read_s:.2f} s", "", True)
        history = follower.history
        status, stage = at_work(history, scratch), Stage(results, scratch)
        now = datetime.fromisoformat(history.last_at)
        began = time.process_time()
        stage.scene(history, status, None, writer=1, now=now)
        believed_s = time.process_time() - began
        row("view: what is believed of them, a trial", "", f"{believed_s:.2f} s", "", True)
        began = time.process_time()
        look((), results, scratch)
        health_s = (time.process_time() - began) * EVERY_S / HEALTH_S
        for width, height in SIZES:
            began = time.process_time()
            for number in range(PICTURES):
                moment = now + timedelta(seconds=number)
                scene = stage.scene(history, status, None, writer=1, now=moment)
                drawn(render(scene, width, height), (width, height), "truecolor")
            share = ((time.process_time() - began) / PICTURES + health_s) / EVERY_S
            name = f"view: redraw {width} x {height} every {EVERY_S:g} s, of a core"
            row(name, f"< {MOST_SHARE:.0%}", f"{share:.2%}", "", share < MOST_SHARE)


def at_work(history: History, scratch: Path) -> Status:
    """Two slots that train what was tried last, with curves that grow to some length."""
    numbers = [*history.records][-SLOTS:]
    for number in numbers:
        folder = scratch / f"{number:04d}-7" / OUT
        folder.mkdir(parents=True)
        lines = (
            f'{{"step": {i}, "seconds": {i / 2}, "samples": {i * 64}, "loss": {9 / (i + 1)},'
            f' "exact_match": {{"add:4": {i / 600}, "copy:8": {i / 500}}}}}\n'
            for i in range(500)
        )
        (folder / "metrics.jsonl").write_text("".join(lines))
    since = history.last_at
    running = tuple(Running(slot, number, 7, since) for slot, number in enumerate(numbers))
    return Status(1, since, running, thinking_since=since)
