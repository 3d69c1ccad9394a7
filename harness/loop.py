"""The one loop: propose, try, judge, keep or discard. Safe to kill at any line.

All state is the ledger's; an event is on the disk before anything acts on it, and what is done to
git may be done again. Slots and the researcher work meanwhile; whatever finishes first is taken.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread

from harness import commits, judge
from harness.commits import Base
from harness.executor import Executor, Finished
from harness.experiment import BASELINE, Judged, Proposed, Stopped, Tried
from harness.experiment import Event as LedgerEvent
from harness.history import History
from harness.ledger import FULL, Ledger
from harness.prune import prune
from harness.repo import Repo
from harness.researcher import Brief, Exhausted, Researcher
from harness.researcher.prepare import Prepared, TryOut, prepare

TICK_S = 0.5  # between looks at the clock, the disk and the view
ROOM_MB = 64  # of disk, below which nothing new begins
ROOM_S = 5.0  # between looks for room


@dataclass(frozen=True, slots=True)
class Drained:
    """The researcher has nothing more to propose."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something of the harness's own went wrong in a thread; the campaign stops and says so."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Signal:
    """Somebody wants it to end: after what runs (False), or at once."""

    at_once: bool


Message = Finished | Prepared | Drained | Failed | Signal
Inbox = SimpleQueue[Message]


class Loop:
    """One campaign being run. `show` is told the history and a line of text, or None, to show."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        history: History,
        repo: Repo,
        base: Base,
        researcher: Researcher,
        executor: Executor,
        inbox: Inbox,
        try_out: TryOut,
        deadline: float | None,
        show: Callable[[History, str | None], None],
        halt: Flag,
    ) -> None:
        """`history` is what the ledger holds so far. `deadline` is in seconds of time.monotonic();
        `halt` is set to end a preflight."""
        self.ledger, self.repo, self.base = ledger, repo, base
        self.researcher, self.executor, self.inbox = researcher, executor, inbox
        self.try_out, self.deadline, self.show = try_out, deadline, show
        self.halt = halt
        repo.when_full = self.wait_for_room
        self.history = history
        self.preparing = False
        self.drained = ""
        self.ending: Signal | None = None
        self.thread: Thread | None = None

    def run(self) -> Stopped:
        """Until a limit, an exhausted researcher or a signal. Raises what went wrong in us."""
        try:
            self.settle()
            self.keep_ledger()
            if not self.history.records:
                self.record(Proposed(commits.baseline(self.repo, self.base, self.history)))
                self.settle()
            while (stopped := self.why_stop()) is None:
                if not self.judge_one():
                    self.start_what_is_wanted()
                    self.take(self.next_message())
        finally:
            self.halt.set()
            self.executor.kill()
            if self.thread:
                self.thread.join(timeout=10)
        self.record(stopped)
        self.keep_ledger()
        return stopped

    def record(self, event: LedgerEvent) -> None:
        """On the disk first, then in memory, then on the screen. Waits while the disk is full."""
        while True:
            try:
                entry = self.ledger.append(event)
                break
            except OSError as error:
                if error.errno not in FULL:
                    raise
                self.wait_for_room(f"the disk of {self.ledger.path} is full")
        self.history = self.history.after(entry)
        self.show(self.history, None)

    def tell(self, text: str) -> None:
        self.show(self.history, text)

    # -- what to do next -----------------------------------------------------------------------

    def why_stop(self) -> Stopped | None:
        """Nothing is begun any more and nothing runs; None while there is something to do."""
        running = self.executor.running()
        if self.ending and self.ending.at_once:
            return Stopped("stopped by hand", False)
        if judge.verdicts(self.history, running):
            return None
        if self.ending and not running:
            return Stopped("stopped by hand", False)
        baseline = self.history.records.get(BASELINE)
        if baseline and baseline.verdict and baseline.verdict.decision == "crash":
            reason = f"the baseline does not train: {baseline.verdict.reason}"
            return Stopped(reason, True)
        if running or self.ending:
            return None
        if self.is_late():
            return Stopped("the deadline", True)
        if self.history.open or self.preparing:
            return None
        if self.is_enough():
            return Stopped(f"{self.history.total} experiments", True)
        return Stopped(self.drained, True) if self.drained else None

    def is_enough(self) -> bool:
        return self.history.total is not None and self.history.proposals >= self.history.total

    def is_late(self) -> bool:
        """A trial that began now would not end before the deadline."""
        if self.deadline is None:
            return False
        took = [o.train_s + o.score_s for r in self.history.records.values() for o in r.outcomes]
        expected = took[-1] if took else self.history.settings.budget_s
        return time.monotonic() + expected > self.deadline

    def judge_one(self) -> bool:
        for verdict in judge.verdicts(self.history, self.executor.running()):
            commit = commits.with_figures(self.repo, self.history, verdict)
            self.record(Judged(verdict, commit))
            self.settle()
            self.keep_ledger()
            self.prune()
            return True
        return False

    def start_what_is_wanted(self) -> None:
        running = self.executor.running()
        if self.ending or self.is_late():
            return
        wanted = judge.trials_wanted(self.history, running)
        if wanted and len(running) < self.executor.slots and self.has_room():
            trial = wanted[0]
            is_first = trial.experiment not in {t.experiment for t in running}
            if is_first and (event := commits.merged(self.repo, self.history, trial.experiment)):
                self.record(event)
                self.settle()
            source = self.repo.source(self.history.records[trial.experiment].commit)
            self.executor.start(trial, source)
            wanted = wanted[1:]
        if len({trial.experiment for trial in wanted}) < self.executor.slots:
            self.ask_researcher()

    def next_message(self) -> Message | None:
        """Waits for one, unless there is something to start at once."""
        running = self.executor.running()
        can_start = (
            not self.ending
            and len(running) < self.executor.slots
            and bool(judge.trials_wanted(self.history, running))
            and self.free_mb() >= ROOM_MB
            and not self.is_late()
        )
        if can_start or judge.verdicts(self.history, running):
            try:
                return self.inbox.get_nowait()
            except Empty:
                return None
        try:
            return self.inbox.get(timeout=TICK_S)
        except Empty:
            self.show(self.history, None)
            return None

    def take(self, message: Message | None) -> None:
        match message:
            case Finished(outcome):
                self.record(Tried(outcome))
                for trial in self.executor.running():
                    if (trial.experiment, trial.seed) == (outcome.experiment, outcome.seed):
                        self.executor.done(trial)
            case Prepared():
                self.preparing = False
                self.record(Proposed(commits.proposed(self.repo, self.history, message)))
                self.settle()
            case Drained(reason):
                self.preparing, self.drained = False, reason
            case Failed(error):
                raise error
            case Signal(at_once):
                again = self.ending is not None
                self.ending = Signal(at_once or again)
                if not self.ending.at_once:
                    self.tell("finishing what runs; once more ends it at once")

    # -- the researcher ------------------------------------------------------------------------

    def ask_researcher(self) -> None:
        """Ahead of the need, and from the start: while the baseline trains, too."""
        if self.preparing or self.drained or self.is_enough():
            return
        self.preparing = True
        self.thread = Thread(target=self._prepare, args=(self.brief(),), daemon=True)
        self.thread.start()

    def _prepare(self, brief: Brief) -> None:
        try:
            self.inbox.put(prepare(brief, self.researcher, self.try_out))
        except Exhausted as exhausted:
            self.inbox.put(Drained(str(exhausted)))
        except BaseException as error:  # the loop raises it
            self.inbox.put(Failed(error))

    def brief(self) -> Brief:
        incumbent = self.history.incumbent or BASELINE
        history = self.history

        def source_of(number: int) -> str:
            return self.repo.source(history.records[number].commit)

        preset, results = history.settings.preset, self.ledger.path.parent
        source = source_of(incumbent)
        return Brief(self.base.program, source, incumbent, history, preset, source_of, results)

    # -- git -----------------------------------------------------------------------------------

    def wait_for_room(self, what: str) -> None:
        """A little while; what runs goes on meanwhile, and nothing is begun."""
        self.tell(f"{what}: waiting for room")
        time.sleep(ROOM_S)

    def settle(self) -> None:
        if note := self.repo.settle(self.history):
            self.tell(note)

    def keep_ledger(self) -> None:
        self.repo.store_ledger(self.ledger.path)

    # -- disk ----------------------------------------------------------------------------------

    def prune(self) -> None:
        prune(self.ledger.path.parent, self.history)

    def free_mb(self) -> float:
        return shutil.disk_usage(self.ledger.path.parent).free / 2**20

    def has_room(self) -> bool:
        if self.free_mb() >= ROOM_MB:
            return True
        self.tell(f"less than {ROOM_MB} MB free below {self.ledger.path.parent}: waiting for room")
        return False


__all__ = ["Inbox", "Loop", "Signal"]
