"""Kills a study whose trials are rehearsed before every ledger append and git step, and resumes it.

python ablate_driver.py PROJECT: prints JSON, how many kill points there are and what went wrong.
"""

import json
import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import git  # noqa: F401 (imported before the forks, not in each)
from kill_driver import TAG, Killer, in_fork, run_git

from harness import campaign as campaigns
from harness.ablating import Ablation, Bench
from harness.executor.rehearsal import Rehearsal
from harness.history import History
from harness.ledger import Ledger
from harness.reading import ledger_of
from harness.repo import Repo

SEEDS = 2


def study(project, hook):
    path = ledger_of(project, TAG)
    repo, inbox = Repo(project, TAG, lambda name: hook("git", name, None)), SimpleQueue()
    with Ledger(path, lambda line: hook("ledger", line, path)) as ledger:
        bench = Bench(
            ledger, repo, Rehearsal(2, inbox.put), inbox, project, None, lambda: None, print_not
        )
        Ablation(bench, History.of(ledger.entries), SEEDS).run()


def print_not(text):
    pass


def result(project):
    """All that must not depend on kills."""
    history = campaigns.read(ledger_of(project, TAG)).history
    found = next(iter(history.ablations.studies.values()))
    stored = run_git(project, "cat-file", "blob", f"refs/autoresearch/{TAG}/ledger")
    variants = [(v.number, v.without, v.commit) for v in found.variants]
    return {
        "variants": variants,
        "trials": sorted((o.experiment, o.seed, o.status) for o in found.outcomes),
        "refs": run_git(project, "for-each-ref", f"refs/autoresearch/{TAG}/ablated"),
        "stored": stored == ledger_of(project, TAG).read_text(),
        "verdicts": {n: (r.standing, r.posterior) for n, r in history.records.items()},
        "incumbent": history.incumbent,
        "finished": history.is_finished,
    }


def main():
    template = Path(sys.argv[1])
    folder = template.parent

    def fresh(name):
        return Path(shutil.copytree(template, folder / name))

    whole, counting = fresh("whole"), Killer(0)
    study(whole, counting)
    wanted = result(whole)
    points = [(at, False) for at in range(1, counting.count + 1)]
    points = points[::4] + points[-4:]  # some; of the last, after which nothing else happens, all
    points += [(at, True) for at, name in enumerate(counting.names, 1) if name == "ledger"][::3]
    wrong = []
    for at, torn in points:
        project = fresh("killed")
        if in_fork(partial(study, project, Killer(at, torn))) != signal.SIGKILL:
            wrong.append([at, "was not killed"])
        in_fork(partial(study, project, Killer(0)))
        found = result(project)
        wrong += [[at, torn, key, found[key]] for key in wanted if found[key] != wanted[key]]
        shutil.rmtree(project)
    told = {"points": len(points), "wrong": wrong, "trials": len(wanted["trials"])}
    told["variants"] = [v[:2] for v in wanted["variants"]]
    print(json.dumps(told, default=str))


if __name__ == "__main__":
    os.environ |= {"GIT_AUTHOR_NAME": "", "GIT_COMMITTER_NAME": ""}  # the person's is not needed
    main()
