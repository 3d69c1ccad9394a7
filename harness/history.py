"""What the events of a ledger add up to: experiments, verdicts, incumbent. A pure fold."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from harness.ablation import Ablated, Ablating, Ablations, NoSuchVariant
from harness.errors import Contradiction
from harness.experiment import (
    BASELINE,
    Closing,
    Experiment,
    Judged,
    Learned,
    Merged,
    Outcome,
    Posterior,
    Proposed,
    Resumed,
    Reviewed,
    Settings,
    Standing,
    Started,
    Stopped,
    Tried,
    Verdict,
)
from harness.ledger import Entry
from harness.money import NoSuchCall, Reserved, Settled, Spending
from harness.sealed import Compared, NoSuchSet, Opened, Revealed, Sets
from harness.spells import Spells


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of one experiment. `commit` is the newest; `posterior` too.

    `standing` is a keep's, None for all others; `reviewed` how many trials it rests on.
    """

    experiment: Experiment
    commit: str
    proposed_at: str
    outcomes: tuple[Outcome, ...] = ()
    verdict: Verdict | None = None
    judged_at: str = ""
    posterior: Posterior | None = None
    standing: Standing | None = None
    reviewed: int = 0
    first: int = 0  # outcomes before the verdict; those after it are repeats

    @property
    def is_open(self) -> bool:
        return self.verdict is None

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those of trials that need no repetition."""
        return tuple(o.seed for o in self.outcomes if o.status != "lost")


class History:
    """The state of a campaign after some events. `after` leaves it as it is and returns another."""

    def __init__(self) -> None:
        self.started: Started | None = None
        self.started_at = self.last_at = self.last_trial_at = self.last_call_at = ""
        self.total: int | None = None  # experiments to do, the baseline not counted
        self.max_usd: float | None = None
        self.spending = Spending()
        self.lessons: tuple[Learned, ...] = ()  # since the notebook was last made short, with that
        self.unlearned: dict[int, None] = {}  # judged ones that no lesson covers
        self.slots, self.events = 1, 0
        self.records: dict[int, Record] = {}
        self.tips: tuple[int, ...] = ()  # incumbents, each standing on the one before it
        self.unreviewed: dict[int, None] = {}  # judged ones with another trial since
        self.closing: Closing | None = None
        self.closing_repeats = 0  # trials since then of what had its verdict
        self.trials = 0  # that told something: all but lost ones
        self.lost, self.last_lost = 0, ""  # trials that the machine lost in a row, up to now
        self.judged: dict[int, None] = {}  # experiments with a verdict, in that order
        self.open: dict[int, None] = {}  # experiments without a verdict, oldest first
        self.fingerprints: dict[str, int] = {}
        self.stopped: Stopped | None = None
        self.sealed, self.ablations, self.spells = Sets(), Ablations(), Spells()
        self.revealed: Revealed | None = None

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """Raises Contradiction."""
        history = cls()
        for entry in entries:
            history._apply(entry)
        return history

    def after(self, entry: Entry) -> "History":
        history = History()
        for name, value in vars(self).items():
            is_mutable = isinstance(value, dict | Spending)
            setattr(history, name, value.copy() if is_mutable else value)
        history._apply(entry)
        return history

    @property
    def incumbent(self) -> int | None:
        return self.tips[-1] if self.tips else None

    @property
    def worked_until(self) -> str:
        """The end of its last trial: a sealed set, a study or the secret's opening comes later."""
        return self.last_trial_at or self.last_at

    @property
    def settings(self) -> Settings:
        assert self.started
        return self.started.settings

    @property
    def next_id(self) -> int:
        return len(self.records)

    @property
    def proposals(self) -> int:
        """Those that have a number; the baseline is none."""
        return max(0, len(self.records) - 1)

    @property
    def decided(self) -> int:
        """Those with a verdict, the baseline aside."""
        return len(self.judged.keys() - {BASELINE})

    @property
    def is_finished(self) -> bool:
        return self.stopped is not None and self.stopped.is_finished

    def verdict_of(self, number: int) -> Verdict | None:
        return self.records[number].verdict

    def accuracy_of(self, number: int) -> float | None:
        """The posterior mean, or what its trials read where there is none."""
        record = self.records[number]
        if record.posterior:
            return record.posterior.accuracy
        return record.verdict.accuracy if record.verdict else None

    def line(self, number: int | None = None) -> tuple[int, ...]:
        """The incumbent, or this experiment, what it was derived from, and so to the baseline."""
        found: list[int] = []
        number = self.incumbent if number is None else number
        while number is not None and number not in found:
            found.append(number)
            number = self.records[number].experiment.parent
        return tuple(found)

    def _apply(self, entry: Entry) -> None:
        self.events += 1
        self.last_at = max(self.last_at, entry.time)
        self.spells = self.spells.after(entry)
        if (self.started is None) != isinstance(entry.event, Started):
            raise Contradiction(self.events, "the ledger must begin, once, with `started`")
        if self.revealed:
            raise Contradiction(self.events, "the campaign was closed before it")
        match entry.event:
            case Started():
                self.started, self.started_at = entry.event, entry.time
                settings = entry.event.settings
                self.total, self.slots = settings.experiments, settings.slots
                self.max_usd = settings.max_usd
            case Resumed(experiments, slots, max_usd):
                if (experiments, max_usd) != (self.total, self.max_usd):
                    self.closing = None
                self.total, self.slots, self.max_usd = experiments, slots, max_usd
                self.stopped, self.lost = None, 0
                self.spending.book_open()
            case Proposed(experiment):
                self._propose(experiment, entry.time)
            case Merged(number, parent, commit, fingerprint, nodes):
                record = self._record(number)
                merged = replace(
                    record.experiment,
                    parent=parent,
                    commit=commit,
                    fingerprint=fingerprint,
                    nodes=nodes,
                )
                self.records[number] = replace(record, experiment=merged, commit=commit)
                self.fingerprints.setdefault(fingerprint, number)
            case Tried(outcome):
                record = self._record(outcome.experiment)
                if outcome.seed in record.seeds:
                    raise Contradiction(
                        self.events, f"experiment {outcome.experiment} twice with {outcome.seed}"
                    )
                self.records[outcome.experiment] = replace(
                    record, outcomes=(*record.outcomes, outcome)
                )
                self.last_trial_at = entry.time
                self.lost = self.lost + 1 if outcome.status == "lost" else 0
                self.last_lost = outcome.reason if self.lost else ""
                if outcome.status != "lost":
                    self.trials += 1
                    if record.verdict:
                        self.unreviewed[outcome.experiment] = None
                        self.closing_repeats += self.closing is not None
            case Judged(verdict, commit):
                self._judge(verdict, commit, entry.time)
            case Reviewed():
                self._review(entry.event)
            case Reserved() | Settled() | Opened() | Compared() | Ablating() | Ablated():
                self._book(entry.event, entry.time)
            case Learned(number, replaces_all=replaces_all):
                before = () if replaces_all else self.lessons
                self.lessons = (*before, entry.event)
                if replaces_all:
                    self.unlearned.clear()
                elif number is not None:
                    self.unlearned.pop(number, None)
            case Closing():
                self.closing, self.closing_repeats = entry.event, 0
            case Stopped():
                self.stopped = entry.event
            case Revealed(secret):
                assert self.started
                if hashlib.sha256(secret.encode()).hexdigest() != self.started.secret_sha256:
                    raise Contradiction(self.events, "this is not the secret that it began with")
                self.revealed = entry.event

    def _book(
        self, event: Reserved | Settled | Opened | Compared | Ablating | Ablated, time: str
    ) -> None:
        try:
            match event:
                case Reserved():
                    self.spending.reserve(event)
                    self.last_call_at = time
                case Settled():
                    self.spending.settle(event)
                    self.last_call_at = time
                case Opened() | Compared():
                    self.sealed = self.sealed.after(event)
                case _:
                    self.ablations = self.ablations.after(event)
        except (NoSuchCall, NoSuchSet, NoSuchVariant) as error:
            raise Contradiction(self.events, str(error)) from error

    def _propose(self, experiment: Experiment, time: str) -> None:
        if experiment.id != self.next_id:
            raise Contradiction(
                self.events, f"experiment {experiment.id} where {self.next_id} comes next"
            )
        self.records[experiment.id] = Record(experiment, experiment.commit, time)
        self.open[experiment.id] = None
        self.fingerprints.setdefault(experiment.fingerprint, experiment.id)

    def _judge(self, verdict: Verdict, commit: str, time: str) -> None:
        record = self._record(verdict.experiment)
        if not record.is_open:
            raise Contradiction(self.events, f"experiment {verdict.experiment} judged twice")
        is_kept = verdict.decision == "keep"
        self.records[verdict.experiment] = replace(
            record,
            verdict=verdict,
            commit=commit,
            judged_at=time,
            posterior=verdict.posterior,
            standing="provisional" if is_kept and verdict.experiment != BASELINE else None,
            reviewed=len(record.seeds),
            first=len(record.outcomes),
        )
        del self.open[verdict.experiment]
        self.judged[verdict.experiment] = None
        self.unlearned[verdict.experiment] = None
        if is_kept or verdict.experiment == BASELINE:
            self.tips = (*self.tips, verdict.experiment)

    def _review(self, review: Reviewed) -> None:
        record = self._record(review.experiment)
        if record.is_open:
            what = f"experiment {review.experiment} reviewed before its verdict"
            raise Contradiction(self.events, what)
        returns = record.standing == "withdrawn" != review.standing
        if returns and review.experiment not in self.line():
            self.tips = (*self.tips, review.experiment)
        self.records[review.experiment] = replace(
            record,
            posterior=review.posterior,
            standing=review.standing,
            reviewed=review.trials,
        )
        self.unreviewed.pop(review.experiment, None)
        while self.tips and self.records[self.tips[-1]].standing == "withdrawn":
            self.tips = self.tips[:-1]

    def _record(self, number: int) -> Record:
        if number not in self.records:
            raise Contradiction(self.events, f"experiment {number}, which was never proposed")
        return self.records[number]
