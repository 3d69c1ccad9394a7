"""Trials that other work on the machine slowed down: a budget of wall time is worth less then.

Compared is like with like: the share of its wall time that a training on a CPU got to compute in,
with the incumbent's, and while there is none that was not slowed itself with all of it. What is
missing must be what others computed on its cores: a training that idles, by design or in order to
be excused for a bad reading, is not contended. The samples a second of one experiment's trials are
its own account of itself: where they fall the trial is flagged as slow and repeated, but counts.
Not covered: a GPU that another's work slows from the first trial on, unless it holds memory
(`harness.gpu` tells that).
"""

import statistics
from collections.abc import Iterable

from harness.experiment import Outcome
from harness.history import History, Record

TOLERANCE = 0.2
SHORT_S = 10.0  # a shorter training tells too little: CPU seconds are read twice a second
FAR = 0.3  # less of its time than the freest trial, or than all
MARK, SLOW = "contended: ", "slow: "
BY_OTHERS = 0.5  # of what is missing: others on its cores computed at least so much
KNOWN = ("ok", "timeout")


def flags_of(history: History, outcome: Outcome) -> tuple[str, ...]:
    """What the board should say of this trial's conditions; it is about to be recorded."""
    if found := cpu_flags(history, outcome):
        return found
    if not _is_told(history, outcome):
        return ()
    usual = _median(map(_rate, history.records[outcome.experiment].outcomes))
    rate = _rate(outcome)
    if rate is not None and usual is not None and rate < (1 - TOLERANCE) * usual:
        return (f"{SLOW}{rate:.0f} samples a second, and {usual:.0f} in its other trials",)
    return ()


def cpu_flags(history: History, outcome: Outcome) -> tuple[str, ...]:
    """The part that holds for any code: its share of a core, beside the incumbent's."""
    share = _cpu_share(outcome)
    if outcome.train_s < SHORT_S or history.settings.device != "cpu" or share is None:
        return ()
    said = f"{MARK}it computed in {share:.0%} of its time"
    usual = _usual_share(history)
    if usual is None:
        is_less = share < 1 - FAR
    else:
        is_less = share < (1 - TOLERANCE) * usual
        said += f", and the incumbent's trials in {usual:.0%}"
    return (said,) if is_less and _is_by_others(outcome, usual or 1.0) else ()


def _usual_share(history: History) -> float | None:
    """Of the incumbent's trials that nothing slowed; None before the first of them, and where all
    were slowed: beside those, the next one that is slowed as much would look as usual."""
    if history.incumbent is None:
        return None
    tried = history.records[history.incumbent].outcomes
    return _median(_cpu_share(outcome) for outcome in tried if not is_contended(outcome))


def _is_told(history: History, outcome: Outcome) -> bool:
    is_known = outcome.status in KNOWN and history.incumbent is not None
    return is_known and outcome.train_s >= SHORT_S


def slowed(history: History) -> dict[int, float]:
    """Experiments with a trial that counts and got to compute in far less of its time than the
    freest one did, and in what share; for a reader, who is not to believe an effect that is the
    machine's."""
    if history.settings.device != "cpu":
        return {}
    known = [
        (number, outcome, share)
        for number, record in history.records.items()
        for outcome in (calm_of(record.outcomes) if record.verdict else ())
        if outcome.train_s >= SHORT_S and (share := _cpu_share(outcome)) is not None
    ]
    most = max((share for _, _, share in known), default=0.0)
    return {
        number: share
        for number, outcome, share in known
        if share < (1 - FAR) * most and _is_by_others(outcome, most)
    }


def is_contended(outcome: Outcome) -> bool:
    return any(flag.startswith(MARK) for flag in outcome.flags)


def wants_repeat(outcome: Outcome) -> bool:
    """Another trial before the verdict, once."""
    return any(flag.startswith((MARK, SLOW)) for flag in outcome.flags)


def is_slowed(record: Record) -> bool:
    """Other work slowed every trial of it that was ok."""
    right = [outcome for outcome in record.outcomes if outcome.status == "ok"]
    return bool(right) and all(map(is_contended, right))


def calm_of(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Those that nothing slowed, or all where there are none: the trials that count."""
    tried = list(outcomes)
    return [outcome for outcome in tried if not is_contended(outcome)] or tried


def counted(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Of an experiment's trials, those whose accuracy and levels are read."""
    return calm_of(outcome for outcome in outcomes if outcome.status == "ok")


def is_uncounted(record: Record) -> bool:
    """Nothing is believed of it, since other work slowed all that was read."""
    return bool(record.verdict) and record.posterior is None and is_slowed(record)


def _is_by_others(outcome: Outcome, usual: float) -> bool:
    """Of a trial that computed less than usual; where it is not known, others are taken for it."""
    missing_s = usual * outcome.train_s - outcome.cpu_s
    return outcome.others_s is None or outcome.others_s >= BY_OTHERS * missing_s


def _cpu_share(outcome: Outcome) -> float | None:
    is_known = outcome.status in KNOWN and outcome.train_s > 0 and outcome.cpu_s > 0
    return outcome.cpu_s / outcome.train_s if is_known else None


def _rate(outcome: Outcome) -> float | None:
    is_known = outcome.status == "ok" and outcome.train_s > 0 and outcome.samples
    return outcome.samples / outcome.train_s if is_known and outcome.samples else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
