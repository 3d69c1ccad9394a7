"""What slots do while a researcher thinks: `python -m benchmarks slots`.

A researcher that takes 30% of a trial's length to think, on real trainings of a small train.py:
the share of slot time in trials, and in trials of new experiments before the closing repeats.
Beside it, in the same run, a loop that thinks, trains and scores one after another.
"""

import os
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event

from benchmarks.project import make_project
from harness import campaign as campaigns
from harness.commits import Base
from harness.desk import Desk
from harness.executor.local import Local, harness_cores_and_rest, trial_folder
from harness.experiment import BASELINE, Proposal, Settings, Started, Trial, Tried
from harness.history import History
from harness.ledger import Entry, Ledger, read
from harness.loop import Loop
from harness.messages import Inbox
from harness.preflight import Flight, preflight
from harness.reading import ledger_of
from harness.repo import Repo
from harness.researcher import Brief, Exhausted
from harness.researcher.gatekeeper import Gatekeeper
from harness.researcher.prepare import prepare
from harness.sandbox import Place, best
from harness.state import State
from harness.syntax import set_constants
from harness.trial import Order, memory_for_each, run_trial

ROOT = Path(__file__).parents[1]
TOY = ROOT / "tests" / "toy_train.py"
BUDGET_S = 40.0  # so that a preflight, some 13 s whatever the budget, is no more than thinking is
EXPERIMENTS = 6
THINK = 0.3  # of a trial's length
TRIAL_S = BUDGET_S + 7  # with its scoring, about
Row = Callable[[str, str, str, str, bool], None]


class Thoughtful:
    """Lowers a rate a little each time, after a think."""

    name = "thoughtful"

    def propose(self, brief: Brief) -> Proposal:
        number = brief.history.proposals
        if number >= EXPERIMENTS:
            raise Exhausted(f"{EXPERIMENTS} ideas are all there were")
        time.sleep(THINK * TRIAL_S)
        source = set_constants(
            TOY.read_text(), {"LEARNING_RATE": 0.099 - number / 1000, "STEPS": 10**6}, "cpu"
        )
        return Proposal(f"a little lower, for the {number + 1}th time", source, self.name)

    def mend(self, brief: Brief, number: int) -> Proposal | None:
        """It has nothing to mend."""
        return None

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        return None


def slots(row: Row) -> None:
    with tempfile.TemporaryDirectory(prefix="thinker-bench-") as name:
        os.environ["XDG_STATE_HOME"] = str(Path(name) / "state")
        history, entries = _campaign(Path(name))
        in_trials, in_new = shares(history, entries)
        serial = _serial(Path(name), history)
    row("slots: time in trials after the baseline", "> 97%", f"{in_trials:.1%}", f"{serial:.1%}",
        in_trials > 0.97)  # fmt: skip
    row("slots: in trials of new experiments, before the closing", "> 90%", f"{in_new:.1%}",
        f"{serial:.1%}", in_new > 0.9)  # fmt: skip


def shares(history: History, entries: tuple[Entry, ...]) -> tuple[float, float]:
    """Of slot time since the baseline's verdict: in trials, and in those of new experiments until
    the last of them ended."""
    begun = stamp(history.records[BASELINE].judged_at)
    used = new = 0.0
    last_new = begun
    for entry in entries:
        if isinstance(entry.event, Tried) and stamp(entry.time) > begun:
            outcome = entry.event.outcome
            trial_s = outcome.train_s + outcome.score_s
            seeds = [o.seed for o in history.records[outcome.experiment].outcomes]
            used += trial_s
            if seeds.index(outcome.seed) < history.records[outcome.experiment].first:
                new, last_new = new + trial_s, stamp(entry.time)
    slots = history.slots
    whole = stamp(history.last_trial_at) - begun
    return used / whole / slots, new / (last_new - begun) / slots


def stamp(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _campaign(folder: Path) -> tuple[History, tuple[Entry, ...]]:
    source = set_constants(TOY.read_text(), {"STEPS": 10**6}, "cpu")
    texts = {"train.py": source, "program.md": "Do well.\n"}
    project = make_project(folder / "project", *texts.values())
    sandbox, state = best(), State(campaigns.new_campaign())
    state.create(texts)
    settings = Settings(
        BUDGET_S, None, 20, 1, 1, "cpu", "cpu", sandbox.level, ("thoughtful",), None, None,
        reserve=0.1,
    )  # fmt: skip
    path = ledger_of(project, "bench")
    path.parent.mkdir(parents=True)
    repo, inbox, halt = Repo(project, "bench"), Inbox(), Event()
    cores = tuple(harness_cores_and_rest()[0])

    def try_out(text: str) -> Flight:
        place = Place(sandbox, cores, memory_mb=memory_for_each(2))
        return preflight(text, settings, state.scratch / "preflight", place, halt)

    with Ledger(path) as ledger:
        first = Started("bench", state.folder.name, settings, "", "", "", "", "a machine", "0")
        history = History().after(ledger.append(first))
        loop = Loop(
            ledger=ledger,
            history=history,
            repo=repo,
            base=Base(repo.head(), source, texts["program.md"], history.started_at),
            researcher=Thoughtful(),
            executor=Local(settings, sandbox, state, path.parent, (), inbox.put),
            inbox=inbox,
            try_out=try_out,
            deadline=None,
            show=lambda history, note: None,
            halt=halt,
            scratch=state.scratch,
        )
        loop.run()
    return loop.history, read(path)


def _serial(folder: Path, history: History) -> float:
    """The share of time in trials where each step waits for the one before it."""
    settings, researcher = history.settings, Thoughtful()
    state = State(campaigns.new_campaign())
    state.create({})
    place = Place(best(), tuple(harness_cores_and_rest()[1]), memory_mb=memory_for_each(1))
    began, used = time.monotonic(), 0.0
    rounds = 2

    def try_out(text: str) -> Flight:
        return preflight(text, settings, state.scratch / "preflight", place, Event())

    for number in range(rounds):
        gates, desk = Gatekeeper(History(), try_out), Desk(Inbox().put, Event())
        brief = Brief("", "", BASELINE, History(), "cpu", lambda number: "", folder, gates, desk)
        prepared = prepare(brief, researcher)
        trial = Trial(number, 7)
        order = Order(
            trial, prepared.proposal.source, settings, trial_folder(folder / "serial", trial),
            state.scratch / str(number), state.secret(), place, 0,
        )  # fmt: skip
        outcome = run_trial(order, Event())
        used += outcome.train_s + outcome.score_s
    return used / (time.monotonic() - began)
