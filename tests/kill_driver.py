"""Kills a rehearsed campaign before every ledger append and git step, and resumes it each time.

python kill_driver.py FOLDER [SHARE OF]: prints JSON, the kill points and what came out differently.
Each campaign runs in a fork, so that everything is imported once.
"""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import git  # noqa: F401 (imported before the forks, not in each)

from harness.believed import posteriors
from harness.commits import Base
from harness.executor.rehearsal import Rehearsal, compared_of, outcome_of
from harness.experiment import Learned, Resumed, Settings, Started, Trial
from harness.history import History
from harness.judge import seeds
from harness.ledger import Ledger, read
from harness.loop import Loop
from harness.money import Model, Reserved, Settled, Tokens
from harness.preflight import Flight
from harness.reading import ledger_of
from harness.repo import Repo
from harness.researcher.listed import Listed
from harness.seal_command import reveal, unseal
from harness.state import sha256

TAG = "night"
CAMPAIGN = "00000000-0000-4000-8000-000000000000"
SECRET = "what draws the problems"
SETS = 2  # one that the campaign opens itself, and one by hand
EXPERIMENTS, CAP_USD, MOST_USD, USD = 6, 20.0, 0.5, 0.25
SETTINGS = Settings(
    1.0, None, 1, 1, 1, "cpu", "cpu", "none", ("list", "x"), EXPERIMENTS, None,
    baseline_seeds=2, reserve=0.4, model=Model("m"), max_usd=CAP_USD,
)  # fmt: skip
SOURCE = """\
FIRST = 1  # a constant

# Lines between constants, so that changes of two of them merge.

SECOND = 1  # another


def load_solver(checkpoint, device):
    return lambda questions: [str(FIRST + SECOND) for question in questions]
"""
WHO = ["-c", "user.name=a person", "-c", "user.email=person@localhost"]


def started():
    return Started(TAG, CAMPAIGN, SETTINGS, "", "", "", sha256(SECRET), "a machine", "0")


def readings(source):
    """Of its first three trials."""
    history = History()
    history.started = started()
    return [outcome_of(Trial(0, seed), source).accuracy for seed in seeds(history)[:3]]


def accuracy(source):
    return readings(source)[0]


@functools.cache  # the forks inherit it
def edits():
    """Two keeps, the second merged onto the first; a crash, a repetition, what does not parse; and
    a keep by luck, which the closing repeats withdraw."""
    base = accuracy(SOURCE)

    def with_(first, second):
        text = SOURCE.replace("FIRST = 1 ", f"FIRST = {first} ")
        return text.replace("SECOND = 1 ", f"SECOND = {second} ")

    first = next(n for n in range(2, 999) if accuracy(with_(n, 1)) > base)
    kept = accuracy(with_(first, 1))
    second = next(n for n in range(2, 999) if accuracy(with_(first, n)) > kept)
    crash = next(
        n for n in range(2, 999) if accuracy(with_(n, second)) == accuracy(with_(n, 1)) == 0
    )
    best = readings(with_(first, second))
    lucky = next(
        n
        for n in range(2, 99999)
        if (found := readings(with_(first, n)))[0] > best[0] and sum(found[1:]) < sum(best[1:])
    )
    return [
        {"hypothesis": "keep", "constants": {"FIRST": first}},
        {"hypothesis": "merge", "constants": {"SECOND": second}},
        {"hypothesis": "crash", "source": with_(crash, second)},
        {"hypothesis": "the same", "source": with_(first, second) + "# but for a comment\n"},
        {"hypothesis": "broken", "source": "def ("},
        {"hypothesis": "lucky", "source": with_(first, lucky)},
    ]


class Paid(Listed):
    """Spends money on each proposal, and learns of it, as a language model does."""

    def propose(self, brief):
        number, desk = brief.history.next_id, brief.desk
        call = desk.record(
            lambda history: Reserved(history.spending.calls + 1, number, "m", MOST_USD)
        )
        desk.record(lambda history: Settled(call.call, USD, Tokens(input=9), "end_turn"))
        desk.record(lambda history: Learned(None, f"before {number}", self.name))
        return super().propose(brief)


def make_template(folder):
    folder.mkdir()
    (folder / "train.py").write_text(SOURCE)
    (folder / "program.md").write_text("Do well.\n")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], [*WHO, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    (folder / "staged.txt").write_text("staged, not committed\n")
    subprocess.run(["git", "add", "staged.txt"], cwd=folder, check=True)
    (folder / "untracked.txt").write_text("untracked\n")


def campaign(project, hook):
    """Run it to its end, as harness.run_command does it; open a sealed set by hand, and close."""
    path = ledger_of(project, TAG)
    path.parent.mkdir(parents=True, exist_ok=True)
    repo = Repo(project, TAG, lambda name: hook("git", name, None))
    with Ledger(path, lambda line: hook("ledger", line, path)) as ledger:
        history = History.of(ledger.entries)
        if history.started is None:
            history = history.after(ledger.append(started()))
        elif not history.is_finished:
            history = history.after(ledger.append(Resumed(EXPERIMENTS, 1, CAP_USD)))
        base = Base(repo.head(), SOURCE, "Do well.\n", history.started_at)
        inbox = SimpleQueue()
        loop = Loop(
            ledger=ledger,
            history=history,
            repo=repo,
            base=base,
            researcher=Paid(edits()),
            executor=Rehearsal(1, inbox.put),
            inbox=inbox,
            try_out=lambda source: Flight("unproven", ""),
            deadline=None,
            show=lambda history, note: None,
            halt=Event(),
            scratch=project,
        )
        if not history.is_finished:
            loop.run()
        history = loop.history
        if len(history.sealed.compared) < SETS:
            history = unseal(ledger, repo, history, lambda trial: True, compared_of)
        reveal(ledger, repo, history, SECRET)


class Killer:
    """Counts steps, and ends this process before the given one; torn: amid an append."""

    def __init__(self, at, torn=False):
        self.at, self.torn, self.count, self.names = at, torn, 0, []

    def __call__(self, kind, text, path):
        self.count += 1
        self.names.append(kind if kind == "ledger" else text)
        if self.count == self.at:
            if self.torn and kind == "ledger":
                with path.open("ab") as file:
                    file.write(text.encode()[: len(text) // 2])
            os.kill(os.getpid(), signal.SIGKILL)


def in_fork(action):
    """0, or the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            action()
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    status = os.waitpid(pid, 0)[1]
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"the campaign failed with {code}"
    return -code


def result(project):
    """All that must not depend on kills: experiments, verdicts, sources, branch, the checkout."""
    history = History.of(read(ledger_of(project, TAG)))
    repo, beliefs = Repo(project, TAG), posteriors(history)
    found = [
        (
            n,
            r.experiment.hypothesis,
            r.verdict.decision,
            r.verdict.accuracy,
            r.standing,
            round(beliefs[n].p_real, 9) if n in beliefs else None,
            len(r.outcomes),
            repo.source(r.commit),
        )
        for n, r in history.records.items()
    ]
    refs = run_git(project, "for-each-ref", "--format=%(refname)").split()
    branch = repo.source(f"refs/heads/autoresearch/{TAG}")
    log = run_git(project, "log", "--format=%s", "--first-parent", f"autoresearch/{TAG}")
    tips = {
        run_git(project, "rev-parse", name)
        for name in (f"autoresearch/{TAG}", f"refs/autoresearch/{TAG}/incumbent")
    }
    stored = run_git(project, "cat-file", "blob", f"refs/autoresearch/{TAG}/ledger")
    return {
        "experiments": found,
        "refs": refs,
        "branch": branch,
        "log": log,
        "one tip": len(tips),
        "incumbent": history.incumbent,
        "finished": history.is_finished,
        "stored": stored.count('"type": "judged"'),
        "checkout": checkout(project),
        "paid for": sorted(history.spending.by_experiment),
        "within the cap": history.spending.committed_usd <= CAP_USD,
        "each was billed": all(s.usd >= USD for s in history.spending.by_experiment.values()),
        "open calls": len(history.spending.open),
        "sealed": [(o.number, o.candidate, o.seeds, o.why) for o in history.sealed.opened],
        "said": [found.levels for found in history.sealed.compared],
        "revealed": history.revealed.secret,
        "stored whole": stored == ledger_of(project, TAG).read_text(),
        "lessons": sorted({lesson.text for lesson in history.lessons}),
    }


def checkout(project):
    """The person's own: index, head, status, configuration."""
    index = (project / ".git" / "index").read_bytes().hex()
    head = (project / ".git" / "HEAD").read_text()
    config = (project / ".git" / "config").read_text()
    status = run_git(project, "status", "--porcelain", "--", ".", ":!results")
    return [index, head, config, status]


def run_git(project, *words):
    command = ["git", "--no-optional-locks", *words]
    return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout


def main():
    folder = Path(sys.argv[1])
    share, of = map(int, sys.argv[2:4]) if len(sys.argv) > 3 else (0, 1)
    template = folder / "template"
    make_template(template)
    before = checkout(template)
    counting = Killer(0)
    whole = folder / "whole"
    shutil.copytree(template, whole)
    campaign(whole, counting)
    wanted = result(whole)
    assert wanted["checkout"] == before
    points = [(at, False) for at in range(1, counting.count + 1)]
    points += [(at, True) for at, name in enumerate(counting.names, 1) if name == "ledger"]
    different = []
    for at, torn in points[share::of]:
        project = folder / f"killed-{at}-{torn}"
        shutil.copytree(template, project)
        killed = in_fork(partial(campaign, project, Killer(at, torn)))
        # The order of threads may differ a little, so that the last points are not always reached.
        if killed != signal.SIGKILL and at < counting.count - 20:
            different.append([at, counting.names[at - 1], "was not killed"])
        in_fork(partial(campaign, project, Killer(0)))
        found = result(project)
        if found != wanted:
            keys = [key for key in wanted if wanted[key] != found[key]]
            changes = [(wanted[key], found[key]) for key in keys]
            different.append([at, torn, counting.names[at - 1], keys, changes])
        shutil.rmtree(project)
    verdicts = [row[1:4] for row in wanted["experiments"]]
    standings = [row[4] for row in wanted["experiments"]]
    facts = {"points": len(points), "verdicts": verdicts, "standings": standings}
    facts["sealed"] = wanted["sealed"]
    print(json.dumps(facts | {"different": different}, default=str))


if __name__ == "__main__":
    main()
