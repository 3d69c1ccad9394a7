"""A machine that cannot run trials any more: the campaign ends, and burns no more experiments."""

from dataclasses import replace
from queue import SimpleQueue
from threading import Event

import kill_driver
import pytest

from harness.commits import Base
from harness.ending import LOST, MOST_LOST
from harness.executor import Finished
from harness.executor.rehearsal import Rehearsal, outcome_of
from harness.experiment import Resumed
from harness.history import History
from harness.judge import LOST_MOST
from harness.ledger import Ledger
from harness.loop import Loop
from harness.preflight import Flight
from harness.reading import ledger_of
from harness.repo import Repo
from harness.researcher.listed import Listed


class Losing(Rehearsal):
    """Loses the trials that `is_lost` is true of, as where Python itself was taken away."""

    def __init__(self, deliver, is_lost):
        super().__init__(1, deliver)
        self.is_lost, self.count = is_lost, 0

    def start(self, trial, source):
        self.count += 1
        if not self.is_lost(self.count):
            super().start(trial, source)
            return
        self._busy = [trial]
        found = outcome_of(trial, source)
        lost = replace(found, status="lost", levels=(), reason="no such file: python")
        self.deliver(Finished(lost))


def run(project, is_lost):
    path = ledger_of(project, kill_driver.TAG)
    path.parent.mkdir(parents=True, exist_ok=True)
    repo, inbox = Repo(project, kill_driver.TAG), SimpleQueue()
    edits = [{"hypothesis": f"{n}", "constants": {"FIRST": n}} for n in range(2, 12)]
    with Ledger(path) as ledger:
        history = History.of(ledger.entries)
        first = Resumed(None, 1) if history.started else kill_driver.started()
        history = history.after(ledger.append(first))
        loop = Loop(
            ledger=ledger,
            history=history,
            repo=repo,
            base=Base(repo.head(), kill_driver.SOURCE, "Do well.\n", history.started_at),
            researcher=Listed(edits),
            executor=Losing(inbox.put, is_lost),
            inbox=inbox,
            try_out=lambda source: Flight("unproven", ""),
            deadline=None,
            show=lambda history, note: None,
            halt=Event(),
            scratch=project,
        )
        return loop.run(), loop.history


@pytest.fixture
def project(tmp_path):
    kill_driver.make_template(tmp_path / "project")
    return tmp_path / "project"


def test_a_machine_that_loses_every_trial_ends_the_campaign(project):
    """Unfinished, with the reason; on resuming it goes on, and what was not burnt is tried."""
    good = 4
    stopped, history = run(project, lambda count: count > good)
    assert not stopped.is_finished
    assert stopped.reason == f"{LOST}, the last one so: no such file: python"
    assert history.lost == MOST_LOST + 1
    burnt = [n for n, r in history.records.items() if r.verdict and r.verdict.decision == "crash"]
    assert len(burnt) == MOST_LOST // LOST_MOST
    stopped, history = run(project, lambda count: False)
    assert stopped.is_finished
    statuses = {n: [o.status for o in r.outcomes][-1] for n, r in history.records.items()}
    assert [n for n, status in statuses.items() if status == "lost"] == burnt


def test_some_lost_trials_end_nothing(project):
    """They are repeated, and one that is not lost breaks the row."""
    stopped, history = run(project, lambda count: count % 3 == 0)
    assert stopped.is_finished
    assert history.records.keys() == set(range(7))
    assert all(any(o.status == "ok" for o in r.outcomes) for r in history.records.values()
               if r.verdict.decision != "crash")  # fmt: skip
