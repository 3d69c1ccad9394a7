"""A leave-one-out study from beginning to end: its variants, which trials are wanted, and the loop.

An event is in the ledger before anything acts on it, and what is done to git may be done again, so
that a study that was killed goes on where it was.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty

from harness import judge, schedule
from harness.ablation import WHOLE, Ablated, Ablating, Study, Variant
from harness.ablation_effects import Found, found_of
from harness.believed import posteriors
from harness.contention import cpu_flags
from harness.deadline import seconds
from harness.errors import Misuse
from harness.executor import Executor, Finished, Note
from harness.experiment import BASELINE, Event, Outcome, Trial
from harness.history import History
from harness.kept_line import Line, read_line
from harness.ledger import FULL, Ledger
from harness.messages import Inbox, Signal
from harness.repo import Repo

TICK_S = 0.5  # between looks at the clock and the disk
ROOM_S = 5.0  # between looks for room on a full disk


# ---------------------------------------------------------------------------
# Variants and trials: pure
# ---------------------------------------------------------------------------


def order(history: History, line: Line) -> list[int]:
    """Of the line's keeps: withdrawn ones first, then those least likely to be real."""
    beliefs = posteriors(history)

    def doubt(number: int) -> tuple[bool, float]:
        p_real = beliefs[number].p_real if number in beliefs else 0.0
        return history.records[number].standing != "withdrawn", p_real

    return sorted((n for n in line.numbers if n != BASELINE), key=doubt)


def seeds_for(history: History, study: Study, count: int) -> list[int]:
    """Those that the study uses, and then those that no trial of the campaign used. Raises Misuse
    where there are not so many."""
    used = {seed for record in history.records.values() for seed in record.seeds}
    ours = list(dict.fromkeys(outcome.seed for outcome in study.outcomes))
    fresh = [seed for seed in judge.seeds(history) if seed not in used and seed not in ours]
    found = ours + fresh
    if count > len(found):
        raise Misuse(f"--seeds {count}: the campaign has {len(found)} seeds left; ask for fewer")
    return found[:count]


def wanted(study: Study, seeds: Sequence[int], running: Sequence[Trial] = ()) -> list[Trial]:
    """Trials that are missing, seed by seed, the incumbent's own first; none of a variant that
    failed."""
    open_ = [v.number for v in study.variants if not has_failed(study, v.number)]
    trials = [Trial(n, seed) for seed in seeds for n in open_ if seed not in study.seeds_of(n)]
    return [trial for trial in trials if trial not in running]


def has_failed(study: Study, number: int) -> bool:
    """One trial that failed is enough; the machine may lose some."""
    statuses = [outcome.status for outcome in study.of(number)]
    return statuses.count("lost") >= judge.LOST_MOST or not {"ok", "lost"}.issuperset(statuses)


# ---------------------------------------------------------------------------
# The loop
# ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bench:
    """What a study works with. `deadline` is in `deadline.seconds`; `lacking` says which
    disk is full; `results` is the folder of the variants' trials."""

    ledger: Ledger
    repo: Repo
    executor: Executor
    inbox: Inbox
    results: Path
    deadline: float | None
    lacking: Callable[[], str | None]
    tell: Callable[[str], None]


class Ablation:
    """The study of a history's incumbent, being made."""

    def __init__(self, bench: Bench, history: History, count: int) -> None:
        """`count` trials a variant. Raises Misuse, Broken."""
        assert history.incumbent is not None
        self.bench, self.history, self.incumbent = bench, history, history.incumbent
        self.line = read_line(history, bench.repo, self.incumbent)
        self.seeds = seeds_for(history, self.study, count)
        self.ending: Signal | None = None
        self.told = ""

    @property
    def study(self) -> Study:
        studies = self.history.ablations.studies
        return studies.get(self.incumbent, Study(self.incumbent))

    @property
    def found(self) -> Found:
        return found_of(self.history, self.study)

    @property
    def is_complete(self) -> bool:
        return not wanted(self.study, self.seeds) and self.joint() is None

    def run(self) -> History:
        """Until all is tried, the deadline, or a signal. Raises what went wrong in us."""
        try:
            self.tidy()
            if not self.study.variants:
                self.record(Ablating(self.incumbent, self.variants()))
            self.point()
            while not self.is_over():
                self.start()
                self.take()
        finally:
            self.bench.executor.kill()
        return self.history

    def tidy(self) -> None:
        """What a kill left undone."""
        self.bench.repo.store_ledger(self.bench.ledger.path)
        for checkpoint in self.bench.results.glob("experiments/*/*/checkpoint.pt"):
            checkpoint.unlink()

    def variants(self) -> tuple[Variant, ...]:
        """The incumbent itself, and without each keep of its line and what stands on that."""
        made = [Variant(WHOLE, (), self.line.commits[-1])]
        return (*made, *(self.variant(n, {n}) for n in order(self.history, self.line)))

    def variant(self, number: int, out: set[int]) -> Variant:
        without = tuple(sorted(self.line.standing_on(out)))
        record = self.history.records[self.incumbent]
        text = self.line.steps(without)[-1].text
        names = " and ".join(map(str, without))
        message = f"Experiment {self.incumbent} without {names}\n"
        parents = (record.commit,)
        files = {"train.py": text}
        commit = self.bench.repo.stage(parents, files, message, record.proposed_at)
        return Variant(number, without, commit)

    def joint(self) -> Variant | None:
        """All passengers left out at once, where there are several and no variant does so."""
        passengers = set(self.found.passengers)
        if len(passengers) < 2:
            return None
        without = tuple(sorted(self.line.standing_on(passengers)))
        if any(v.without == without for v in self.study.variants):
            return None
        number = 1 + max(self.incumbent, *(v.number for v in self.study.variants))
        return self.variant(number, passengers)

    def point(self) -> None:
        """Refs to what the variants are, so that git keeps them."""
        folder = f"{self.bench.repo.refs}/ablated/{self.incumbent:04d}"
        self.bench.repo.point(
            {f"{folder}/{v.number:04d}": v.commit for v in self.study.variants if v.without}
        )

    def is_over(self) -> bool:
        if self.bench.executor.running():
            return False
        if self.ending or self.is_late():
            return True
        if has_failed(self.study, WHOLE):
            return True
        if wanted(self.study, self.seeds):
            return False
        if joint := self.joint():
            self.record(Ablating(self.incumbent, (joint,)))
            self.point()
            return False
        return True

    def is_late(self) -> bool:
        left_s = None if self.bench.deadline is None else self.bench.deadline - seconds()
        return schedule.is_late(self.history, left_s)

    def start(self) -> None:
        """As many trials as there are free slots."""
        executor = self.bench.executor
        while len(executor.running()) < executor.slots and not (self.ending or self.is_late()):
            trials = wanted(self.study, self.seeds, executor.running())
            if not trials or has_failed(self.study, WHOLE) or self.is_full():
                return
            variant = next(v for v in self.study.variants if v.number == trials[0].experiment)
            executor.start(trials[0], self.bench.repo.source(variant.commit))
            some = f"some {schedule.trial_s(self.history):.0f} s"
            self.bench.tell(f"{_what(variant)}, seed {trials[0].seed}: begun, {some}")

    def is_full(self) -> bool:
        lacks = self.bench.lacking()
        if lacks:
            self.tell(f"{lacks}: waiting for room")
        return lacks is not None

    def take(self) -> None:
        try:
            message = self.bench.inbox.get(timeout=TICK_S)
        except Empty:
            return
        match message:
            case Finished(outcome):
                self.finish(outcome)
            case Note(text):
                self.tell(text)
            case Signal():
                self.ending = message.after(self.ending)
                if self.ending.at_once:
                    self.bench.executor.kill()
                else:
                    self.tell("finishing what runs; once more ends it at once")

    def finish(self, outcome: Outcome) -> None:
        outcome = replace(outcome, flags=(*outcome.flags, *cpu_flags(self.history, outcome)))
        self.record(Ablated(self.incumbent, outcome))
        self.bench.executor.done(Trial(outcome.experiment, outcome.seed))
        name = f"experiments/{outcome.experiment:04d}/{outcome.seed}/checkpoint.pt"
        (self.bench.results / name).unlink(missing_ok=True)  # its figures and its code are kept
        read = f"{outcome.accuracy:.4f}" if outcome.status == "ok" else outcome.status
        variant = next(v for v in self.study.variants if v.number == outcome.experiment)
        left = len(wanted(self.study, self.seeds))
        self.bench.tell(f"{_what(variant)}, seed {outcome.seed}: {read} ({left} to go)")

    def record(self, event: Event) -> None:
        """On the disk first, then in memory; waits while the disk is full."""
        while True:
            try:
                entry = self.bench.ledger.append(event)
                break
            except OSError as error:
                if error.errno not in FULL:
                    raise
                self.tell(f"the disk of {self.bench.ledger.path} is full: waiting for room")
                time.sleep(ROOM_S)
        self.history = self.history.after(entry)
        self.bench.repo.store_ledger(self.bench.ledger.path)

    def tell(self, text: str) -> None:
        if text != self.told:
            self.bench.tell(text)
        self.told = text


def _what(variant: Variant) -> str:
    without = " and ".join(map(str, variant.without))
    return f"without {without}" if without else "nothing left out"
