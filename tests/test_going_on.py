"""Real campaigns that are killed, interrupted, hung up on, and gone on with."""

import json
import re
import shutil
import signal
import time

import pytest
from conftest import (
    begin,
    board,
    fingerprint_of,
    make_project,
    of_campaign,
    scratch_of,
    thinker,
    toy_source,
    training,
    until,
)

from harness.experiment import Tried
from harness.ledger import read, writer_of
from harness.reading import ledger_of
from harness.status import read_status


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", toy_source())


@pytest.fixture
def slow_list(tmp_path):
    """Edits that train for some seconds each."""
    path = tmp_path / "slow.jsonl"
    edits = [
        {"hypothesis": f"slow {n}", "replace": [["    torch.set_num_threads(1)\n", SLOW % n]]}
        for n in range(6)
    ]
    path.write_text("".join(json.dumps(edit) + "\n" for edit in edits))
    return path


SLOW = """\
    torch.set_num_threads(1)
    time.sleep(args.max_steps and min(3, args.max_steps) + %d / 99)
"""


def run_words(slow_list, n=1):
    words = ["run", "--tag", "night", "--researcher", "list", slow_list, "--experiments", str(n)]
    words += ["--seeds", "1", "--reserve", "0"]
    return [*words, "--budget-s", "20", "--max-steps", "20", "--problems", "4"]


def has_tried(project, n):
    path = ledger_of(project, "night")
    return path.exists() and sum('"type": "tried"' in line for line in path.open()) >= n


def test_killed_amid_real_trainings_it_goes_on(project, slow_list):
    """Five times SIGKILL of the harness; each time all processes end, and no result is lost."""
    words = run_words(slow_list, 2)
    before = fingerprint_of(project)
    for n in range(5):
        process = begin(project, *words)
        until(lambda: of_campaign(project))
        time.sleep(1.5 + 1.3 * n)
        process.kill()
        process.wait()
        process.stdout.close()
        until(lambda: of_campaign(project) == [], 15)
    code, out = thinker(project, *words)
    assert code == 0, out
    entries = read(ledger_of(project, "night"))
    outcomes = [e.event.outcome for e in entries if isinstance(e.event, Tried)]
    tried = [(outcome.experiment, outcome.seed) for outcome in outcomes]
    assert len(tried) == len(set(tried)), "none twice"
    assert {(o.experiment, o.status) for o in outcomes} == {(0, "ok"), (1, "ok"), (2, "ok")}
    assert [row["id"] for row in board(project)] == [0, 1, 2]
    assert of_campaign(project) == []
    assert scratch_of(project) == []
    assert fingerprint_of(project) == before


def is_tried(entry):
    return isinstance(entry.event, Tried)


def running(project):
    """The trials that the harness said last that it runs."""
    told = read_status(project / "results" / "night")
    return told.running if told else ()


def test_one_proposal_waits_for_a_slot(project, slow_list):
    """While the baseline trains, the next is prepared, and no more: later ones will know more."""
    words = run_words(slow_list, 4)
    words[words.index("--seeds") + 1] = "2"
    process = begin(project, *words)
    until(lambda: has_tried(project, 1))
    assert [row["verdict"] for row in board(project)[1:]] == ["waiting"]
    other = ["other" if word == "night" else word for word in words]
    code, out = thinker(project, *other)
    assert (code, "night is running (process" in out) == (2, True), "they would slow each other"
    (tried,) = [e.event.outcome for e in read(ledger_of(project, "night")) if is_tried(e)]
    until(lambda: any(each.seed != tried.seed for each in running(project)))
    process.kill()
    process.wait()
    code, out = thinker(project, "board", "night")
    assert (code, "cut off amid #0; thinker run --tag night" in " ".join(out.split())) == (0, True)
    shutil.copytree(project / "results" / "night", project / "results" / "other")
    code, out = thinker(project, "run")
    assert (code, "2 campaigns are unfinished: " in " ".join(out.split())) == (2, True), out
    shutil.rmtree(project / "results" / "other")
    process.communicate()


def test_ctrl_c_once_lets_the_trial_end(project, slow_list):
    """What runs is finished and judged, nothing new begins; exit 130, and it can go on."""
    process = begin(project, *run_words(slow_list))
    until(lambda: training(project))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "finishing what runs" in out
    assert "thinker run --tag night goes on" in out
    rows = board(project)
    assert rows[0]["verdict"] == "keep"
    assert all(row["verdict"] == "waiting" for row in rows[1:])


@pytest.mark.parametrize("way", ["twice", "stop", "stop --now"])
def test_ends_that_a_person_asks_for(project, slow_list, way):
    """A second Ctrl-C and `stop --now` end the trial, which runs again; `stop` waits for it."""
    process = begin(project, *run_words(slow_list))
    until(lambda: training(project))
    if way == "twice":
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
    else:
        until(lambda: (told := read_status(project / "results" / "night")) and told.running)
        code, out = thinker(project, *way.split())
        assert code == 0, out
        waits = r"finish what runs \(experiment 0, (some 0:\d\d left|nearly done)\), then end"
        said = "end at once" if "now" in way else waits
        assert re.search(said, out), out
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130, out
    assert has_tried(project, 1) == (way == "stop")
    assert of_campaign(project) == []
    assert scratch_of(project) == []


def test_a_closed_terminal_leaves_it_running(project, slow_list):
    """SIGHUP ends the view and nothing else."""
    process = begin(project, *run_words(slow_list))
    until(lambda: training(project))
    process.send_signal(signal.SIGHUP)
    process.stdout.close()
    assert process.wait(timeout=200) == 0
    assert [row["verdict"] for row in board(project)][0] == "keep"
    assert len(board(project)) == 2


def test_stop_twice_is_stop_once(project, slow_list):
    """A nervous person loses no trial: what runs ends and is judged."""
    process = begin(project, *run_words(slow_list, 3))
    until(lambda: training(project))
    stopping = [begin(project, "stop", "night") for _ in range(2)]
    for each in stopping:
        assert "asked night" in each.stdout.readline()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 130, out
    assert has_tried(project, 1), "the trial that ran was finished"


def test_a_rehearsal_and_a_campaign_are_not_mixed(project, slow_list):
    """Neither resumes the other, by its tag or without one; the board says what was invented."""
    words = ("--experiments", "2", "--researcher", "list", slow_list)
    code, out = thinker(project, "run", "--rehearse", "--tag", "play", "--hours", "1", *words[2:])
    assert code == 0, out
    assert "every figure is invented" in out
    assert "a rehearsal: nothing was trained" in thinker(project, "board", "play")[1]
    process = begin(project, *run_words(slow_list, 2))
    until(lambda: training(project))
    process.kill()
    process.communicate()
    code, out = thinker(project, "run", "--rehearse", "--tag", "night")
    assert code == 2, out
    assert "the campaign night is no rehearsal" in out
    code, out = thinker(project, "run", "--rehearse", *words)
    assert code == 0, out
    assert "night" not in out
    assert not has_tried(project, 1), "what was begun in earnest is as it was"


def test_what_may_not_change_on_resuming(project, slow_list):
    """Another budget, other problems, another sandbox, a second harness, another train.py."""
    process = begin(project, *run_words(slow_list))
    until(lambda: training(project))
    code, out = thinker(project, *run_words(slow_list))
    assert code == 2
    assert f"process {process.pid}" in out
    process.kill()
    process.wait()
    process.stdout.close()
    until(lambda: writer_of(ledger_of(project, "night")) is None)
    for flag, value, then in (
        ("--budget-s", "30", "20"),
        ("--problems", "9", "4"),
        ("--max-steps", "7", "20"),
        ("--sandbox", "none", ""),
        ("--hours", "9", "began without a time to end at"),
    ):
        code, out = thinker(project, "run", "--tag", "night", flag, value)
        assert code == 2, out
        assert flag in out
        assert value in out
        assert then in out
    (project / "program.md").write_text("Do something else.\n")
    code, out = thinker(project, "run", "--researcher", "list", slow_list)
    assert code == 2
    assert "--tag night" in out
    assert "program.md" in out
    resumed = begin(project, "run", "--tag", "night")
    until(lambda: training(project))
    resumed.send_signal(signal.SIGINT)
    resumed.send_signal(signal.SIGTERM)
    out, _ = resumed.communicate(timeout=120)
    assert "program.md changed since: it goes on with what it began with" in out
