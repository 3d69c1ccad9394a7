"""What the events of a ledger add up to: experiments, verdicts, incumbent. A pure fold."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from harness.errors import Broken
from harness.experiment import (
    BASELINE,
    Event,
    Experiment,
    Judged,
    Merged,
    Outcome,
    Proposed,
    Resumed,
    Settings,
    Started,
    Stopped,
    Tried,
    Verdict,
)
from harness.ledger import Entry


class Contradiction(Broken):
    """An event that cannot follow those before it; `line` is its number in the ledger."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"ledger line {line}: {what}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known of one experiment. `commit` is the newest; `line_parents` its git parents.

    `replaces` is the incumbent that a keep took the place of where that is not its parent.
    """

    experiment: Experiment
    commit: str
    proposed_at: str
    outcomes: tuple[Outcome, ...] = ()
    verdict: Verdict | None = None
    judged_at: str = ""

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
        self.started_at = self.last_at = ""
        self.total: int | None = None  # experiments to do, the baseline not counted
        self.slots = 1
        self.records: dict[int, Record] = {}
        self.incumbent: int | None = None
        self.open: dict[int, None] = {}  # experiments without a verdict, oldest first
        self.fingerprints: dict[str, int] = {}
        self.stopped: Stopped | None = None
        self.events = 0

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
            setattr(history, name, dict(value) if isinstance(value, dict) else value)
        history._apply(entry)
        return history

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
    def is_finished(self) -> bool:
        return self.stopped is not None and self.stopped.is_finished

    def verdict_of(self, number: int) -> Verdict | None:
        return self.records[number].verdict

    def accuracy_of(self, number: int) -> float | None:
        verdict = self.records[number].verdict
        return verdict.accuracy if verdict else None

    def line(self) -> tuple[int, ...]:
        """The incumbent, what it was derived from, and so on to the baseline."""
        found: list[int] = []
        number = self.incumbent
        while number is not None and number not in found:
            found.append(number)
            number = self.records[number].experiment.parent
        return tuple(found)

    def _apply(self, entry: Entry) -> None:
        self.events += 1
        self.last_at = max(self.last_at, entry.time)
        if (self.started is None) != isinstance(entry.event, Started):
            raise Contradiction(self.events, "the ledger must begin, once, with `started`")
        match entry.event:
            case Started():
                self.started, self.started_at = entry.event, entry.time
                self.total, self.slots = (
                    entry.event.settings.experiments,
                    entry.event.settings.slots,
                )
            case Resumed(experiments, slots):
                self.total, self.slots, self.stopped = experiments, slots, None
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
            case Judged(verdict, commit):
                self._judge(verdict, commit, entry.time)
            case Stopped():
                self.stopped = entry.event

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
        self.records[verdict.experiment] = replace(
            record, verdict=verdict, commit=commit, judged_at=time
        )
        del self.open[verdict.experiment]
        if verdict.decision == "keep" or verdict.experiment == BASELINE:
            self.incumbent = verdict.experiment

    def _record(self, number: int) -> Record:
        if number not in self.records:
            raise Contradiction(self.events, f"experiment {number}, which was never proposed")
        return self.records[number]


__all__ = ["Contradiction", "Event", "History", "Record"]
