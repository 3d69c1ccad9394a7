"""The researcher's thread: one proposal at a time is thought out and tried, ahead of the need."""

from pathlib import Path
from threading import Event as Flag
from threading import Thread

from harness.commits import Base
from harness.desk import Desk, Halted
from harness.experiment import BASELINE, Trial
from harness.history import History
from harness.messages import Drained, Failed, Inbox
from harness.repo import Repo
from harness.researcher import Brief, Exhausted, Researcher
from harness.researcher.gatekeeper import Gatekeeper, TryOut
from harness.researcher.prepare import prepare

EARLY_S = 60.0  # an experiment that crashes within it goes back to its researcher, once
ENDS_S = 10.0  # that a thread has to end with its campaign


class Thinking:
    """`halt` is set when the campaign ends; `results` is the campaign's folder."""

    def __init__(
        self,
        researcher: Researcher,
        *,
        base: Base,
        repo: Repo,
        results: Path,
        try_out: TryOut,
        inbox: Inbox,
        halt: Flag,
    ) -> None:
        self.researcher, self.base, self.repo, self.results = researcher, base, repo, results
        self.try_out, self.inbox = try_out, inbox
        self.desk = Desk(inbox.put, halt)
        self.sent_back: set[int] = set()
        self.thread: Thread | None = None

    def begin(self, history: History, running: list[Trial]) -> None:
        """What comes of it is put into the inbox: Prepared, Drained, or Failed."""
        crashed = next((n for n in early_crashes(history) if n not in self.sent_back), None)
        if crashed is not None:
            self.sent_back.add(crashed)
        arguments = self.brief(history, running), crashed
        self.thread = Thread(target=self._prepare, args=arguments, daemon=True)
        self.thread.start()

    def end(self) -> None:
        """Once `halt` is set."""
        if self.thread:
            self.thread.join(timeout=ENDS_S)

    def brief(self, history: History, running: list[Trial]) -> Brief:
        incumbent = history.incumbent or BASELINE

        def source_of(number: int) -> str:
            return self.repo.source(history.records[number].commit)

        return Brief(
            self.base.program,
            source_of(incumbent),
            incumbent,
            history,
            history.settings.preset,
            source_of,
            self.results,
            gates=Gatekeeper(history, self.try_out),
            desk=self.desk,
            running=tuple(running),
        )

    def _prepare(self, brief: Brief, crashed: int | None) -> None:
        try:
            self.inbox.put(prepare(brief, self.researcher, crashed))
        except Exhausted as exhausted:
            self.inbox.put(Drained(str(exhausted)))
        except Halted:
            return  # nobody waits for it
        except BaseException as error:  # the loop raises it
            self.inbox.put(Failed(error))


def early_crashes(history: History) -> list[int]:
    """Experiments that crashed at once and were not sent back yet, the newest first; what mends
    one is none itself.

    One proposal may have been under way when it crashed; a second one since then means that it was
    sent back, by a harness before this one perhaps."""
    mended = {record.experiment.mends for record in history.records.values()}
    proposed = sorted(record.proposed_at for record in history.records.values())
    last_but_one = proposed[-2] if len(proposed) > 1 else ""
    return [
        number
        for number, record in reversed(history.records.items())
        if number != BASELINE
        and number not in mended
        and record.experiment.mends is None
        and record.verdict
        and record.verdict.decision == "crash"
        and record.judged_at >= last_but_one
        and any(o.status in ("crash", "out_of_memory") and o.train_s < EARLY_S
                for o in record.outcomes)
    ]  # fmt: skip
