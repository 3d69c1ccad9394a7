"""Campaigns with a line of keeps, made in no time: real commits, a real ledger.

They are written as a harness writes them; only the accuracies are given.
"""

import json
import os
import random

from conftest import environment, git, make_project

from harness import campaign as campaigns
from harness.commit_message import message
from harness.commits import with_figures
from harness.experiment import (
    Experiment,
    Judged,
    LevelCount,
    Outcome,
    Posterior,
    Proposed,
    Reviewed,
    Settings,
    Started,
    Stopped,
    Tried,
    Verdict,
)
from harness.history import History
from harness.judge import seeds
from harness.ledger import Ledger
from harness.reading import ledger_of
from harness.repo import Repo
from harness.state import State, sha256

TAG = "night"
CAMPAIGN = "00000000-0000-4000-8000-00000000000a"
TIME = "2026-01-31T22:00:00.000+00:00"
SETTINGS = Settings(
    60.0, None, 20, 1, 1, "cpu", "cpu", "none", ("list", "x"), 9, None, baseline_seeds=1
)


BODY = """

def body():
    return FIRST * SECOND + THIRD


def load_solver(checkpoint, device):
    return lambda questions: [str(body()) for question in questions]
"""


def outcome(number, seed, accuracy, **changes):
    """Of 10,000 problems of one level."""
    fields = {"status": "ok", "reason": "", "sandbox": "none", "checkpoint": f"{number}-{seed}"}
    fields |= {"levels": (LevelCount("add:4", round(10_000 * accuracy), 10_000),)}
    figures = {"train_s": 1.0, "score_s": 1.0, "cpu_s": 1.0, "solve_s": 1.0, "steps": 1}
    figures |= {"samples": 1, "memory_mb": 1.0, "slot": 0}
    return Outcome(number, seed, **(fields | figures | changes))


def make_line(
    folder,
    texts,
    *,
    accuracies=(),
    withdrawn=(),
    dropped=(),
    settings=SETTINGS,
    hypotheses=(),
    sandbox="none",
    is_finished=True,
    based_on="",
    tag=TAG,
    project=None,
):
    """A project whose campaign kept each text on the one before it; `dropped` are the numbers of
    those that were discarded instead. Its train.py is the first text."""
    project = project or make_project(folder / "project", texts[0])
    os.environ["XDG_STATE_HOME"] = environment(project)["XDG_STATE_HOME"]
    state = State(str(random.Random(tag).getrandbits(64)))
    state.create({"train.py": texts[0], "program.md": "Do well.\n"})
    repo, path = Repo(project, tag), ledger_of(project, tag)
    path.parent.mkdir(parents=True)
    with Ledger(path) as ledger:
        started = Started(
            tag, state.folder.name, settings, repo.head(), "", "", sha256(state.secret()),
            "a machine", "0", based_on=based_on,
        )  # fmt: skip
        history = History().after(ledger.append(started))
        parent, tip = 0, repo.head()
        for number, text in enumerate(texts):
            told = hypotheses[number] if number < len(hypotheses) else f"edit {number}"
            experiment = Experiment(
                number, parent, "", told, "list", "idea", None, 0, sha256(text), 100, "none"
            )
            commit = repo.stage((tip,), {"train.py": text}, message(experiment), TIME)
            experiment = Experiment(
                number, parent, commit, told, "list", "idea", None, 0, sha256(text), 100, "none"
            )
            history = history.after(ledger.append(Proposed(experiment)))
            read = accuracies[number] if number < len(accuracies) else 0.3 + 0.05 * number
            read = read if isinstance(read, tuple) else (read,)
            for seed, accuracy in zip(seeds(history), read, strict=False):
                found = outcome(number, seed, accuracy, sandbox=sandbox)
                history = history.after(ledger.append(Tried(found)))
            belief = Posterior(read[0], 0.01, 0.05, 0.01, 0.9)
            decision = "discard" if number in dropped else "keep"
            verdict = Verdict(number, decision, "as told", read[0], parent, 0.3, belief)
            commit = with_figures(repo, history, verdict)
            history = history.after(ledger.append(Judged(verdict, commit)))
            if decision == "keep":
                parent, tip = number, commit
        for number in withdrawn:
            belief = Posterior(0.3, 0.01, -0.01, 0.01, 0.1)
            review = Reviewed(number, "withdrawn", "it was luck", belief, 2)
            history = history.after(ledger.append(review))
        if is_finished:
            history = history.after(ledger.append(Stopped("9 experiments", True)))
        repo.settle(history)
        repo.store_ledger(path)
    return project


def history_of(project, tag=TAG):
    return campaigns.read(ledger_of(project, tag)).history


def train_py(**values):
    """Constants on adjoining lines, as train.py has them, a body, and a solver."""
    constants = {"FIRST": 1, "SECOND": 1, "THIRD": 1} | values
    lines = [f"{name:8} = {value}  # a constant\n" for name, value in constants.items()]
    return "".join(lines) + BODY


def told_by(out):
    """The JSON object that a command printed."""
    return json.loads(out[out.index("{") :])


def adopted(project, branch="main"):
    """train.py as the branch has it."""
    return git(project, "show", f"{branch}:train.py") + "\n"
