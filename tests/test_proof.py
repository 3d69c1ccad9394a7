"""`thinker seal`, `reproduce` and `close`, at the end of a real campaign; and what they refuse."""

import json
import shutil
from dataclasses import replace

import pytest
from conftest import board, git, make_project, of_campaign, thinker, toy_source
from test_ledger import outcome

from harness import campaign as campaigns
from harness.cross_check import disagreements
from harness.experiment import LevelCount
from harness.reading import ledger_of
from harness.repo import Repo
from harness.reproduce_command import beside_its_trial, without_its_edit
from harness.reproducing import Prediction, differences, judge
from harness.state import sha256

EDIT = {
    "hypothesis": "Longer operands, and more steps",
    "replace": [["STEPS = 100 ", "STEPS = 300 "], ["LONGEST = 9 ", "LONGEST = 16 "]],
}
WORDS = ("--budget-s", "90", "--max-steps", "300", "--problems", "20", "--tasks", "copy:8-16")
WORDS += ("--seeds", "1", "--reserve", "1", "--slots", "1", "--device", "cpu")
TAG = "night"


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A finished campaign of a baseline and a keep."""
    folder = tmp_path_factory.mktemp("proof")
    project = make_project(folder / "project", toy_source())
    (folder / "list.jsonl").write_text(json.dumps(EDIT) + "\n")
    words = ("--researcher", "list", folder / "list.jsonl", *WORDS)
    code, out = thinker(project, "run", "--tag", TAG, *words)
    print(out)
    assert code == 0, out
    assert "sealed set 1: experiment 1" in out
    return project


@pytest.fixture
def project(night, tmp_path):
    """The campaign again, to be changed at will; its state folder is the same one."""
    copy = night.parent / tmp_path.name
    shutil.copytree(night, copy)
    return copy


def found_of(project):
    return campaigns.read(ledger_of(project, TAG))


def secret_of(project):
    campaign = found_of(project).history.started.campaign
    return (project.parent / "state" / "thinker" / campaign / "secret").read_text()


def stored(project):
    return git(project, "cat-file", "blob", f"refs/autoresearch/{TAG}/ledger")


# ---------------------------------------------------------------------------
# A real campaign
# ---------------------------------------------------------------------------


def test_the_end_asks_a_sealed_set_and_rows_say_where_they_come_from(night):
    """The board has its figures, and of each row the code, machine, seeds and problems."""
    rows = board(night, TAG)
    assert [row["verdict"] for row in rows] == ["keep", "keep"]
    sealed = [row["sealed"] for row in rows]
    assert sealed[1] > sealed[0] + 0.2, "it copies twice as far"
    read = [row["raw_accuracy"] for row in rows]
    assert sealed == pytest.approx(read, abs=0.2)
    for row in rows:
        told = row["provenance"]
        assert told["commit"] == git(night, "rev-parse", f"refs/autoresearch/night/{row['id']:04d}")
        assert len(told["package_sha256"]) == 64
        assert len(told["problems_sha256"]) == 1
        assert len(told["seeds"]) == 1 + row["id"], "the keep was repeated once"
        assert told["torch"][0] in told["machine"]
        assert told["sandbox"] == [found_of(night).history.settings.sandbox]
    assert rows[0]["provenance"]["problems_sha256"] == rows[1]["provenance"]["problems_sha256"]
    code, out = thinker(night, "show", "1")
    assert rows[0]["provenance"]["problems_sha256"][0][:12] in out


def test_sealing_by_hand_opens_another_set(project):
    """The next number, other problems, the same comparison; the copy in git has it too."""
    before = found_of(project).history.sealed
    code, out = thinker(project, "seal", TAG, "--json")
    assert code == 0, out
    told = json.loads(out[out.index("{") :])
    assert (told["set"], told["opened_before"]) == (2, 1)
    assert told["problems_sha256"] != before.compared[0].problems
    low, high = told["interval"]
    assert 0 < low < told["difference"] < high
    assert {level["name"] for level in told["levels"]} == {"copy:8", "copy:16"}
    assert all(sum(level["joint"]) == 500 for level in told["levels"])
    assert len(found_of(project).history.sealed.compared) == 2
    assert stored(project) == ledger_of(project, TAG).read_text().strip()
    assert of_campaign(project) == []


def test_a_checkpoint_that_is_gone_is_named(project):
    """No set is opened, and the way to get it again is told."""
    for path in (project / "results" / TAG / "experiments" / "0001").glob("*/checkpoint.pt"):
        path.unlink()
    code, out = thinker(project, "seal", TAG)
    assert code == 2, out
    assert "thinker reproduce 1 --tag night --seed" in out
    assert len(found_of(project).history.sealed.opened) == 1


def test_a_kept_experiment_is_reproduced(project):
    """Yes: trained from its commit with its own seed it has the same weights and figures; the
    ledger is as it was."""
    before = ledger_of(project, TAG).read_bytes()
    code, out = thinker(project, "reproduce", "1", "--json")
    assert code == 0, out
    told = json.loads(out[out.index("\n{") :])
    assert (told["answer"], told["identical_weights"]) == ("yes", True)
    assert told["reading"] == pytest.approx(board(project, TAG)[1]["raw_accuracy"])
    low, high = told["interval"]
    assert low <= told["reading"] <= high
    assert told["differences"] == told["disagreements"] == []
    assert ledger_of(project, TAG).read_bytes() == before
    assert list((project / "results" / TAG / "reproduced" / "0001").glob("*/checkpoint.pt"))
    assert of_campaign(project) == []


def more_right(event):
    if event["type"] == "tried" and event["outcome"]["experiment"] == 1:
        for level in event["outcome"]["levels"]:
            level["correct"] = level["total"]


def better_verdict(event):
    if event["type"] == "judged" and event["verdict"]["experiment"] == 1:
        event["verdict"]["accuracy"] = 1.0


def both(event):
    more_right(event)
    better_verdict(event)


def surer(event):
    if event["type"] == "judged" and event["verdict"]["experiment"] == 1:
        event["verdict"]["posterior"]["p_real"] = 0.999


def other_seed(event):
    if event["type"] == "tried" and event["outcome"]["experiment"] == 1:
        event["outcome"]["seed"] += 1


def alter(project, change):
    path = ledger_of(project, TAG)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    for event in events:
        change(event)
    lines = [json.dumps(event, ensure_ascii=False) + "\n" for event in events]
    path.write_text("".join(lines))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (more_right, "its trials' counts give 1.0000"),
        (better_verdict, "and the ledger's events 1.0000"),
        (both, "and the ledger's events 1.0000"),
        (surer, "P(real) 1.00"),
        (other_seed, "says Seeds"),
    ],
)
def test_altered_figures_disagree_with_git(project, change, said):
    """Whichever figure was altered: its line, and the other place that has it, are named."""
    alter(project, change)
    found = found_of(project)
    record, repo = found.history.records[1], Repo(project, TAG)
    told = disagreements(found, record, repo, secret_of(project))
    assert any("differs from its copy in git" in each for each in told)
    assert any(said in each for each in told), told


def test_an_untouched_ledger_agrees_with_git(project):
    """No experiment of an honest campaign is suspected."""
    found, repo = found_of(project), Repo(project, TAG)
    for record in found.history.records.values():
        assert disagreements(found, record, repo, secret_of(project)) == []
    record = found.history.records[0]
    assert "the secret is not" in disagreements(found, record, repo, "another")[0]


def test_altered_figures_are_not_reproduced(project):
    """No, exit code 1, and no time is spent on a training."""
    alter(project, both)
    code, out = thinker(project, "reproduce", "1", "--json")
    assert code == 1, out
    told = json.loads(out)
    assert told["answer"] == "no"
    *lines, commit = told["disagreements"]
    assert len(lines) == 3, "two trials and the verdict"
    assert all("differs from its copy in git" in line for line in lines)
    assert commit.startswith("commit ")
    assert not (project / "results" / TAG / "reproduced").exists()


def test_a_closed_campaign_is_closed(project):
    """The secret is revealed, in git too; once more says the same; run and seal refuse."""
    secret = secret_of(project)
    code, out = thinker(project, "close", TAG)
    assert code == 0, out
    assert secret in out
    assert stored(project) == ledger_of(project, TAG).read_text().strip()
    assert thinker(project, "close", TAG) == (code, out)
    assert len(stored(project).splitlines()) == found_of(project).history.events
    for words in (("seal", TAG), ("run", "--tag", TAG)):
        code, out = thinker(project, *words)
        assert (code, "is closed" in out) == (2, True), out


@pytest.mark.slow
def test_a_closed_campaign_can_be_checked_by_anyone(project):
    """With the revealed secret, verify asks the same problems and finds the same counts."""
    secret = secret_of(project)
    assert thinker(project, "close", TAG)[0] == 0
    told = found_of(project).history.records[1].outcomes[0]
    run = project / "results" / TAG / "experiments" / "0001" / str(told.seed)
    code, out = thinker(project, "verify", run, "--seed", secret, "--device", "cpu", "--json")
    assert code == 0, out
    again = json.loads(out[out.index("{") :])
    assert again["campaign"] == TAG
    assert "these are the validation problems of night" in again["campaign_problems"]
    assert again["problems_sha256"] == told.problems
    assert [level["correct"] for level in again["levels"]] == [n.correct for n in told.levels]


@pytest.mark.slow
def test_what_a_campaign_trained_is_asked_what_it_asks(project):
    """Its tasks, and as many problems a level, though not the same ones: the figures compare."""
    record = found_of(project).history.records[0]  # one trial, so its folder is enough
    run = project / "results" / TAG / "experiments" / "0000"
    code, out = thinker(project, "verify", run, "--device", "cpu", "--json")
    assert code == 0, out
    again = json.loads(out[out.index("{") :])
    asked = [(level["name"], level["total"]) for level in again["levels"]]
    assert asked == [(level.name, level.total) for level in record.outcomes[0].levels]
    assert f"as the campaign {TAG} does" in again["campaign_problems"]
    assert again["problems_sha256"] != record.outcomes[0].problems


# ---------------------------------------------------------------------------
# Refusals
# ---------------------------------------------------------------------------


def test_an_unfinished_campaign_is_closed_only_when_given_up(tmp_path):
    """Refused with both ways out; given up, it is not gone on with any more."""
    project = make_project(tmp_path / "project", toy_source())
    (tmp_path / "list.jsonl").write_text(json.dumps(EDIT) + "\n")
    words = ("run", "--researcher", "list", tmp_path / "list.jsonl", "--rehearse")
    assert thinker(project, *words, "--tag", TAG)[0] == 0
    path = ledger_of(project, TAG)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    code, out = thinker(project, "close", TAG)
    assert code == 2, out
    assert "--unfinished gives it up" in out
    for name, said in (("reproduce", "rehearsed"), ("seal", "rehearsed")):
        code, out = thinker(project, name, *(["0"] if name == "reproduce" else [TAG]))
        assert (code, said in out) == (2, True), out
    code, out = thinker(project, "close", TAG, "--unfinished", "--json")
    assert code == 0, out
    told = json.loads(out)
    assert sha256(told["secret"]) == told["secret_sha256"]
    code, out = thinker(project, *words)
    assert code == 0, out
    assert f"thinker board {TAG} " not in out, "another campaign was begun"


# ---------------------------------------------------------------------------
# The rule of a reproduction
# ---------------------------------------------------------------------------

PREDICTION = Prediction(0.5, 0.006, 0.008)  # 0.01 together


def read(right, **changes):
    levels = (LevelCount("add:4", right, 1000),)
    return replace(outcome(levels=levels, checkpoint="w", problems="p"), **changes)


@pytest.mark.parametrize(
    ("right", "answer"), [(500, "yes"), (519, "yes"), (481, "yes"), (521, "no"), (479, "no")]
)
def test_within_the_interval_is_a_yes(right, answer):
    """1.96 standard deviations of belief and noise together, to either side."""
    again = read(right, checkpoint="v")
    assert judge(PREDICTION, read(500), again, (), device="cpu").answer == answer


def test_the_same_weights_must_have_the_same_counts():
    """Within the interval, and still a no: on a CPU the same weights answer the same."""
    found = judge(PREDICTION, read(501), read(500), (), device="cpu")
    assert (found.answer, found.is_identical) == ("no", True)
    assert found.disagreements == (
        "the very same weights, and add:4: 501 right in the ledger, 500 now",
    )
    assert judge(PREDICTION, read(501), read(500), (), device="cuda").answer == "yes"
    assert judge(PREDICTION, None, read(500), (), device="cpu").is_identical is None


def test_other_problems_or_a_failed_trial_are_a_no():
    """Nothing is said to hold that was not asked the same, or did not end well."""
    other = judge(PREDICTION, read(500), read(500, problems="q"), (), device="cpu")
    assert (other.answer, len(other.disagreements)) == ("no", 1)
    crash = read(0, status="crash", reason="it broke", levels=())
    found = judge(PREDICTION, read(500), crash, (), device="cpu")
    assert (found.answer, found.reading) == ("no", None)
    assert "it broke" in found.reason


def test_what_other_work_slowed_is_no_answer():
    """Too low on a busy machine is unclear; too high, or inside, it changes nothing."""
    slowed = ("contended: it computed in 40% of its time",)
    for right, answer in ((479, "unclear"), (500, "yes"), (521, "no")):
        again = read(right, checkpoint="v")
        found = judge(PREDICTION, read(500), again, (), device="cpu", contended=slowed)
        assert (found.answer, found.differences) == (answer, slowed)


def test_the_ledgers_own_trial_is_told_beside_it(night):
    """What it read, and that weights need not be the same where the clock ended the training."""
    found = found_of(night)
    first = found.history.records[1].outcomes[0]
    same = judge(PREDICTION, read(500, checkpoint="w"), read(500, checkpoint="w"), (), device="cpu")
    other = judge(
        PREDICTION, read(500, checkpoint="w"), read(500, checkpoint="v"), (), device="cpu"
    )
    told = [beside_its_trial(found, 1, first.seed, each) for each in (same, other)]
    assert told[0][0] == f"the ledger's trial with this seed read {first.accuracy:.4f}"
    assert told[0][1:] == ["the weights are bit for bit those of the ledger's trial"]
    assert told[1][1:] == ["the weights are not those of the ledger's trial"]
    assert len(beside_its_trial(found, 1, first.seed + 1, other)) == 1, "there is none with it"
    crash = read(0, status="crash", reason="it broke", levels=())
    failed = judge(PREDICTION, read(500), crash, (), device="cpu")
    assert beside_its_trial(found, 1, first.seed, failed) == [], "nothing was read"


def test_a_yes_says_where_it_tells_little(night):
    """Where the interval holds what its parent is believed at; not of a no, nor of a baseline."""
    found = found_of(night)
    wide, narrow = Prediction(0.5, 0.2, 0.2), Prediction(0.57, 0.001, 0.001)
    yes = judge(wide, None, read(500), (), device="cpu")
    (said,) = without_its_edit(found, 1, yes)
    assert said.startswith("its parent, 0, is believed at 0.")
    assert said.endswith("this yes does not tell the edit from none")
    assert without_its_edit(found, 0, yes) == []
    assert without_its_edit(found, 1, judge(narrow, None, read(570), (), device="cpu")) == []
    assert without_its_edit(found, 1, judge(narrow, None, read(500), (), device="cpu")) == []


def test_circumstances_that_differ_are_named():
    """What was not recorded is not compared."""
    then = {"torch": "2.10", "gpu": "", "machine": "a"}
    assert differences(then, {"torch": "2.11", "gpu": "A100", "machine": "a"}) == [
        "torch: 2.10 then, 2.11 now"
    ]
