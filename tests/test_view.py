"""The live view: what is drawn at three widths, from what, and that it is never in the way."""

import io
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import view_snapshots
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from test_gpu import driver as driver  # a fixture
from test_history import (
    START,
    after,
    experiment,
    history,
    judged,
    outcome,
    tried,
    with_baseline,
)

from harness.contract import OUT
from harness.doing import Doing
from harness.executor import Note
from harness.experiment import Closing, Proposed, Stopped, Trial, Tried
from harness.history import History
from harness.ledger import Entry
from harness.live import View, plan
from harness.picture import line_of, render
from harness.running_curve import VALUES, RunningCurve
from harness.scene import Curve
from harness.screen import drawn
from harness.sparks import BARS, sparks
from harness.stage import Stage
from harness.status import Publisher, Running, Status, read_status, write_status

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 1, 31, 23, 0, tzinfo=UTC)


def text_of(scene, width=100, height=40):
    return "\n".join(drawn(render(scene, width, height), (width, height)))


@pytest.mark.parametrize(("width", "height"), view_snapshots.SIZES.items())
def test_the_picture_is_as_it_was_looked_at(width, height):
    """At 80, 120 and 200 columns (python tests/view_snapshots.py writes them anew)."""
    path = view_snapshots.DATA / f"view-{width}.txt"
    assert view_snapshots.text(width, height) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1, 8, 20, 79, 80, 81, 133, 400])
@pytest.mark.parametrize("height", [1, 5, 24, 100])
def test_a_picture_fits_its_terminal(width, height):
    """No line is wider, none too many, and nothing in it moves a cursor, whatever texts say."""
    lines = drawn(render(view_snapshots.scene(), width, height), (width, height))
    assert len(lines) <= height
    for line in lines:
        assert cell_len(line) <= width
        assert line.isprintable()


def test_trouble_is_never_left_out():
    """On a low terminal the machine gives way, and not what somebody must know."""
    note = "7 MB are free: waiting for room"
    shown = text_of(view_snapshots.scene(notes=(note,)), 80, 24)
    assert note in shown


@pytest.mark.parametrize("slots", [8, 16])
def test_many_slots_leave_room_for_verdicts(slots):
    """A line each, and then the first of them; a note and the newest verdicts still stand there."""
    scene = view_snapshots.scene(notes=("waiting for room",))
    many = tuple(replace(scene.slots[0], number=number) for number in range(slots))
    shown = text_of(replace(scene, slots=many), 80, 24).splitlines()
    assert sum(line.startswith("slot ") for line in shown) >= 8
    assert any("slots more" in line for line in shown) == (slots == 16)
    assert any(line.lstrip().startswith("21 ") for line in shown)
    assert any(line.startswith("waiting for room") for line in shown)


def test_what_can_be_pressed_and_what_a_trial_is():
    """Below all else, and above the slots, where there is room; neither once it is over."""
    shown = text_of(view_snapshots.scene(), 80, 60).splitlines()
    assert shown[-1].startswith("Ctrl-C: ")
    assert any(line.startswith("trials      900 s each") for line in shown)
    low = text_of(view_snapshots.scene(), 80, 16)
    assert "Ctrl-C" not in low
    assert "900 s each" not in low
    assert "Ctrl-C" not in text_of(view_snapshots.scene(keys=""), 80, 60)


def test_what_is_cut_says_so():
    """The heading, too."""
    lines = text_of(view_snapshots.scene(), 60, 40).splitlines()
    assert next(line for line in lines if "verdict" in line).endswith("…")


@pytest.mark.parametrize("width", [60, 70, 80, 100])
def test_time_left_is_not_cut(width):
    """Whatever else of a slot's line is: its bar gives way first."""
    lines = text_of(view_snapshots.scene(), width, 40).splitlines()
    assert "11:09 left of 15:40" in next(line for line in lines if line.startswith("slot 0"))


def test_the_end_of_what_was_tried_is_not_cut():
    """On a narrow terminal the noughts go first, and what was refused stays."""
    counts = "20 experiments: 7 kept (7 provisional), 12 discarded, 0 crashed, 1 refused"
    for width in (80, 100):
        shown = text_of(view_snapshots.scene(counts=counts), width, 40)
        assert "12 discarded" in shown
        assert "1 refused" in shown
        assert ("0 crashed" in shown) == (width == 100)


def test_the_first_trials_time_is_its_trainings():
    """Nobody knows yet how long scoring takes: it is said to follow, and nothing is past its
    time."""
    slot = replace(view_snapshots.scene().slots[0], is_guess=True, elapsed_s=20, expected_s=30)

    def first(slot):
        lines = text_of(view_snapshots.scene(slots=(slot,)), 80, 40).splitlines()
        return next(line for line in lines if line.startswith("slot 0"))

    assert "0:10 left of 0:30, then scoring" in first(slot)
    assert "0:42 gone" in first(replace(slot, elapsed_s=42))
    assert "of 0:30" not in first(replace(slot, elapsed_s=42))


def test_how_it_stands_goes_before_its_times():
    """At 80 columns what goes on with a killed campaign can be read to its end."""
    words = "its process is gone; thinker run --tag 20260131 goes on"
    first = text_of(view_snapshots.scene(state="away", state_words=words), 80).split("\n")[0]
    assert words in first


@given(st.text(), st.integers(1, 120))
def test_any_text_is_one_line(text, width):
    """Whatever a hypothesis is, its line holds the width and no control character."""
    told = replace(view_snapshots.told(2), hypothesis=text, reason=text)
    lines = drawn(render(view_snapshots.scene(told=(told,)), width, 60), (width, 60))
    assert all(line.isprintable() and cell_len(line) <= width for line in lines)
    assert line_of(told).isprintable()


def test_a_megabyte_is_drawn_at_once():
    """And again and again."""
    slot = replace(view_snapshots.scene().slots[0], hypothesis="\u0301x " * 350_000)
    scene = view_snapshots.scene(slots=(slot,) * 8)
    began = time.process_time()
    for _ in range(10):
        text_of(scene)
    assert time.process_time() - began < 2.0


def test_sparks():
    """Thinned out to the width, on the scale given or their own; what is flat is flat, and so is
    what has moved by less than is worth drawing."""
    assert sparks([0.0, 0.5, 1.0], 10, 0, 1) == BARS[0] + BARS[4] + BARS[7]
    assert sparks(range(100), 8) == BARS
    assert sparks([float(n) for n in range(100)], 4) == "▁▃▆█"
    assert sparks([3, 3], 8) == sparks([0.3, 0.301], 8, least=0.05) == BARS[0] * 2
    assert sparks([0.3, 0.325], 8, least=0.05) == BARS[0] + BARS[4]
    assert sparks([0.3, 0.4], 8, least=0.05) == BARS[0] + BARS[7]
    assert sparks([], 8) == sparks([1.0], 0) == ""
    assert len(sparks([1e308, -1e308, 1e308], 3)) == 3


# ---------------------------------------------------------------------------
# What it is drawn from
# ---------------------------------------------------------------------------


def at_work(tmp_path, state, *, began_s_ago=30):
    """A stage, and the status of a process in which experiment 1 trains."""
    since = (NOW - timedelta(seconds=began_s_ago)).isoformat()
    return Stage(tmp_path / "results", tmp_path / "scratch"), Status(
        7, NOW.isoformat(), (Running(0, 1, 5, since),), thinking_since=since
    )


def test_a_slot_tells_its_phase(tmp_path):
    """By what its folders hold: nothing yet, no figures, figures, a log."""
    state = after(with_baseline(), Proposed(experiment(1)))
    stage, status = at_work(tmp_path, state)

    def slot():
        return stage.scene(state, status, None, writer=7, now=NOW).slots[0]

    assert slot().phase == "waiting"
    work = tmp_path / "scratch" / "0001-5" / OUT
    work.mkdir(parents=True)
    assert slot().phase == "start-up"
    record = {"seconds": 1.0, "step": 10, "samples": 640, "exact_match": {"add:4": 0.5}}
    (work / "metrics.jsonl").write_text(json.dumps(record) + "\n")
    assert slot().phase == "training"
    mean = 0.5 / 5 / 4  # of four tasks with five levels each, those not asked yet as 0
    assert slot().curve == Curve("exact match", (mean,), 10, None)
    log = tmp_path / "results" / "experiments" / "0001" / "5" / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("")
    assert slot().phase == "scoring"
    assert (slot().elapsed_s, slot().expected_s, slot().is_guess) == (30, 3.0, False)
    young = history(Proposed(experiment(0)), Proposed(experiment(1)))
    assert stage.scene(young, status, None, writer=7, now=NOW).slots[0].is_guess


def test_the_plan_warns_of_sizes_that_nobody_has_measured():
    """copy:999 is no mistake, and its scoring takes long; add:1-200 is scored on the ladder."""

    def said(tasks):
        started = replace(START, settings=replace(START.settings, tasks=tasks))
        state = History.of([Entry(NOW.isoformat(), started)])
        return " ".join(plan(state, "none", {}, resumed=False, ends="never").split())

    assert "copy:999 is beyond the ladder (copy:128)" in said("copy:999")
    assert "beyond" not in said("add:1-200") + said(None)


def test_the_plan_says_what_pace_to_expect():
    """By the budget before the first trial, and afterwards by how long they took, scoring too."""
    young, old = history(), with_baseline()
    assert "less start-up and scoring" in plan(young, "none", {}, resumed=False, ends="never")
    said = plan(old, "none", {"sleep": "prevented", "notify": ""}, resumed=True, ends="never")
    assert "some 600.0 experiments an hour, as trials took of late" in said
    assert "notify" not in said


def test_how_a_campaign_stands(tmp_path):
    """Running, killed, stopped by hand, finished: each says what to do about it."""
    state = with_baseline()
    stage, status = at_work(tmp_path, state)

    def words(state, writer):
        return stage.scene(state, status, None, writer=writer, now=NOW)

    assert words(state, 7).state == "running"
    gone = words(state, None)
    assert (gone.state, gone.slots) == ("away", ())
    assert gone.elapsed_s == words(state, 7).elapsed_s, "its hours go on"
    assert "its process is gone; thinker run --tag t goes on" in gone.state_words
    amid = words(after(state, Proposed(experiment(1))), None).state_words
    assert amid == "unfinished: cut off amid #1; thinker run --tag t goes on"
    done = after(state, Proposed(experiment(1)), Tried(outcome(1, 5, 30)))
    assert "its process is gone; " in words(done, None).state_words, "its trial was recorded"
    by_hand = words(after(state, Stopped("stopped by hand", False)), None)
    assert by_hand.state == "stopped"
    assert by_hand.state_words == "unfinished: stopped by hand; thinker run --tag t goes on"
    past = after(state, Stopped("stopped by hand", False))
    deadline = "2026-01-31T22:30:00+00:00"
    past.started = replace(state.started, settings=replace(state.settings, deadline=deadline))
    assert words(past, None).state_words == "finished: its time is over (stopped by hand)"
    limited = after(state, Proposed(experiment(1)))
    limited.total = 4
    assert words(limited, 7).ends == "0 of 4 experiments", "what is proposed is not done"
    ended = words(after(state, Stopped("the deadline", True)), None)
    assert (ended.state, ended.done) == ("finished", 1.0)
    studied = words(after(state, Closing("1 experiment"), Stopped("1 experiment", True)), 7)
    assert (studied.state, studied.slots) == ("finished", ())
    assert studied.state_words.startswith("finished: 1 experiment; at work on it still: ablate")


def test_the_incumbents_line_and_verdicts(tmp_path):
    """A value a verdict, as believed now; the newest verdict first."""
    state = with_baseline(right=30)
    for number, right in ((1, 30), (2, 80), (3, 20)):
        state = after(state, Proposed(experiment(number)), *tried(number, right))
        state = judged(state, number)
    stage, status = at_work(tmp_path, state)
    scene = stage.scene(state, status, None, writer=7, now=NOW)
    assert [told.id for told in scene.told] == [3, 2, 1, 0]
    found = scene.incumbent
    assert found.id == 2
    assert found.line[0] == found.line[1] < found.line[2] == found.line[3] == found.accuracy
    assert "3 experiments: 1 kept" in scene.counts


def test_curves_grow_and_what_is_in_the_way_is_passed_over(tmp_path):
    """Torn lines, text, numbers without end, links, pipes and a file that begins anew."""
    folder = tmp_path / OUT
    folder.mkdir()
    path, curve = folder / "metrics.jsonl", RunningCurve(tmp_path)
    assert curve.look() == Curve()
    path.write_text('{"seconds": 1, "loss": 4.0}\n{"seconds": 2, "lo')
    assert curve.look().values == (4.0,)
    with path.open("a") as file:
        file.write('ss": 2.0}\nnonsense\n{"seconds": 3, "loss": NaN}\n{"seconds": "x"}\n[]\n')
        file.write('{"seconds": 4, "loss": 1e300, "step": -1, "exact_match": 3}\n')
    assert curve.look() == Curve("loss", (4.0, 2.0, 1e12), None, None)
    shares = {f"t{i}:1": 7 for i in range(3_000)} | {"copy:8": "x"}
    with path.open("a") as file:
        file.write(json.dumps({"seconds": 5, "exact_match": shares}) + "\n")
    found = curve.look()
    assert found == Curve("exact match", (1.0,), None, None)
    with path.open("a") as file:
        lines = (f'{{"seconds": {i}, "exact_match": {{"t1:1": 1}}}}\n' for i in range(9999))
        file.write("".join(lines))
    for _ in range(20):
        found = curve.look()
    assert found.name == "exact match"
    assert len(found.values) <= VALUES
    path.write_text('{"seconds": 1, "loss": 4.0}\n')
    assert curve.look() == Curve("loss", (4.0,), None, None)
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert RunningCurve(tmp_path).look() == Curve()
    path.unlink()
    os.mkfifo(path)
    assert RunningCurve(tmp_path).look() == Curve()


def test_status_is_replaced_whole_and_read_with_care(tmp_path):
    """What is no status is none; a newer harness's fields are passed over."""
    status = Status(7, "t", (Running(0, 1, 5, "s"),), note="n")
    write_status(tmp_path, status)
    path = tmp_path / "status.json"
    assert read_status(tmp_path) == status
    assert path.stat().st_mode & 0o777 == 0o600
    told = json.loads(path.read_text()) | {"newer": 1}
    path.write_text(json.dumps(told))
    assert read_status(tmp_path) == status
    for bad in ("", "[]", "{}", '{"pid": "7"}', "[" * 100_000, json.dumps(told | {"running": 3})):
        path.write_text(bad)
        assert read_status(tmp_path) is None
    target = tmp_path / "person"
    target.write_text("theirs")
    (tmp_path / "status.json.tmp").symlink_to(target)
    write_status(tmp_path, status)
    assert target.read_text() == "theirs"


def test_a_publisher_leaves_nothing_and_needs_nothing(tmp_path):
    """It takes its file away at the end; without a folder it does not complain."""
    with Publisher(tmp_path, lambda: Status(1, ""), every_s=0.05):
        path = tmp_path / "status.json"
        deadline = time.monotonic() + 5
        while not path.exists():
            assert time.monotonic() < deadline
    assert not path.exists()
    with Publisher(tmp_path / "nowhere", lambda: 1 / 0, every_s=0.01):
        time.sleep(0.05)


def test_what_a_process_does_is_told(tmp_path):
    """Trials with their slots and begin, notes until something happens, trouble until it ends."""
    trial = Trial(1, 5)
    doing = Doing(lambda: {trial: 2})
    state = after(with_baseline(), Proposed(experiment(1)))
    doing.heard(state, Note("7 MB are free", "disk"))
    doing.heard(state, Note("claude is away", "away"))
    first = doing.status()
    assert (first.running[0].slot, first.running[0].experiment) == (2, 1)
    assert (first.note, first.trouble) == ("claude is away", "claude is away")
    assert first.notes == ()
    assert replace(first, note="7 MB", said="notify: x", failures=2).notes == (
        "7 MB",
        "notify: x (2 failures)",
    )
    by_stand_in = after(state, Proposed(experiment(2, researcher="offline for claude")))
    doing.heard(by_stand_in, None)
    assert (doing.status().note, doing.status().trouble) == ("", "claude is away")
    assert doing.status().running == first.running
    doing.heard(after(by_stand_in, Proposed(experiment(3))), None)
    assert doing.status().trouble == ""
    with doing.trying():
        assert doing.status().trying_since
    assert not doing.status().trying_since


GPU_SCRIPT = """
import json, sys
from harness.experiment import Gpu
from harness.gpu import use_of
use = use_of(Gpu(*json.loads(sys.argv[1])))
print(json.dumps(use and [use.share, use.used_mb, use.temperature_c]))
"""


@pytest.mark.parametrize(
    ("state", "use"),
    [("19000 24000 0 97 71", [0.97, 5000, 71]), ("19000 24000 0", [None, 5000, None]), ("", None)],
)
def test_use_and_heat_of_a_gpu(driver, tmp_path, state, use):  # noqa: F811
    """As its driver tells; what it does not know is unknown, and a lost GPU is no error."""
    (tmp_path / "state").write_text(state)
    facts = ["GPU-of-the-test", "GPU-of-the-test", "Test 4090", 24_000, 20_000]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "LD_LIBRARY_PATH": str(driver),
        "FAKE_NVML": str(tmp_path / "state"),
    }
    done = subprocess.run(
        [sys.executable, "-c", GPU_SCRIPT, json.dumps(facts)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == use


# ---------------------------------------------------------------------------
# It is never in the way
# ---------------------------------------------------------------------------


class Blocked(io.StringIO):
    """A terminal that takes nothing, as after Ctrl-S."""

    def __init__(self):
        super().__init__()
        self.free = threading.Event()

    def write(self, text):
        self.free.wait(20)
        return len(text)


class Gone(io.StringIO):
    def write(self, text):
        raise OSError(5, "Input/output error")


def view_of(tmp_path, stream, status=lambda: Status(1, "")):
    (tmp_path / "results").mkdir(exist_ok=True)
    stage = Stage(tmp_path / "results", tmp_path / "scratch")
    return View(stage, status, history(), (), stream)


def a_night(view):
    """What a loop shows, timed."""
    state, began = with_baseline(), time.monotonic()
    for number in range(1, 20):
        state = after(state, Proposed(experiment(number, hypothesis="wider \x1b[2J")))
        view.show(state, Note(f"note {number}"))
        state = judged(after(state, *tried(number, 40 + number)), number)
        view.show(state, None)
    return time.monotonic() - began


def test_lines_where_there_is_no_terminal(tmp_path):
    """One a verdict, the last at the end, and notes; all of it harmless."""
    stream = io.StringIO()
    with view_of(tmp_path, stream) as view:
        a_night(view)
    lines = stream.getvalue().splitlines()
    numbers = [int(line.split()[0]) for line in lines if not line.startswith("note")]
    assert sorted(set(numbers)) == list(range(20))
    notes = [line for line in lines if line.startswith("note")]
    assert notes == [f"note {n}" for n in range(1, 20)]
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("stream", [Blocked(), Gone()], ids=["blocked", "gone"])
def test_a_terminal_that_takes_nothing_holds_nobody_up(tmp_path, stream):
    """Neither the loop nor, for more than its seconds, the end."""
    began = time.monotonic()
    with view_of(tmp_path, stream) as view:
        assert a_night(view) < 3.0
    assert time.monotonic() - began < 10.0
    if isinstance(stream, Blocked):
        stream.free.set()
