"""Kills an adoption before every step of it, and does it again each time.

python adopt_driver.py PROJECT: prints JSON, how many kill points there are and what went wrong.
"""

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import git  # noqa: F401 (imported before the forks, not in each)
from kill_driver import TAG, in_fork, run_git

from harness import campaign as campaigns
from harness.adopt_command import adopt_into
from harness.errors import Misuse
from harness.reading import ledger_of
from harness.repo import Repo

FLAGS = {"id": None, "tag": None, "squash": False, "one_a_keep": False, "without": ()}
FLAGS |= {"withdrawn": False, "dry_run": False, "json": True}


def adopt(project, hook):
    os.chdir(project)
    found = campaigns.read(ledger_of(project, TAG))
    with contextlib.redirect_stdout(io.StringIO()):
        adopt_into(found, Repo(project, TAG, hook), argparse.Namespace(**FLAGS))


class At:
    """Does something before the given step."""

    def __init__(self, place=0, act=lambda: None):
        self.place, self.act, self.names = place, act, []

    def __call__(self, name):
        self.names.append(name)
        if len(self.names) == self.place:
            self.act()


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def fail():
    raise OSError(28, "No space left on device")


def state(project):
    """Text of train.py on the branch, in the index and in the folder."""
    return (
        run_git(project, "show", "main:train.py"),
        run_git(project, "show", ":train.py"),
        (project / "train.py").read_text(),
    )


def rest(project):
    listed = run_git(project, "ls-files", "--stage", "--", ":!train.py")
    refs = run_git(project, "for-each-ref").splitlines()
    files = sorted(p.name for p in project.iterdir() if p.name != ".train.py.adopting")
    return listed, [ref for ref in refs if "refs/heads/main" not in ref], files


def main():
    os.environ |= {
        f"GIT_{role}_{k}": "a person" for role in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")
    }
    template = Path(sys.argv[1])
    folder = template.parent

    def fresh(name):
        return Path(shutil.copytree(template, folder / name, symlinks=True))

    whole, counting = fresh("whole"), At()
    old, others = state(whole)[0], rest(whole)
    adopt(whole, counting)
    new = state(whole)[0]
    assert state(whole) == (new, new, new)
    wrong = []
    changing = counting.names.index("commit-tree") + 1
    places = [*range(1, changing, 4), *range(changing, len(counting.names) + 1)]
    for place in places:  # of those before the first commit, that read only, some
        name = counting.names[place - 1]
        project = fresh("killed")
        if in_fork(partial(adopt, project, At(place, kill))) != signal.SIGKILL:
            wrong.append([place, name, "was not killed"])
        branch, index, file = state(project)
        if not {branch, index, file} <= {old, new} or (branch == new) > (file == index == new):
            wrong.append([place, name, "killed", branch, index, file])
        adopt(project, None)
        if state(project) != (new, new, new) or rest(project) != others:
            wrong.append([place, name, "again", *state(project)])
        if (project / ".train.py.adopting").exists():
            wrong.append([place, name, "left behind"])
        shutil.rmtree(project)
        project = fresh("failed")
        with contextlib.suppress(OSError, Misuse):
            adopt(project, At(place, fail))
        found = state(project)
        if found not in ((old, old, old), (new, new, new)) or rest(project) != others:
            wrong.append([place, name, "failed", *found])
        os.chdir(folder)
        shutil.rmtree(project)
    told = {"points": len(places), "names": counting.names, "wrong": wrong}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
