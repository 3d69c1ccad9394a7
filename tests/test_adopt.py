"""`thinker adopt`: what was kept, onto the person's branch; what it refuses; and kills."""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from adopt_driver import FLAGS
from conftest import ROOT, begin, environment, fingerprint_of, git, thinker, until
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lines import TAG, adopted, history_of, make_line, told_by, train_py

from harness import campaign as campaigns
from harness.__main__ import main
from harness.adopt_command import adopt_into
from harness.errors import Misuse
from harness.kept_line import Line
from harness.merging import merge
from harness.reading import ledger_of
from harness.repo import Repo

BASE = train_py()
ONE, TWO = train_py(FIRST=2), train_py(FIRST=2, SECOND=2)
THREE = train_py(FIRST=2, SECOND=2, THIRD=2)
TEXTS = (BASE, ONE, TWO, THREE)


@pytest.fixture
def project(tmp_path):
    """Three keeps; other files of the person's are changed and staged."""
    return make_line(tmp_path, TEXTS)


def rest_of(project):
    """All of the checkout that adopting leaves alone."""
    refs, files, kept, status = fingerprint_of(project)
    files.pop("train.py")
    index = git(project, "ls-files", "--stage", "--", ":!train.py")
    refs = [ref for ref in refs if not ref.startswith("refs/heads/main ")]
    return refs, files, {name: kept[name] for name in kept if name != "index"}, index, status


WHO = {f"GIT_{role}_NAME": "a person" for role in ("AUTHOR", "COMMITTER")}
WHO |= {f"GIT_{role}_EMAIL": "person@localhost" for role in ("AUTHOR", "COMMITTER")}


def run(project, *words):
    """In this process: another one takes most of a second."""
    told, before = io.StringIO(), os.environ.copy()
    os.environ |= WHO | {"COLUMNS": "80"}
    try:
        with (
            contextlib.chdir(project),
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(told),
        ):
            code = main(["adopt", *words])
    finally:  # later tests make commits of their own
        os.environ.clear()
        os.environ |= before
    return code, told.getvalue()


# ---------------------------------------------------------------------------
# What it does
# ---------------------------------------------------------------------------


def test_a_commit_a_keep_and_nothing_else(project):
    """Each keep is a commit of the person's own that changes train.py alone; what is staged,
    changed or stashed is as it was, and the file is what the branch has."""
    before, tip = rest_of(project), git(project, "rev-parse", "main")
    code, out = run(project)
    assert code == 0, out
    log = git(project, "log", "--reverse", "--format=%an <%ae> %s", f"{tip}..main").splitlines()
    assert log == [f"a person <person@localhost> edit {n}" for n in (1, 2, 3)]
    for n, text in enumerate(reversed(TEXTS)):
        assert adopted(project, f"main~{n}") == text
    assert git(project, "diff", "--stat", "--name-only", tip, "main") == "train.py"
    assert (project / "train.py").read_text() == THREE
    assert rest_of(project) == before
    assert git(project, "status", "--porcelain", "--", "train.py") == ""
    assert "git reset --keep" in out


def test_messages_say_what_is_believed(project):
    """Hypothesis, effect, probability, campaign and experiment; the trailers are git's to read."""
    assert run(project)[0] == 0
    text = git(project, "log", "-1", "--format=%B", "main")
    assert text.startswith("edit 3\n\nExperiment 3 of the campaign night, on top of experiment 2:")
    assert "P(real)" in text
    assert "provisional after 1 trial of 60 s" in text.replace("\n", " ")
    commit = history_of(project).records[3].commit
    trailers = git(project, "log", "-1", "--format=%(trailers:only)", "main").splitlines()
    assert trailers == ["Campaign: night", "Experiment: 3", f"Adopted: {commit}"]


def test_adopting_twice_changes_nothing(project):
    """And says so; nor does it once the branch went on."""
    assert run(project)[0] == 0
    tip = git(project, "rev-parse", "main")
    code, out = run(project)
    assert (code, "nothing to adopt: main has what night kept (1, 2, 3)" in out) == (0, True), out
    assert git(project, "rev-parse", "main") == tip
    (project / "train.py").write_text(THREE.replace("def body", "# mine\ndef body"))
    git(project, "commit", "-qm", "mine", "train.py")
    code, out = run(project)
    assert (code, "nothing to adopt" in out) == (0, True), out


def test_one_commit_of_all(project):
    """--squash: the same train.py, with a line for each keep."""
    code, out = run(project, "--squash", "--json")
    told = told_by(out)
    assert (code, adopted(project), adopted(project, "main~1")) == (0, THREE, BASE)
    assert told["after"] == git(project, "rev-parse", "main")
    text = git(project, "log", "-1", "--format=%B", "main")
    assert text.startswith("Adopt what the campaign night kept: 3 edits of train.py\n\n- 1: edit 1")
    assert [keep["experiment"] for keep in told["keeps"]] == [1, 2, 3]


def test_a_dry_run_changes_nothing(project):
    """It says what would be done; no ref, file or index entry moves."""
    before = fingerprint_of(project)
    code, out = run(project, "--dry-run")
    assert (code, "would adopt 3 keeps of night onto main" in out) == (0, True), out
    assert fingerprint_of(project) == before


def test_up_to_a_keep_and_then_the_rest(project):
    """An ID is where it ends; what was kept after it comes with the next."""
    assert run(project, "2")[0] == 0
    assert adopted(project) == TWO
    code, out = run(project, "--json")
    assert [keep["experiment"] for keep in told_by(out)["keeps"]] == [3]
    assert adopted(project) == THREE


def test_a_keep_is_left_out_and_fetched_later(project):
    """Neighbouring constants come apart; what was left out goes on top later."""
    code, out = run(project, "--without", "2")
    assert code == 0, out
    assert adopted(project) == train_py(FIRST=2, THIRD=2)
    assert "no trial has read what is left" in out
    assert "was not trained" in git(project, "log", "-1", "--format=%B", "main").replace("\n", " ")
    code, out = run(project)
    assert code == 0, out
    assert adopted(project) == THREE
    assert git(project, "log", "-1", "--format=%s", "main") == "edit 2"


def test_what_was_reverted_is_not_there(project):
    """git revert takes a keep off the branch, whatever the history says of it; a revert of that
    brings it back."""
    assert run(project)[0] == 0
    git(project, "stash", "--quiet")  # it takes no revert otherwise
    git(project, "revert", "--no-edit", "main")
    assert adopted(project) == TWO
    (project / "train.py").write_text(TWO.replace("def body", "# mine\ndef body"))
    git(project, "commit", "-qm", "mine", "train.py")
    code, out = run(project, "--without", "3", "--json")
    assert (code, told_by(out)["keeps"]) == (0, [])
    assert "was adopted before" not in out
    code, out = run(project, "--json")
    assert [keep["experiment"] for keep in told_by(out)["keeps"]] == [3]
    assert adopted(project) == THREE.replace("def body", "# mine\ndef body")
    git(project, "revert", "--no-edit", "main")
    git(project, "revert", "--no-edit", "main")
    assert "nothing to adopt" in run(project)[1]


def test_a_branch_that_went_on_is_merged(project):
    """The person's own change stays, that it was merged is said, and again changes nothing."""
    mine = BASE.replace("def body", "# mine\ndef body")
    (project / "train.py").write_text(mine)
    git(project, "commit", "-qm", "mine", "train.py")
    code, out = run(project, "--json")
    told = told_by(out)
    assert (code, told["merged"]) == (0, True), out
    assert "no trial has read what came out" in " ".join(told["notes"])
    assert adopted(project) == THREE.replace("def body", "# mine\ndef body")
    code, out = run(project)
    assert "nothing to adopt" in out


def test_in_a_linked_work_tree(project, tmp_path):
    """Its own branch and files move, the first one's do not; the campaign is found through git."""
    before = fingerprint_of(project, except_refs="side")
    git(project, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    code, out = run(tmp_path / "side")
    assert code == 0, out
    assert adopted(project, "side") == (tmp_path / "side" / "train.py").read_text() == THREE
    assert git(tmp_path / "side", "status", "--porcelain", "--", "train.py") == ""
    assert fingerprint_of(project, except_refs="side") == before


def test_in_a_folder_of_the_repository(tmp_path):
    """A project below the top: its own train.py, and no other."""
    top = tmp_path / "top"
    inner = top / "deep" / "project"
    inner.mkdir(parents=True)
    (inner / "train.py").write_text(BASE)
    (inner / "program.md").write_text("Do well.\n")
    (top / "train.py").write_text("another\n")
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-qm", "first")
    make_line(tmp_path, TEXTS, project=inner)
    assert run(inner)[0] == 0
    assert (inner / "train.py").read_text() == THREE
    assert git(top, "show", "main:deep/project/train.py") + "\n" == THREE
    assert (top / "train.py").read_text() == "another\n"


def test_beside_a_running_campaign(project):
    """Another campaign begins and ends in the same repository meanwhile: both end as they do
    alone, and neither moves what is the other's."""
    edits = [{"hypothesis": f"n {n}", "constants": {"FIRST": n}} for n in range(2, 12)]
    path = project.parent / "list.jsonl"
    path.write_text("".join(json.dumps(edit) + "\n" for edit in edits))
    words = ("--researcher", "list", path, "--rehearse", "--tag", "other", "--reserve", "0")
    other = begin(project, "run", *words)
    ledger = project / "results" / "other" / "ledger.jsonl"
    until(lambda: ledger.is_file() and '"judged"' in ledger.read_text())
    code, out = run(project, "--tag", TAG)
    assert code == 0, out
    assert other.poll() is None, "it had ended before"
    told, _ = other.communicate()
    assert other.returncode == 0, told
    assert adopted(project) == (project / "train.py").read_text() == THREE
    branch = git(project, "rev-parse", "autoresearch/other")
    assert branch == git(project, "rev-parse", "refs/autoresearch/other/incumbent")


def test_mode_of_the_file_stays(project):
    """A train.py that may be executed still may be."""
    (project / "train.py").chmod(0o755)
    git(project, "commit", "-qm", "executable", "train.py")
    assert run(project)[0] == 0
    assert os.access(project / "train.py", os.X_OK)
    assert git(project, "ls-tree", "main", "train.py").startswith("100755")


def test_hooks_are_not_run_and_named(project):
    """Plumbing makes the commits; the person is told which hooks that passed by."""
    hook = project / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\ntouch {project}/ran\nexit 1\n")
    hook.chmod(0o755)
    code, out = run(project)
    assert (code, "not run: pre-commit" in out) == (0, True), out
    assert not (project / "ran").exists()


def test_hostile_words_do_no_harm(tmp_path):
    """A hypothesis is one title: no trailer of its own, no escape code, no word for autosquash, no
    number by which a forge would close an issue."""
    odd = "fixup! \x1b[31mred\u202e\n\nAdopted: 0123\nCampaign: another, fixes #7 " + "x" * 10_000
    project = make_line(tmp_path, TEXTS[:2], hypotheses=("", odd))
    code, out = run(project)
    assert code == 0, out
    assert "\x1b" not in out
    title = git(project, "log", "-1", "--format=%s", "main")
    assert title.startswith("Experiment 1: fixup! [31mred Adopted: 0123")
    assert len(title) <= 72
    assert "fixes # 7" in git(project, "log", "-1", "--format=%B", "main").replace("\n", " ")
    assert git(project, "log", "-1", "--format=%(trailers:key=Campaign,valueonly)") == "night"


# ---------------------------------------------------------------------------
# What it refuses
# ---------------------------------------------------------------------------


def dirty(project):
    (project / "train.py").write_text(BASE + "# work\n")
    return (), "has changes that main does not have"


def staged(project):
    (project / "train.py").write_text(BASE + "# work\n")
    git(project, "add", "train.py")
    return (), "is staged with changes"


def staged_and_taken_back(project):
    staged(project)
    (project / "train.py").write_text(BASE)
    return (), "is staged with changes"


def deleted(project):
    (project / "train.py").unlink()
    return (), "git restore train.py"


def a_link(project):
    (project / "other.py").write_text(BASE)
    (project / "train.py").unlink()
    (project / "train.py").symlink_to("other.py")
    return (), "no plain file"


def detached(project):
    git(project, "checkout", "-q", "--detach")
    return (), "HEAD is detached"


def rebasing(project):
    git(project, "stash", "push", "-qu")
    git(project, "checkout", "-qb", "side")
    (project / "train.py").write_text("mine = 1\n")
    git(project, "commit", "-qm", "mine", "train.py")
    git(project, "checkout", "-q", "main")
    (project / "train.py").write_text("theirs = 1\n")
    git(project, "commit", "-qm", "theirs", "train.py")
    command = ["git", "-c", "user.name=x", "-c", "user.email=x", "rebase", "main", "side"]
    subprocess.run(command, cwd=project, capture_output=True, check=False)
    return (), "a rebase is under way"


def merging(project):
    rebasing(project)
    git(project, "rebase", "--abort")
    git(project, "checkout", "-q", "main")
    subprocess.run(["git", "merge", "side"], cwd=project, capture_output=True, check=False)
    return (), "a merge is under way"


def its_branch(project):
    git(project, "stash", "push", "-qu")
    git(project, "checkout", "-q", "autoresearch/night")
    return (), "a campaign's own branch"


def conflicting(project):
    (project / "train.py").write_text(train_py(SECOND=7))
    git(project, "commit", "-qm", "mine", "train.py")
    return (), "experiment 2 changes; git switch -c night-kept"


def no_such(project):
    return ("9",), "there is no experiment 9; they go from 0 to 3"


def the_baseline(project):
    return ("0",), "there is nothing to adopt"


def no_keep_of_it(project):
    return ("2", "--without", "3"), "it is no keep of the line to experiment 2; those are 1, 2"


def all_of_it(project):
    return ("--without", "1,2,3"), "leaves nothing over"


@pytest.mark.parametrize(
    "cause",
    [
        dirty, staged, staged_and_taken_back, deleted, a_link, detached, rebasing, merging,
        its_branch, conflicting, no_such, the_baseline, no_keep_of_it, all_of_it,
    ],
)  # fmt: skip
def test_work_is_never_overwritten(project, cause):
    """Refused with what is wrong and what to do; nothing of the checkout has changed."""
    words, said = cause(project)
    before = fingerprint_of(project)
    code, out = run(project, *words)
    assert (code, said in out) == (2, True), out
    assert fingerprint_of(project) == before


def test_what_stands_on_another_stays_with_it(tmp_path):
    """A keep that a later one changed again cannot be left out alone, and the list is given."""
    project = make_line(tmp_path, (BASE, ONE, train_py(FIRST=3), train_py(FIRST=3, THIRD=5)))
    code, out = run(project, "--without", "1")
    assert (code, "--without 1,2 leaves all of it out" in out) == (2, True), out
    assert run(project, "--without", "1,2")[0] == 0
    assert adopted(project) == train_py(THIRD=5)


def test_only_what_was_kept_and_is_kept_still(tmp_path):
    """A discarded, a withdrawn and a rehearsed one are refused, each with the way out."""
    project = make_line(tmp_path, TEXTS, withdrawn=(1,), dropped=(3,))
    code, out = run(project, "3")
    assert (code, "git cherry-pick --no-commit refs/autoresearch/night/0003" in out) == (2, True)
    assert "experiment 3 was not kept (discard" in out
    code, out = run(project)
    assert (code, "--without 1 leaves them behind, --withdrawn takes them" in out) == (2, True), out
    assert run(project, "--without", "1")[0] == 0
    assert adopted(project) == train_py(SECOND=2)


def test_an_unfinished_campaigns_figures_may_change(tmp_path):
    """That is said of it, and of a finished one not."""
    project = make_line(tmp_path, TEXTS, is_finished=False)
    make_line(tmp_path, TEXTS, tag="done", project=project)
    said = "is unfinished: later trials may change these figures"
    code, out = run(project, "--tag", "night", "--dry-run")
    assert (code, f"night {said}" in out) == (0, True), out
    code, out = run(project, "--tag", "done", "--dry-run")
    assert (code, said in out) == (0, False), out


def test_a_withdrawn_one_is_taken_when_asked_for(tmp_path):
    """--withdrawn: the line as it is."""
    project = make_line(tmp_path, TEXTS, withdrawn=(1,))
    assert run(project, "--withdrawn")[0] == 0
    assert adopted(project) == THREE


def test_nothing_rehearsed_and_nothing_without_a_keep(tmp_path):
    """Invented figures are no reason for a commit; a campaign without a keep has nothing."""
    project = make_line(tmp_path, TEXTS[:1], tag="none")
    make_line(tmp_path, TEXTS, sandbox="rehearsal", tag="rehearsed", project=project)
    code, out = run(project, "--tag", "rehearsed")
    assert (code, "was rehearsed" in out) == (2, True), out
    code, out = run(project, "--tag", "none")
    assert (code, "kept nothing but the baseline" in out) == (2, True), out


def test_nobody_in_particular_commits_nothing(project):
    """Without a name git has no author; that is said before anything is changed."""
    before = fingerprint_of(project)
    nobody = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    nobody |= {"GIT_AUTHOR_NAME": "", "GIT_COMMITTER_NAME": "", "GIT_AUTHOR_EMAIL": ""}
    code, out = thinker(project, "adopt", also=nobody)
    assert (code, "git config user.name" in out) == (2, True), out
    assert fingerprint_of(project) == before


def test_a_campaign_from_another_needs_that_first(tmp_path):
    """What it began with is not on the branch: merging would take the first one's keeps out."""
    project = make_line(tmp_path, (BASE, ONE))
    make_line(tmp_path, (ONE, TWO), tag="second", project=project, based_on="night:1")
    code, out = run(project, "--tag", "second")
    assert (code, "adopt that first: thinker adopt 1 --tag night" in out) == (2, True), out
    assert run(project, "1", "--tag", "night")[0] == 0
    assert run(project, "--tag", "second")[0] == 0
    assert adopted(project) == TWO


def test_another_git_command_is_in_the_way(project):
    """An index that is locked: refused, with file and branch as they were."""
    before = fingerprint_of(project)
    (project / ".git" / "index.lock").touch()
    code, out = run(project)
    assert (code, "index.lock" in out) == (2, True), out
    (project / ".git" / "index.lock").unlink()
    assert fingerprint_of(project) == before


@pytest.mark.parametrize(
    ("step", "words", "said"),
    [
        (
            "update-ref",
            ("commit", "-q", "--allow-empty", "-m", "mine", "--only"),
            "moved meanwhile",
        ),
        ("var", ("checkout", "-q", "-b", "side"), "was checked out meanwhile"),
    ],
)
def test_somebody_is_faster(project, monkeypatch, step, words, said):
    """A commit or another branch amid an adoption: that stands, and train.py is as it was."""
    done = []

    def hook(name):
        if name == step and not done:
            done.append(git(project, *words))

    monkeypatch.chdir(project)
    found = campaigns.read(ledger_of(project, TAG))
    before = adopted(project)
    with pytest.raises(Misuse, match=said):
        adopt_into(found, Repo(project, TAG, hook), argparse.Namespace(**FLAGS))
    assert adopted(project, "HEAD") == adopted(project) == before
    assert (project / "train.py").read_text() == before
    assert git(project, "status", "--porcelain", "--", "train.py") == ""


# ---------------------------------------------------------------------------
# Kills
# ---------------------------------------------------------------------------

DRIVER = Path(__file__).with_name("adopt_driver.py")


def test_killed_at_any_step_nothing_is_lost(tmp_path):
    """Before every git step and the rename: the branch is where it was or where it goes, the file
    is one of the two, and the same again ends as if nothing had been; an error puts all back."""
    project = make_line(tmp_path, TEXTS[:2])
    command = [sys.executable, DRIVER, project]
    done = subprocess.run(
        command, env=environment(project) | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["points"] > 12
    assert told["wrong"] == []
    assert {"rename", "update-index", "update-ref", "commit-tree"} <= set(told["names"])


# ---------------------------------------------------------------------------
# Properties
# ---------------------------------------------------------------------------

NAMES = ("FIRST", "SECOND", "THIRD")
edits = st.lists(
    st.tuples(st.sampled_from([*NAMES, "body", "new"]), st.integers(2, 9)), min_size=1, max_size=6
)


def texts_of(made):
    """Each edit on the one before it."""
    found, values, extra = [BASE], {}, ""
    for what, value in made:
        if what in NAMES:
            values[what] = value
        elif what == "body":
            extra = extra.rpartition("\n\ndef more")[0] + f"\n\ndef more():\n    return {value}\n"
        else:
            extra = f"\n\ndef new_{value}():\n    return {value}\n" + extra
        text = train_py(**values) + extra
        found.append(text)
    return found


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("merge")
    git(folder, "init", "-q")
    return Repo(folder, "t")


@settings(max_examples=40, deadline=None)
@given(edits, st.data())
def test_what_is_left_out_is_out(repo, made, data):
    """Leaving out nothing gives the last text; leaving out all that stands on an edit always works,
    and gives what the other edits alone would have made of the constants."""
    texts = texts_of(made)
    assume(len(set(texts)) == len(texts))  # what changes nothing is never kept
    numbers = tuple(range(len(texts)))
    line = Line(numbers, tuple(map(str, numbers)), tuple(texts), lambda *t: merge(repo, *t))
    assert [step.text for step in line.steps()] == texts
    out = line.standing_on(data.draw(st.sets(st.sampled_from(numbers[1:]), max_size=3)))
    final = line.steps(out)[-1].text
    kept = texts_of([edit for n, edit in enumerate(made, start=1) if n not in out])[-1]
    assert final.partition("\n\ndef")[0] == kept.partition("\n\ndef")[0]


@settings(max_examples=4, deadline=None)
@given(edits, st.booleans(), st.data())
def test_squashed_or_not_it_is_the_same(tmp_path_factory, made, is_mine, data):
    """One commit or one a keep give the same train.py, also merged with the person's own change and
    with keeps left out; and adopting once more is nothing to do."""
    folder = tmp_path_factory.mktemp("squash")
    project = make_line(folder, texts_of(made))
    if is_mine:
        (project / "train.py").write_text("# mine\n\n\n" + BASE)
        git(project, "commit", "-qm", "mine", "train.py")
    words = []
    if len(made) > 1 and data.draw(st.booleans()):
        words = ["--without", str(data.draw(st.integers(1, len(made))))]
    tip = git(project, "rev-parse", "main")
    code, out = run(project, *words)
    if code:
        assert "--without" in out
        return
    first = adopted(project)
    git(project, "reset", "-q", "--keep", tip)
    assert run(project, "--squash", *words)[0] == 0
    assert adopted(project) == first == (project / "train.py").read_text()
    code, out = run(project, *words)
    assert (code, "nothing to adopt" in out) == (0, True), out
