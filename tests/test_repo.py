"""Git by plumbing: commits and refs of a campaign, and nothing else of the person's changed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import fill, fingerprint_of, git, make_project
from hypothesis import given
from hypothesis import strategies as st
from lines import train_py

from harness.commit_message import WIDTH, message, title_of
from harness.commits import merged
from harness.experiment import Experiment, Judged, Proposed, Settings, Started, Verdict
from harness.history import History
from harness.ledger import Entry
from harness.repo import Repo, Unusable, check_tag
from harness.researcher.listed import BadList, Listed

TIME = "2026-01-31T22:00:00.000+00:00"
TRAIN = "FIRST = 1\n\n\nSECOND = 2\n"
SETTINGS = Settings(1.0, None, 1, 1, 1, "cpu", "cpu", "none", ("list", "x"), None, None)


def experiment(number, commit, parent=0, **changes):
    fields = {"hypothesis": f"number {number}", "researcher": "list", "kind": "idea"}
    fields |= {"expected": None, "mark": 0, "fingerprint": f"f{number}", "nodes": 1}
    return Experiment(number, parent, commit, preflight="none", **(fields | changes))


def keep(number, accuracy=0.5):
    return Verdict(number, "keep", "better", accuracy, 0, None)


def history_of(*events):
    started = Started("t", "c", SETTINGS, "", "", "", "", "a machine", "0")
    return History.of(Entry(TIME, event) for event in (started, *events))


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", TRAIN)


def staged(repo, text, parent=None, number=0):
    parents = (parent or repo.head(),)
    return repo.stage(parents, {"train.py": text}, message(experiment(number, "")), TIME)


def test_a_campaign_leaves_the_checkout_alone(project):
    """Stage, judge, settle, store: index, files, stash, config and other refs are as before."""
    before = fingerprint_of(project)
    repo = Repo(project, "t")
    commit = staged(repo, "FIRST = 3\n")
    history = history_of(Proposed(experiment(0, commit)), Judged(keep(0), commit))
    repo.settle(history)
    repo.store_ledger(project / "train.py")
    repo.difference(repo.head(), commit)
    repo.merge("a\n", "b\n", "c\n")
    assert fingerprint_of(project) == before
    assert git(project, "show", "autoresearch/t:train.py") == "FIRST = 3"
    assert git(project, "show", "autoresearch/t:notes.txt") == "the person's own"


def test_the_same_again_gives_the_same(project):
    """A commit staged twice is one commit; a history settled twice moves nothing."""
    steps = []
    repo = Repo(project, "t", steps.append)
    first = staged(repo, "FIRST = 3\n")
    assert staged(repo, "FIRST = 3\n") == first
    history = history_of(Proposed(experiment(0, first)))
    repo.settle(history)
    steps.clear()
    repo.settle(history)
    assert steps == ["for-each-ref"]


def test_figures_are_trailers(project):
    """git reads experiment, accuracy and verdict out of the commit message."""
    repo = Repo(project, "t")
    odd = experiment(7, "", hypothesis="Two\nlines: of text\n\nVerdict: forged", expected=0.01)
    text = message(odd, keep(7, 0.4312), (), "a machine")
    commit = repo.stage((repo.head(),), {"train.py": "x = 1\n"}, text, TIME)
    trailers = git(project, "log", "-1", "--format=%(trailers:only,unfold)", commit).splitlines()
    assert "Accuracy: 0.4312" in trailers
    assert "Verdict: keep" in trailers
    assert not any("forged" in line for line in trailers)
    assert git(project, "log", "-1", "--format=%s", commit) == "Two lines: of text Verdict: forged"


@pytest.mark.parametrize(
    ("told", "title"),
    [
        (
            "PROMOTE_BY 1.23 → 1.98: TPE's draw near the incumbent; the baseline: none near",
            "PROMOTE_BY 1.23 → 1.98: TPE's draw near the incumbent...",
        ),
        (
            "Halve the learning rate, since every loss curve so far (1, 3, 4) ends in noise",
            "Halve the learning rate, since every loss curve so far...",
        ),
        ("word " * 20, "word " * 12 + "word..."),
        ("Yes. " + "word " * 20, "Yes. " + "word " * 11 + "word..."),
        ("x" * 100, "x" * 69 + "..."),
        ("A short one; whole", "A short one; whole"),
    ],
)
def test_a_title_ends_with_a_thought(told, title):
    """Or with a word where no clause ends late enough."""
    assert title_of(told) == title


@given(st.text(max_size=200))
def test_any_title_has_room(told):
    """And begins as what was told does."""
    title = title_of(told)
    assert len(title) <= WIDTH
    assert told.startswith(title if title == told else title.removesuffix("..."))


def test_the_branch_follows_the_incumbent(project):
    """It is made, moves forward, is made again when deleted, and stays where a person put it."""
    repo = Repo(project, "t")
    base = staged(repo, "FIRST = 3\n")
    better = staged(repo, "FIRST = 4\n", base, 1)
    events = [Proposed(experiment(0, base)), Judged(keep(0), base)]
    assert repo.settle(history_of(*events)) == ""
    assert git(project, "rev-parse", "autoresearch/t") == base
    events += [Proposed(experiment(1, better)), Judged(keep(1), better)]
    repo.settle(history_of(*events))
    assert git(project, "rev-parse", "autoresearch/t") == better
    git(project, "branch", "-q", "-D", "autoresearch/t")
    repo.settle(history_of(*events))
    assert git(project, "rev-parse", "autoresearch/t") == better
    git(project, "branch", "-q", "-f", "autoresearch/t", "main")
    assert "moved by hand" in repo.settle(history_of(*events))
    assert git(project, "rev-parse", "autoresearch/t") == git(project, "rev-parse", "main")
    assert git(project, "rev-parse", "refs/autoresearch/t/incumbent") == better


def test_a_checked_out_branch_moves_without_its_files(project):
    """Only the ref moves, and that is said."""
    repo = Repo(project, "t")
    base = staged(repo, "FIRST = 3\n")
    events = [Proposed(experiment(0, base)), Judged(keep(0), base)]
    repo.settle(history_of(*events))
    git(project, "stash", "push", "-q", "-u")
    git(project, "checkout", "-q", "autoresearch/t")
    better = staged(repo, "FIRST = 4\n", base, 1)
    events += [Proposed(experiment(1, better)), Judged(keep(1), better)]
    assert "checked out" in repo.settle(history_of(*events))
    assert (project / "train.py").read_text() == "FIRST = 3\n"


def test_changes_merge_or_conflict(project):
    """Changes of distant lines are merged; of one line, they are not."""
    repo = Repo(project, "t")
    base = "".join(f"{n}\n" for n in range(20))
    mine, theirs = base.replace("2\n3\n", "2\nMINE\n"), base.replace("\n15\n", "\nTHEIRS\n")
    merged = repo.merge(mine, base, theirs)
    assert "MINE" in merged
    assert "THEIRS" in merged
    assert repo.merge(mine, base, base.replace("2\n3\n", "2\nTHEIRS\n")) is None


def test_neighbouring_constants_are_no_conflict_for_what_waited(tmp_path):
    """An edit that waited while the incumbent moved is put on top of it: tuning is not dropped."""
    texts = [train_py(), train_py(FIRST=2), train_py(SECOND=3)]
    project = make_project(tmp_path / "project", texts[0])
    repo = Repo(project, "t")
    base = staged(repo, texts[0])
    first, second = (staged(repo, text, base, n) for n, text in ((1, texts[1]), (2, texts[2])))
    history = history_of(
        *(Proposed(experiment(0, base)), Judged(keep(0), base)),
        *(Proposed(experiment(1, first)), Judged(keep(1), first)),
        Proposed(experiment(2, second)),
    )
    event = merged(repo, history, 2)
    assert repo.source(event.commit) == train_py(FIRST=2, SECOND=3)


@pytest.mark.parametrize("expected", ["true", "NaN", "1e400", '"much"'])
def test_a_list_expects_numbers(tmp_path, expected):
    """What the ledger could not hold would end the campaign for good."""
    path = tmp_path / "list.jsonl"
    path.write_text(f'{{"hypothesis": "h", "constants": {{"A": 1}}, "expected": {expected}}}\n')
    with pytest.raises(BadList, match="should be a number"):
        Listed.read(str(path))


def test_no_hook_and_no_monitor_runs(project):
    """Hooks and an fsmonitor that a repository configures are never started."""
    trap = project.parent / "ran"
    for name in ("pre-commit", "post-commit", "reference-transaction", "post-index-change"):
        hook = project / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {trap}\n")
        hook.chmod(0o755)
    git(project, "config", "core.fsmonitor", f"touch {trap}; false")
    git(project, "config", "commit.gpgsign", "true")
    trap.unlink(missing_ok=True)
    repo = Repo(project, "t")
    commit = staged(repo, "FIRST = 3\n")
    repo.settle(history_of(Proposed(experiment(0, commit)), Judged(keep(0), commit)))
    assert not trap.exists()


def test_differences_are_plain_text(project):
    """Whatever a person's git does with colours, converters and other programs."""
    for key, value in (("color.ui", "always"), ("diff.external", "false")):
        git(project, "config", key, value)
    (project / ".gitattributes").write_text("*.py diff=odd\n")
    git(project, "config", "diff.odd.textconv", "rev")
    repo = Repo(project, "t")
    commit = staged(repo, "FIRST = 3\n")
    lines = repo.difference(repo.head(), commit).splitlines()
    assert lines[0].startswith("diff --git ")
    assert "+FIRST = 3" in lines
    assert "\x1b" not in "".join(lines)


def test_a_stale_lock_of_the_index_does_not_matter(project):
    """The person's index is not used, so that a lock on it is not waited for."""
    (project / ".git" / "index.lock").write_text("")
    repo = Repo(project, "t")
    commit = staged(repo, "FIRST = 3\n")
    repo.settle(history_of(Proposed(experiment(0, commit))))
    assert git(project, "rev-parse", "refs/autoresearch/t/0000") == commit


def test_without_identity_detached_shallow_and_below_the_top(tmp_path):
    """No user.name, a detached HEAD, a shallow clone, a project in a subfolder."""
    source = make_project(tmp_path / "source", TRAIN)
    git(source, "reset", "-q", "--hard")
    (source / "sub").mkdir()
    shutil.copy(source / "train.py", source / "sub")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "second")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{source}", clone], check=True)
    git(clone, "checkout", "-q", "--detach")
    repo = Repo(clone / "sub", "t")
    commit = staged(repo, "FIRST = 3\n")
    repo.settle(history_of(Proposed(experiment(0, commit)), Judged(keep(0), commit)))
    assert git(clone, "show", f"{commit}:sub/train.py") == "FIRST = 3"
    assert git(clone, "show", f"{commit}:train.py") == TRAIN.strip()
    assert repo.source(commit) == "FIRST = 3\n"


def test_outside_git_the_remedy_is_told(tmp_path):
    """No repository, and one without a commit, are refused with what to do."""
    with pytest.raises(Unusable, match="git init"):
        Repo(tmp_path, "t")
    git(tmp_path, "init", "-q")
    with pytest.raises(Unusable, match="commit train.py"):
        Repo(tmp_path, "t").head()


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_a_repository_of_another_user_is_told(project, monkeypatch):
    """git refuses it; the remedy is git's own setting."""
    for path in [project, *project.rglob("*")]:
        os.chown(path, 65534, 65534)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(Unusable, match=f"safe.directory {project}"):
        Repo(project, "t")


@pytest.mark.parametrize("tag", ["a", "20260131-2", "night.1"])
def test_tags_that_make_branches(tag):
    """Letters, digits, dots, - and _."""
    assert check_tag(tag) is None


@pytest.mark.parametrize("tag", ["", "-a", "a b", "a/b", "a..b", "a.lock", "a~1", "x" * 80, "a\n"])
def test_tags_that_do_not(tag):
    """What git or a file system would trip over is refused."""
    assert "makes no branch name" in check_tag(tag)


def test_a_full_disk_is_waited_for(small_disk, tmp_path):
    """A git step that finds no room tells of it, and goes on once there is."""
    project = make_project(tmp_path / "project", TRAIN)
    objects = project / ".git" / "objects"
    shutil.copytree(objects, small_disk / "objects")
    shutil.rmtree(objects)
    objects.symlink_to(small_disk / "objects")
    repo = Repo(project, "t")
    ballast = fill(small_disk)
    told = []

    def make_room(what):
        told.append(what)
        ballast.unlink(missing_ok=True)

    repo.when_stuck = make_room
    text = "".join(f"N{n} = {n * n}\n" for n in range(3000))
    commit = staged(repo, text)
    assert told
    assert "No space left on device" in told[0]
    assert repo.source(commit) == text
    assert Path(objects).is_symlink()


def test_a_machine_without_a_free_process_is_waited_for(project, tmp_path, monkeypatch):
    """What the system refuses for a moment is told, and tried again."""
    folder = tmp_path / "bin"
    folder.mkdir()
    real = shutil.which("git")
    script = f"""#!/bin/sh
if [ ! -e {tmp_path}/passed ]; then
    touch {tmp_path}/passed
    echo "fatal: cannot fork() for child: Resource temporarily unavailable" >&2
    exit 128
fi
exec {real} "$@"
"""
    repo = Repo(project, "t")
    (folder / "git").write_text(script)
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    told = []
    repo.when_stuck = told.append
    assert repo.head() == git(project, "rev-parse", "HEAD")
    assert len(told) == 1
    assert "Resource temporarily unavailable" in told[0]
