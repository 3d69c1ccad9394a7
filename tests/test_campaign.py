"""A whole campaign from the command line: real trainings, real sandbox, real repository."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import (
    ROOT,
    board,
    environment,
    fingerprint_of,
    git,
    make_project,
    of_campaign,
    scratch_of,
    thinker,
    toy_source,
)

from harness.deadline import seconds_left
from harness.executor.rehearsal import Rehearsal, outcome_of
from harness.experiment import Trial
from harness.reading import ledger_of, read_at
from harness.state import home

DATA = Path(__file__).with_name("data")
QUICK = ("--budget-s", "10", "--max-steps", "300", "--problems", "20")


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", toy_source())


# ---------------------------------------------------------------------------
# Eight edits
# ---------------------------------------------------------------------------


def test_eight_edits_end_with_the_right_verdicts(project):
    """Better, conflicting, worse, equal, crashing, hanging, repeated and cheating."""
    before = fingerprint_of(project)
    code, out = thinker(
        project, "run", "--tag", "night", "--researcher", "list", DATA / "eight.jsonl", *QUICK,
        "--reserve", "0",
    )  # fmt: skip
    print(out)
    assert code == 0, out
    assert "the list's 8 edits are all proposed" in out
    rows = board(project, "night")
    assert [row["id"] for row in rows] == list(range(9))
    found = [(row["verdict"], row["status"]) for row in rows]
    assert found[:7] == [
        ("keep", "ok"),
        ("keep", "ok"),
        ("discard", "ok"),
        ("discard", "ok"),
        ("discard", "ok"),
        ("crash", "crash"),
        ("crash", "timeout"),
    ]
    assert found[7] == ("discard", "refused")
    assert found[8] in [("discard", "not_learned"), ("discard", "refused")]
    assert rows[2]["parent"] == 0, "it conflicts with 1, and ran as it was"
    assert rows[3]["accuracy"] < rows[0]["accuracy"] < rows[1]["accuracy"]
    assert rows[5]["reason"].endswith("this edit crashes")
    figures = [row["parameters"] for row in rows[:2]]
    assert figures == [16 * 10 * 9 * 9 + 100, 16 * 17 * 16 * 16 + 100], "those of its checkpoint"

    form = "--format=%s|%(trailers:key=Accuracy,valueonly)"
    log = git(project, "log", form, "autoresearch/night").splitlines()
    kept = [line.split("|") for line in log if "|" in line and not line.endswith("|")]
    assert [title for title, _ in kept] == [rows[1]["hypothesis"], "The baseline"]
    # Of the trial it was judged by: a slot that waits for a slow preflight repeats it afterwards.
    read = read_at(ledger_of(project, "night"))[0].history.records[1].outcomes[0].accuracy
    assert float(kept[0][1]) == pytest.approx(read, abs=1e-4)
    for row, edit in zip(rows[1:], read_list("eight.jsonl"), strict=True):
        source = git(project, "show", f"refs/autoresearch/night/{row['id']:04d}:train.py")
        assert all(new.strip() in source for _, new in edit["replace"])
    assert fingerprint_of(project) == before
    assert of_campaign(project) == []
    assert scratch_of(project) == []

    code, out = thinker(project, "diff", "1")
    assert "+LONGEST = 16" in out
    code, out = thinker(project, "show", "1")
    assert "copy:16" in out
    code, out = thinker(project, "board")
    assert "night is finished" in out
    kept_files = sorted(p.parents[1].name for p in project.glob("results/night/**/checkpoint.pt"))
    assert {"0000", "0001"} <= set(kept_files)
    code, out = thinker(
        project, "run", "--tag", "night", "--researcher", "list", DATA / "eight.jsonl"
    )
    assert code == 2
    assert "finished" in out


def read_list(name):
    lines = (DATA / name).read_text().splitlines()
    return [json.loads(line) for line in lines if not line.startswith("#")]


def test_a_wiped_results_folder_comes_back(project, tmp_path):
    """The ledger is in git, too: the board shows it, and a resume knows all verdicts."""
    words = ("run", "--tag", "night", "--researcher", "list", DATA / "eight.jsonl", "--rehearse")
    assert thinker(project, *words)[0] == 0
    rows = board(project, "night")
    (project / "results" / "night" / "ledger.jsonl").unlink()
    assert board(project, "night") == rows


def test_a_campaign_begins_with_what_another_kept(project):
    """The plan offers it; the baseline's train.py is the kept one's, and says whose it is."""
    edits = [{"hypothesis": f"{n}", "constants": {"LEARNING_RATE": n / 100}} for n in range(25, 42)]
    listed = project.parent / "rates.jsonl"
    listed.write_text("".join(json.dumps(edit) + "\n" for edit in edits))
    words = ("--researcher", "list", listed, "--rehearse")
    assert thinker(project, "run", "--tag", "first", *words)[0] == 0
    rows = board(project, "first")
    incumbent = next(row["id"] for row in rows if row["is_incumbent"])
    assert incumbent > 0, "the rehearsal keeps something"
    code, out = thinker(project, "run", "--tag", "second", *words)
    assert "--from first would start from it" in " ".join(out.split())
    for tag, asked, number in (("third", "first", incumbent), ("fourth", "first:0", 0)):
        code, out = thinker(project, "run", "--tag", tag, "--from", asked, *words)
        assert f"{tag}, from first:{number}" in out
        source = git(project, "show", f"refs/autoresearch/{tag}/0000:train.py")
        assert source == git(project, "show", f"refs/autoresearch/first/{number:04d}:train.py")
        assert board(project, tag)[0]["hypothesis"].startswith(f"The baseline, from first:{number}")
    discarded = next(row["id"] for row in rows if row["verdict"] != "keep")
    for asked, said in ((f"first:{discarded}", "is no kept"), ("none", "no campaign none")):
        code, out = thinker(project, "run", "--tag", "fifth", "--from", asked, *words)
        assert code == 2, out
        assert said in out
    path = ledger_of(project, "third")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    code, out = thinker(project, "run", "--tag", "third", "--from", "first:0", *words)
    assert (code, "has its baseline already" in out) == (2, True), out
    code, out = thinker(project, "run", "--tag", "third", "--from", "first", *words)
    assert code == 0, "the same words resume"


def test_a_baseline_that_does_not_train_ends_it(tmp_path):
    """Tried twice, its error said, and shown as the crash it is: there is no incumbent."""
    project = make_project(tmp_path / "project", "absent = 1 / 0\n" + toy_source())
    words = ("--tag", "night", "--researcher", "list", DATA / "eight.jsonl", *QUICK)
    code, out = thinker(project, "run", *words, "--experiments", "1")
    assert code == 1, out
    assert "   0 crash: The baseline: crash: exit code 1: ZeroDivisionError" in out
    assert "the baseline does not train" in " ".join(out.split())
    row = board(project, "night")[0]
    assert (row["verdict"], row["is_incumbent"], row["trials"]) == ("crash", False, 2)


def test_text_that_no_file_can_hold_ends_nothing(project):
    """Half surrogate pairs, NULs and escape codes: stored and shown as plain text."""
    edits = [
        {"hypothesis": "half \ud800 a pair", "source": "x = 1  # \ud800"},
        {"hypothesis": "\u0000nul \u001b[31mred", "constants": {"LEARNING_RATE": 0.2}},
        {"hypothesis": "", "constants": {"LEARNING_RATE": 0.3}},
    ]
    listed = project.parent / "odd.jsonl"
    listed.write_text("".join(json.dumps(edit) + "\n" for edit in edits))
    code, out = thinker(project, "run", "--researcher", "list", listed, "--rehearse")
    assert code == 0, out
    assert [row["id"] for row in board(project)] == [0, 1, 2, 3]
    for shown in (out, thinker(project, "board")[1], thinker(project, "show", "2")[1]):
        assert "\x1b[31m" not in shown
        assert "nul [31mred" in shown
    assert "nul [31mred" in git(project, "log", "-1", "--format=%s", ref_of(project, 2))


def ref_of(project, number):
    (ref,) = git(
        project, "for-each-ref", "--format=%(refname)", f"refs/autoresearch/*/{number:04d}"
    ).splitlines()
    return ref


def test_the_deadline_ends_a_campaign(project):
    """A trial that would not end before it does not begin; what was done is judged."""
    code, out = thinker(
        project, "run", "--hours", "0.004", "--seeds", "1", "--researcher", "list",
        DATA / "eight.jsonl", *QUICK,
    )  # fmt: skip
    assert code == 0, out
    assert "ended: the deadline" in out
    rows = board(project)
    assert rows[0]["verdict"] == "keep"
    assert all(row["verdict"] == "waiting" for row in rows if row["verdict"] != "keep")
    assert len(rows) < 9


def test_without_a_researcher_constants_are_tuned(tmp_path):
    """No key and no list: the offline researcher proposes, and the plan says so."""
    project = make_project(tmp_path / "project", (ROOT / "train.py").read_text())
    code, out = thinker(project, "run", "--tag", "night", "--rehearse", "--experiments", "4")
    assert code == 0, out
    assert re.search(r"researcher +offline", out)
    rows = board(project, "night")[1:]
    assert len({row["hypothesis"] for row in rows}) == 4
    assert all("→" in row["hypothesis"] for row in rows)


# ---------------------------------------------------------------------------
# Misuse
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--researcher", "offline", "7"], "offline takes nothing"),
        (["run", "--researcher", "oracle"], "oracle"),
        (["run", "--researcher", "list", "none.jsonl"], "none.jsonl"),
        (["run", "--tag", "a b", "--researcher", "list", "x"], "'a b'"),
        (["run", "--until", "25:00", "--researcher", "list", DATA / "eight.jsonl"], "25:00"),
        (["run", "--hours", "-1"], "-1"),
        (["run", "--experiments", "none"], "none"),
        (["run", "--hours", "1", "--until", "07:30"], "--until"),
        (["board"], "no campaign"),
        (["board", "missing"], "missing"),
        (["show", "1"], "no campaign"),
        (["show", "x"], "x is no number"),
        (["stop"], "no campaign is running"),
    ],
)
def test_misuse_says_what_and_what_instead(project, words, said):
    """Exit code 2, one line that names the value."""
    code, out = thinker(project, *words)
    assert code == 2, out
    assert said in out
    assert len(out.strip().splitlines()) == 1
    assert not list((project / "results").glob("*")), "nothing was begun"


def test_outside_a_repository_or_project(tmp_path):
    """A folder without train.py, and one without git, are refused with the remedy."""
    empty = tmp_path / "empty"
    empty.mkdir()
    code, out = thinker(empty, "run", "--researcher", "list", DATA / "eight.jsonl")
    assert (code, "no train.py" in out) == (2, True)
    (empty / "train.py").write_text(toy_source())
    (empty / "program.md").write_text("Do well.\n")
    code, out = thinker(empty, "run", "--researcher", "list", DATA / "eight.jsonl")
    assert (code, "git init" in out) == (2, True)


def test_a_damaged_ledger_is_shown_as_far_as_it_goes(project):
    """The line is named; what stands before it is on the board; a run is refused."""
    words = ("run", "--tag", "night", "--researcher", "list", DATA / "eight.jsonl", "--rehearse")
    assert thinker(project, *words)[0] == 0
    path = ledger_of(project, "night")
    lines = path.read_text().splitlines(keepends=True)
    lines[5] = lines[5][:20] + "\n"
    path.write_text("".join(lines))
    code, out = thinker(project, "board")
    assert code == 1
    assert "The baseline" in out
    assert "line 6" in " ".join(out.split())
    code, out = thinker(project, *words)
    assert code == 1
    assert "line 6" in out


def test_the_deadline_stands_when_the_clock_goes_back():
    """Time that has passed once does not come again."""
    later, earlier = "2099-01-31T22:00:00+00:00", "2099-01-31T20:00:00+00:00"
    assert seconds_left(later, earlier) == 7200
    assert seconds_left(earlier, later) < 0
    assert home().name == "thinker"


def test_an_invented_crash_is_never_the_baselines():
    """A rehearsal is to read a list to its end, whatever train.py is; its edits may crash."""
    source = next(
        text for n in range(999) if outcome_of(Trial(1, 1), text := f"x = {n}\n").status == "crash"
    )
    said = []
    rehearsal = Rehearsal(1, said.append)
    for number in (0, 1):
        rehearsal.start(Trial(number, 1), source)
    assert [finished.outcome.status for finished in said] == ["ok", "crash"]


def test_a_page_that_nobody_reads_on_is_no_error(project):
    """`thinker board | head` ends without a word, also where nobody reads any of it."""
    thinker(project, "run", "--rehearse", "--experiments", "1", "--researcher", "offline")
    words = [sys.executable, "-m", "harness", "board", "--json"]
    command = f"{shlex.join(words)} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=project, env=environment(project), capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
