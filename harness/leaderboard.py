"""History -> rows: the one place that orders and words what is shown of a campaign."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from harness.adoption import LEAST_TRIALS
from harness.believed import beliefs_of, posteriors, readings_of
from harness.contention import is_uncounted, slowed
from harness.costs import usd_of
from harness.deadline import is_over
from harness.experiment import BASELINE, Posterior, Standing
from harness.figures import share
from harness.history import History, Record
from harness.provenance import provenance
from harness.sealed_words import sealed_accuracies

MOST_NAMED = 12  # experiments in one note
FULL = 0.995  # accuracy from which a baseline leaves nothing to gain
NOISY = 0.05  # noise from which a reader is told of it; trainings of 15 minutes have some 0.01


@dataclass(frozen=True, slots=True)
class Row:
    """An experiment as the board shows it. Unknown figures are None.

    `accuracy` and `effect` are posterior means, `raw_accuracy` is what its trials read.
    """

    id: int
    parent: int
    verdict: str  # keep, discard, crash, or running, waiting
    standing: str  # of a keep: provisional, confirmed or withdrawn
    status: str
    accuracy: float | None
    accuracy_sd: float | None
    raw_accuracy: float | None
    effect: float | None  # of its edit
    effect_sd: float | None
    p_real: float | None
    hypothesis: str
    reason: str
    commit: str
    seconds: float | None
    usd: float | None  # of the calls of a language model for it
    trials: int
    flags: tuple[str, ...]
    is_incumbent: bool
    sealed: float | None  # accuracy on the sealed set that was opened last for it
    kind: str
    researcher: str
    expected: float | None  # gain in accuracy, as its proposal hoped
    parameters: int | None  # numbers in its checkpoint, the most of its trials
    samples_s: float | None  # samples of training a second, the mean of its trials
    memory_mb: float | None  # the most of its trials
    provenance: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def rows(history: History, running: Iterable[int] = ()) -> list[Row]:
    """One for each experiment, in their order."""
    busy, found, sealed = set(running), posteriors(history), sealed_accuracies(history)
    return [
        _row(history, record, found.get(number), sealed.get(number), busy)
        for number, record in history.records.items()
    ]


def _row(
    history: History,
    record: Record,
    posterior: Posterior | None,
    sealed: float | None,
    busy: set[int],
) -> Row:
    experiment, verdict = record.experiment, record.verdict
    read = readings_of(record)
    has_effect = posterior is not None and experiment.id != BASELINE
    word = verdict.decision if verdict else "running" if experiment.id in busy else "waiting"
    return Row(
        experiment.id,
        experiment.parent,
        word,
        record.standing or "",
        status_of(record),
        posterior.accuracy if posterior else None,
        posterior.accuracy_sd if posterior else None,
        sum(read) / len(read) if read else None,
        posterior.effect if posterior and has_effect else None,
        posterior.effect_sd if posterior and has_effect else None,
        posterior.p_real if posterior and has_effect else None,
        experiment.hypothesis,
        verdict.reason if verdict else "",
        record.commit,
        sum(o.train_s + o.score_s for o in record.outcomes) if record.outcomes else None,
        usd_of(history, experiment.id),
        len(record.outcomes),
        tuple(flag for outcome in record.outcomes for flag in outcome.flags),
        experiment.id == history.incumbent and word == "keep",  # not a baseline that crashed
        sealed,
        experiment.kind,
        experiment.researcher,
        experiment.expected,
        max((o.parameters for o in record.outcomes if o.parameters is not None), default=None),
        _samples_s(record),
        max((o.memory_mb for o in record.outcomes if o.memory_mb is not None), default=None),
        provenance(history, record),
    )


def status_of(record: Record) -> str:
    """Of the trials before its verdict: the first that was not ok; "" before there are any. One
    that was repeated, since the machine failed or other work held it up, is told only of an
    experiment that has no verdict by others."""
    if record.experiment.refused:
        return "refused"
    if record.verdict and record.verdict.posterior:
        return "ok"
    first = record.outcomes[: record.first] if record.verdict else record.outcomes
    statuses = [outcome.status for outcome in first]
    told = [status for status in statuses if status != "lost"] or statuses[:1]
    return next((status for status in told if status != "ok"), told[0] if told else "")


def _samples_s(record: Record) -> float | None:
    paces = [o.samples / o.train_s for o in record.outcomes if o.samples and o.train_s > 0]
    return sum(paces) / len(paces) if paces else None


def order(shown: Iterable[Row], by: str) -> list[Row]:
    """By id, or by a figure such as p-real, the largest first; the last are those without it."""
    if by == "id":
        return sorted(shown, key=lambda row: row.id)
    name = by.replace("-", "_")

    def rank(row: Row) -> tuple[bool, float, int]:
        value = getattr(row, name)
        return value is None, 0.0 if value is None else -value, row.id

    return sorted(shown, key=rank)


def has_crashed(record: Record) -> bool:
    """In a trial: what no gate let through has not."""
    is_crash = record.verdict is not None and record.verdict.decision == "crash"
    return is_crash and not record.experiment.refused


def counts(history: History) -> str:
    """How many experiments of each verdict."""
    records = [record for n, record in history.records.items() if record.verdict and n]
    tried = [record for record in records if not record.experiment.refused]
    verdicts = [str(record.verdict.decision) for record in tried if record.verdict]
    standings = [record.standing for record in records]
    kept = [f"{standings.count(s)} {s}" for s in get_args(Standing) if s in standings]
    words = [f"{verdicts.count('keep')} kept" + (f" ({', '.join(kept)})" if kept else "")]
    words += [f"{verdicts.count('discard')} discarded", f"{verdicts.count('crash')} crashed"]
    if refused := len(records) - len(tried):
        words.append(f"{refused} refused")
    count, waiting = len(records), len(history.open.keys() - {BASELINE})
    is_ended = history.is_finished or history.revealed or is_over(history)
    left = "never tried" if is_ended else "to be judged"
    if not count:
        return f"no experiment yet{f', {waiting} {left}' if waiting else ''}"
    if waiting:
        words.append(f"{waiting} more {left}")
    return f"{count} experiment{'' if count == 1 else 's'}: {', '.join(words)}"


def summary(history: History) -> str:
    """One line: the counts, and the incumbent's accuracy beside the baseline's."""
    text = counts(history)
    if history.incumbent is not None:
        found = posteriors(history)
        if history.incumbent in found:
            best, first = found[history.incumbent].accuracy, found[BASELINE].accuracy
            text += f"; accuracy {best:.4f}, baseline {first:.4f}"
    return text


@dataclass(frozen=True, slots=True)
class SlotTime:
    """Seconds of all slots since the baseline's verdict, by what they were used for.

    `startup_s` to `scoring_s` are of new experiments, `repeats_s` all of later trials of old ones.
    Not counted is when no harness ran, and what was lost with one that was killed.
    """

    startup_s: float
    training_s: float
    scoring_s: float
    repeats_s: float
    idle_s: float

    @property
    def total_s(self) -> float:
        return math.fsum(getattr(self, name) for name in self.__slots__)

    def words(self) -> str:
        if not self.total_s:
            return ""
        parts = [f"{getattr(self, name) / self.total_s:.1%} {name[:-2]}" for name in self.__slots__]
        return "slot time: " + ", ".join(parts)


def slot_time(history: History) -> SlotTime:
    """Of a trial that runs now nothing is known yet."""
    startup = training = scoring = repeats = 0.0
    begun = history.records[BASELINE].judged_at if history.records else ""
    if not begun:
        return SlotTime(0.0, 0.0, 0.0, 0.0, 0.0)
    for number, record in history.records.items():
        for place, outcome in enumerate(record.outcomes):
            if record.verdict and place >= record.first:
                repeats += outcome.train_s + outcome.score_s
            elif number != BASELINE:
                startup += outcome.start_s or 0.0
                training += outcome.train_s - (outcome.start_s or 0.0)
                scoring += outcome.score_s
    used = startup + training + scoring + repeats
    whole = history.spells.slot_seconds(begun, history.last_trial_at or begun)
    return SlotTime(startup, training, scoring, repeats, max(0.0, whole - used))


def notes(history: History) -> list[str]:
    """What a reader of the board must know to believe it."""
    found = []
    if history.settings.rehearse:
        found.append("a rehearsal: nothing was trained, and every figure here is invented")
    if not history.settings.reserve:
        found.append("no closing repeats (--reserve 0): keeps stay provisional")
    if history.settings.tasks:
        found.append(f"trained and scored on {history.settings.tasks} alone, not on the ladder")
    if history.settings.sandbox == "none" and not history.settings.rehearse:
        found.append("trials ran without a sandbox")
    unread = [n for n, record in history.records.items() if is_uncounted(record)]
    if busy := {n: share for n, share in slowed(history).items() if n not in unread}:
        found.append(
            f"other work slowed trials of {_named(busy)}, down to {min(busy.values()):.0%} of a"
            " core: what they read is too low, and effects beside them are the machine's"
        )
    if unread:
        found.append(
            f"other work slowed every trial of {_named(unread)}: their readings do not count, and"
            " their edits may be tried again"
        )
    believed = posteriors(history)
    if believed and (sd := beliefs_of(history)[1].sd) >= NOISY:
        found.append(
            f"one trial scatters by {share(sd)} (a standard deviation): effects of less are hard to"
            " tell from luck. Longer trainings scatter less, and --seeds 2 takes two of each"
        )
    if BASELINE in believed and believed[BASELINE].accuracy > FULL:
        found.append("the baseline answers all there is: no edit can gain anything on these tasks")
    kept = [n for n, r in history.records.items() if r.standing == "provisional" and n in believed]
    if doubtful := [n for n in kept if believed[n].p_real < 0.5]:
        until = "" if history.is_finished else " until repeats tell"
        found.append(
            f"kept{until}, though P(real) is under 0.5 by now: {_named(doubtful)}; what may gain is"
            " built upon before it is sure (docs/JUDGE.md)"
        )
    if worse := _worse_than_baseline(history, believed):
        found.append(worse)
    flagged = [n for n, r in history.records.items() if any(o.flags for o in r.outcomes)]
    if flagged:
        whose = f"experiment{'s' if len(flagged) > 1 else ''} {_named(flagged)}"
        found.append(f"flagged trials of {whose}; thinker show ID says why")
    return found


def _named(numbers: Iterable[int]) -> str:
    first, rest = [*numbers][:MOST_NAMED], [*numbers][MOST_NAMED:]
    return ", ".join(map(str, first)) + (f" and {len(rest)} more" if rest else "")


def _worse_than_baseline(history: History, believed: Mapping[int, Posterior]) -> str:
    """Of an incumbent that is believed so by now, and why it is one all the same."""
    number = history.incumbent
    if not number or number not in believed or BASELINE not in believed:
        return ""
    now, base = believed[number].accuracy, believed[BASELINE].accuracy
    if now >= base:
        return ""
    is_young = len(history.records[number].seeds) < LEAST_TRIALS
    why = f"; it takes {LEAST_TRIALS} trials to withdraw a keep" if is_young else ""
    return (
        f"experiment {number}, the incumbent, is believed to be worse than the baseline by now,"
        f" {share(now)} and {share(base)}{why}"
    )
