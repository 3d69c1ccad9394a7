"""`thinker watch`, and the view of `thinker run` on a real terminal, from beginning to restart."""

import json
import os
import shutil
import signal
import termios
import time

import pytest
from conftest import begin, git, make_project, thinker, toy_source, until
from terminal import Terminal
from test_history import START, experiment
from test_view import a_night, view_of

from harness import live
from harness.experiment import Judged, Proposed, Verdict
from harness.follow import Follower
from harness.ledger import Entry, encode
from harness.reading import ledger_of
from harness.watch_command import Watcher

EDITS = 9


def new_project(folder):
    found = make_project(folder / "project", toy_source())
    edits = (
        {"hypothesis": f"edit {n}", "replace": [["STEPS = 100 ", f"STEPS = {n + 101} "]]}
        for n in range(EDITS)
    )
    (found / "edits.jsonl").write_text("\n".join(map(json.dumps, edits)))
    return found


@pytest.fixture
def project(tmp_path):
    return new_project(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project with a finished campaign, for tests that do not change it."""
    found = new_project(tmp_path_factory.mktemp("finished"))
    code, out = thinker(found, *RUN)
    assert code == 0, out
    return found


RUN = ("run", "--rehearse", "--tag", "t", "--researcher", "list", "edits.jsonl")


def verdicts(project):
    path = project / "results" / "t" / "ledger.jsonl"
    return path.read_text().count('"type": "judged"') if path.exists() else 0


def test_watch_sees_a_campaign_die_go_on_and_end(project):
    """Verdicts as they come, the harness's death, its return, the end; then q leaves."""
    running = begin(project, *RUN)
    until(lambda: verdicts(project) >= 1)
    running.send_signal(signal.SIGSTOP)  # until somebody watches
    with Terminal(110, 34) as terminal:
        before = termios.tcgetattr(terminal.slave)
        watching = terminal.start(project, "watch", "t")
        terminal.until("baseline")
        assert terminal.is_alternate
        running.send_signal(signal.SIGCONT)
        until(lambda: verdicts(project) >= 3)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        terminal.until("its process is gone; thinker run --tag t goes on")
        seen = verdicts(project)
        assert seen < EDITS + 1, "it was killed too late to tell anything"
        terminal.until(f"edit {seen - 2}")
        code, out = thinker(project, *RUN)
        assert code == 0, out
        terminal.until("finished: ")
        terminal.until(f"edit {EDITS - 1}")
        terminal.resize(60, 12)
        until(lambda: all(len(line) <= 60 for line in terminal.text.split("\n")))
        terminal.type("q")
        assert watching.wait(timeout=20) == 0
        until(lambda: not terminal.is_alternate)
        assert termios.tcgetattr(terminal.slave) == before
    code, out = thinker(project, "watch")
    assert code == 0
    lines = out.splitlines()
    assert [int(line.split()[0]) for line in lines[: EDITS + 1]] == list(range(EDITS + 1))
    assert lines[-1].startswith("t finished: ")
    code, once = thinker(project, "watch", "t", "--once")
    assert code == 0
    assert f"edit {EDITS - 1}" in once
    assert "\x1b" not in once


def test_ctrl_c_leaves_watch(finished):
    """And the campaign is not its business."""
    with Terminal() as terminal:
        watching = terminal.start(finished, "watch")
        terminal.until("finished: ")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=20) == 0
        until(lambda: not terminal.is_alternate)


def test_run_shows_its_picture_and_leaves_the_last(project):
    """On a terminal of its own; afterwards the plan and the last picture stand there."""
    with Terminal(100, 40) as terminal:
        running = terminal.start(project, *RUN)
        assert running.wait(timeout=120) == 0
        terminal.until("thinker board t shows it")
        assert not terminal.is_alternate
        assert "\x1b[?1049h" in terminal.raw
        assert terminal.raw.index("campaign   ") < terminal.raw.index("\x1b[?1049h")
        assert "finished: " in terminal.text
        assert f"edit {EDITS - 1}" in terminal.text


def test_lines_may_be_cut_off(finished):
    """By head, say: that is no error."""
    process = begin(finished, "watch", "t")
    assert process.stdout.readline().startswith("   0 ")
    process.stdout.close()
    assert process.wait(timeout=60) == 0


def test_lines_end_with_the_campaigns_time(finished, tmp_path):
    """One that was killed, and whose time then ran out: there is nothing to wait for."""
    project = shutil.copytree(finished, tmp_path / "project")
    path = ledger_of(project, "t")
    lines = path.read_text().splitlines(keepends=True)
    assert '"type": "stopped"' in lines.pop()
    first = json.loads(lines[0])
    first["settings"]["deadline"] = first["time"]
    path.write_text("".join([json.dumps(first) + "\n", *lines[1:]]))
    code, out = thinker(project, "watch", "t")
    assert code == 0
    assert "t finished: its time is over" in out


def test_a_closed_window_ends_watch_and_not_the_campaign(project):
    """Whoever comes back finds it done."""
    with Terminal() as terminal, Terminal() as other:
        running = terminal.start(project, *RUN)
        terminal.until("baseline")
        watching = other.start(project, "watch", "t")
        other.until("baseline")
        other.close()
        assert watching.wait(timeout=20) in (0, 130)
        terminal.close()
        running.send_signal(signal.SIGHUP)
        assert running.wait(timeout=120) == 0
    assert verdicts(project) == EDITS + 1


def test_a_mistake_in_the_view_costs_the_picture_alone(tmp_path):
    """It says so and goes on in lines."""
    with Terminal() as terminal:
        stream = os.fdopen(os.dup(terminal.slave), "w", buffering=1)
        with view_of(tmp_path, stream, status=lambda: 1 / 0) as view:
            a_night(view)
        terminal.until("the view failed (ZeroDivisionError: division by zero); lines from here")
        terminal.until("  19 ")
        assert not terminal.is_alternate
        stream.close()


def test_the_plan_can_be_read(tmp_path, monkeypatch):
    """It is left standing for a while before pictures cover it."""
    monkeypatch.setattr(live, "PLAN_S", 1.5)
    with Terminal() as terminal:
        stream = os.fdopen(os.dup(terminal.slave), "w", buffering=1)
        print("the plan", file=stream)
        began = time.monotonic()
        with view_of(tmp_path, stream):
            terminal.until("the plan")
            assert not terminal.is_alternate
            until(lambda: terminal.is_alternate)
            assert time.monotonic() - began > 1.0
        stream.close()


def test_nothing_to_watch(tmp_path):
    """Without a campaign it says what begins one."""
    project = make_project(tmp_path / "project", toy_source())
    for words in (["watch"], ["watch", "t"], ["watch", "--once"]):
        code, out = thinker(project, *words)
        assert code == 2
        assert "there is no campaign" in out


# ---------------------------------------------------------------------------
# What is read
# ---------------------------------------------------------------------------


def entries(count):
    found = [START]
    for number in range(count):
        verdict = Verdict(number, "discard" if number else "keep", "so", None, 0, None)
        found += [Proposed(experiment(number)), Judged(verdict, f"c{number}")]
    return [encode(Entry("2026-01-31T22:00:00+00:00", event)) for event in found]


def test_a_ledger_is_followed_whatever_becomes_of_it(tmp_path):
    """Torn, damaged, mended, wiped and put back: what was read stays, and what is wrong is said."""
    path, lines = tmp_path / "ledger.jsonl", entries(4)
    follower = Follower(path)
    assert not follower.look()
    assert "cannot be read" in follower.wrong
    path.write_text("".join(lines[:5]) + lines[5][:20])
    assert follower.look()
    assert (follower.history.events, follower.wrong) == (5, "")
    assert not follower.look()
    with path.open("a") as file:
        file.write(lines[5][20:])
    assert follower.look()
    assert follower.history.events == 6
    good = path.read_text()
    path.write_text(good + "nonsense\n")
    assert not follower.look()
    assert "line 7 is damaged" in follower.wrong
    path.write_text(good + lines[6])
    assert follower.look()
    assert (follower.history.events, follower.wrong) == (7, "")
    path.unlink()
    assert not follower.look()
    assert follower.history.events == 7
    path.write_text("".join(lines))
    assert follower.look()
    assert (follower.history.events, follower.wrong) == (len(lines), "")
    path.write_text("".join(lines[:3]))
    assert follower.look()
    assert follower.history.events == 3
    path.write_text("".join([*lines[:3], lines[2]]))
    follower.look()
    assert follower.history.events == 3
    assert "ledger line 4" in follower.wrong


def test_a_wiped_folder_is_read_from_git(finished, tmp_path):
    """What the last verdict left there is shown, and nothing is written."""
    project = tmp_path / "wiped"
    shutil.copytree(finished, project)
    assert git(project, "for-each-ref", "refs/autoresearch/t/ledger")
    shutil.rmtree(project / "results")
    watcher = Watcher(project, "t")
    watcher.look()
    scene = watcher.scene()
    assert len(scene.told) == EDITS + 1
    assert any("cannot be read" in note for note in scene.notes)
    assert not (project / "results" / "t").exists()
