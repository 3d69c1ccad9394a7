"""The one loop: propose, try, judge, keep or discard. Safe to kill at any line.

All state is the ledger's; an event is on the disk before anything acts on it, and what is done to
git may be done again. Slots and the researcher work meanwhile; whatever finishes first is taken.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import Empty
from threading import Event as Flag
from threading import current_thread, main_thread

from harness import commits, judge, notebook, sealing
from harness.agenda import Agenda, is_enough, waiting
from harness.commits import Base
from harness.contention import flags_of
from harness.desk import Asked
from harness.ending import MOST_LOST, why_stop
from harness.errors import Interrupted
from harness.executor import About, Executor, Finished, Note, Unsealed
from harness.experiment import Closing, Judged, Learned, Proposed, Stopped, Trial, Tried
from harness.experiment import Event as LedgerEvent
from harness.history import History
from harness.ledger import FULL, Ledger
from harness.messages import Drained, Failed, Inbox, Message, Signal
from harness.prune import prune
from harness.repo import Repo
from harness.researcher import Researcher
from harness.researcher.gatekeeper import TryOut
from harness.researcher.prepare import Prepared
from harness.room import lacking
from harness.sealed import Opened
from harness.thinking import Thinking

TICK_S = 0.5  # between looks at the clock, the disk and the view
ROOM_S = 5.0  # between looks for room on a full disk


class Loop:
    """One campaign being run. `show` is told the history, and a note to show or None."""

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
        show: Callable[[History, Note | None], None],
        halt: Flag,
        scratch: Path,
    ) -> None:
        """`history` is what the ledger holds so far. `deadline` is in `deadline.seconds`;
        `halt` is set to end a preflight; `scratch` is where trials work, on a disk of its own
        perhaps."""
        self.ledger, self.repo, self.base = ledger, repo, base
        self.executor, self.inbox, self.agenda, self.show = executor, inbox, Agenda(deadline), show
        self.halt, self.results, self.scratch = halt, ledger.path.parent, scratch
        self.postponed: deque[Message] = deque()  # came while there was no room on the disk
        repo.when_stuck = self.wait
        self.history = history
        self.drained = ""
        self.ending: Signal | None = None
        self.thinking = Thinking(
            researcher,
            base=base,
            repo=repo,
            results=self.results,
            try_out=try_out,
            inbox=inbox,
            halt=halt,
        )

    def run(self) -> Stopped:
        """Until a limit, an exhausted researcher or a signal. Raises what went wrong in us, and
        Interrupted where the disk is too full to record the end."""
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
            self.thinking.end()
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
                self.wait(f"the disk of {self.ledger.path} is full")
        self.history = self.history.after(entry)
        self.show(self.history, None)

    def tell(self, text: str, about: About = "") -> None:
        self.show(self.history, Note(text, about))

    # -- what to do next -----------------------------------------------------------------------

    def why_stop(self) -> Stopped | None:
        """Nothing is begun any more and nothing runs; None while there is something to do."""
        running = self.executor.running()
        return why_stop(
            self.history,
            ending=self.ending,
            is_busy=bool(running) or self.executor.is_unsealing(),
            is_verdict_due=judge.is_due(self.history, running),
            has_more=lambda: self.next_trial() is not None or self.due_set() is not None,
        )

    def judge_one(self) -> bool:
        """A verdict or a review, where one is due."""
        for verdict in judge.verdicts(self.history, self.executor.running()):
            commit = commits.with_figures(self.repo, self.history, verdict)
            self.settled(Judged(verdict, commit))
            return True
        for review in judge.reviews(self.history):
            self.settled(review)
            return True
        return False

    def settled(self, event: LedgerEvent) -> None:
        """Record what moves the branch, and move it."""
        self.record(event)
        self.settle()
        self.keep_ledger()
        self.prune()

    def start_what_is_wanted(self) -> None:
        if self.ending or self.history.lost > MOST_LOST:
            return
        running = self.executor.running()
        if not self.history.closing:
            reason = self.agenda.why_close(self.history, running, drained=self.drained)
            if reason:
                self.record(Closing(reason, tuple({t.experiment: None for t in running})))
        is_free = len(running) < self.executor.slots
        if is_free and (trial := self.next_trial()) and self.has_room():
            self.start(trial)
        if waiting(self.history, self.executor.running()) < self.executor.slots:
            self.ask_researcher()
        is_idle = not self.executor.running() and self.next_trial() is None
        if is_idle and (opened := self.due_set()):
            if self.history.sealed.pending is None:
                self.record(opened)
            self.tell(f"asking sealed set {opened.number}")
            self.executor.unseal(opened)

    def due_set(self) -> Opened | None:
        """A sealed set that is to be asked now, after the last repeat."""
        due = sealing.due(self.history, self.executor.is_stored, self.agenda.left_s())
        return None if self.executor.is_unsealing() else due

    def next_trial(self) -> Trial | None:
        return self.agenda.next_trial(self.history, self.executor.running())

    def start(self, trial: Trial) -> None:
        begun = {t.experiment for t in self.executor.running()}
        is_first = trial.experiment not in begun
        if is_first and (event := commits.merged(self.repo, self.history, trial.experiment)):
            self.record(event)
            self.settle()
        source = self.repo.source(self.history.records[trial.experiment].commit)
        self.executor.start(trial, source)

    def next_message(self) -> Message | None:
        """Waits for one, unless there is something to start at once."""
        if self.postponed:
            return self.postponed.popleft()
        if self.is_due():
            try:
                return self.inbox.get_nowait()
            except Empty:
                return None
        try:
            return self.inbox.get(timeout=TICK_S)
        except Empty:
            self.show(self.history, None)
            return None

    def is_due(self) -> bool:
        """There is something to judge or to start now."""
        running = self.executor.running()
        if judge.is_due(self.history, running):
            return True
        is_held = self.ending or self.history.lost > MOST_LOST
        is_free = not is_held and len(running) < self.executor.slots
        if not is_free or lacking(self.results, self.scratch):
            return False
        return self.why_stop() is not None or self.next_trial() is not None

    def take(self, message: Message | None) -> None:
        match message:
            case Finished(outcome):
                flags = (*outcome.flags, *flags_of(self.history, outcome))
                self.record(Tried(replace(outcome, flags=flags)))
                for trial in self.executor.running():
                    if (trial.experiment, trial.seed) == (outcome.experiment, outcome.seed):
                        self.executor.done(trial)
            case Unsealed(compared):
                self.executor.unsealed()
                self.settled(compared)
            case Prepared():
                self.agenda.prepared()
                self.record(Proposed(commits.proposed(self.repo, self.history, message)))
                self.settle()
            case Asked():
                self.answer(message)
            case Drained(reason):
                self.agenda.prepared()
                self.drained = reason
            case Failed(error):
                raise error
            case Note():
                self.show(self.history, message)
            case Signal():
                self.end(message)

    def end(self, signal: Signal) -> None:
        self.ending = signal.after(self.ending)
        if not self.ending.at_once:
            self.tell("finishing what runs; once more ends it at once")

    # -- the researcher ------------------------------------------------------------------------

    def ask_researcher(self) -> None:
        """Ahead of the need, and from the start: while the baseline trains, too."""
        if self.agenda.preparing or self.drained or self.history.closing or is_enough(self.history):
            return
        self.agenda.prepares()
        self.thinking.begin(self.history, self.executor.running())

    def answer(self, asked: Asked) -> None:
        """Record what the researcher wants recorded."""
        event = asked.make(self.history)
        if event is not None:
            self.record(event)
        if isinstance(event, Learned):
            notebook.write(self.results, self.history)
        asked.answer(event)

    # -- git -----------------------------------------------------------------------------------

    def settle(self) -> None:
        if note := self.repo.settle(self.history):
            self.tell(note)

    def keep_ledger(self) -> None:
        self.repo.store_ledger(self.ledger.path)

    # -- disk ----------------------------------------------------------------------------------

    def prune(self) -> None:
        prune(self.results, self.history)

    def wait(self, what: str) -> None:
        """A little while; what runs goes on meanwhile, and nothing is begun. Raises Interrupted."""
        if current_thread() is not main_thread():  # the researcher asks for a source
            self.inbox.put(Note(f"{what}: waiting", "disk"))
            time.sleep(ROOM_S)
            return
        self.tell(f"{what}: waiting for room", "disk")
        try:
            message = self.inbox.get(timeout=ROOM_S)
        except Empty:
            return
        if not isinstance(message, Signal):
            self.postponed.append(message)
            return
        self.end(message)
        if self.ending and self.ending.at_once:
            raise Interrupted(f"; {what}, so that what ran just now runs again on resume")

    def has_room(self) -> bool:
        lacks = lacking(self.results, self.scratch)
        if lacks:
            self.tell(f"{lacks}: waiting for room", "disk")
        return lacks is None
