"""Which trials are wanted, and the verdicts once none are: pure, from a history to decisions.

The rule is best so far: an experiment is kept when its mean accuracy is above its incumbent's.
"""

import random
from collections.abc import Sequence

from harness.experiment import BASELINE, Decision, Outcome, Trial, Verdict
from harness.history import History, Record

LOST_MOST = 3  # trials of one experiment that the machine may lose before it counts as a crash
FAILED = ("crash", "timeout", "out_of_memory", "no_checkpoint", "lost")


def trials_wanted(history: History, running: Sequence[Trial] = ()) -> list[Trial]:
    """Trials to start next, most wanted first: the baseline's, then experiments', oldest first."""
    wanted = []
    for number in history.open:
        record = history.records[number]
        if record.experiment.refused or _has_failed(record):
            continue
        wanted += [Trial(number, s) for s in seeds(history) if s not in record.seeds]
        if number == BASELINE:  # what comes after it needs something to be compared with
            break
    return [trial for trial in wanted if trial not in running]


def verdicts(history: History, running: Sequence[Trial] = ()) -> list[Verdict]:
    """Verdicts on the open experiments that no trial is missing of, oldest first."""
    found = []
    busy = {trial.experiment for trial in running}
    for number in history.open:
        record = history.records[number]
        if number not in busy and not _is_waiting(history, record):
            found.append(_verdict(history, record))
            break  # what it decides may change what the next is compared with
        if number == BASELINE:
            break
    return found


def seeds(history: History) -> list[int]:
    """The seeds of every experiment's trials: the campaign's own, the same for all."""
    assert history.started
    drawn = random.Random(f"{history.started.campaign}:seeds")
    return drawn.sample(range(1, 2**31), history.settings.seeds)


def _has_failed(record: Record) -> bool:
    """One trial that failed is enough; those that the machine lost may be repeated."""
    lost = sum(outcome.status == "lost" for outcome in record.outcomes)
    return lost >= LOST_MOST or any(o.status not in ("ok", "lost") for o in record.outcomes)


def _is_waiting(history: History, record: Record) -> bool:
    if record.experiment.refused or _has_failed(record):
        return False
    return len(record.seeds) < history.settings.seeds


def _verdict(history: History, record: Record) -> Verdict:
    number, refused = record.experiment.id, record.experiment.refused
    incumbent = history.incumbent if history.incumbent is not None else number
    bar = history.accuracy_of(incumbent) if incumbent != number else None
    right = [o.accuracy for o in record.outcomes if o.status == "ok"]
    accuracy = sum(right) / len(right) if right else None
    if refused:
        broken: Decision = "crash" if record.experiment.broken else "discard"
        return Verdict(number, broken, refused, None, incumbent, bar)
    if _has_failed(record):
        failed = next((o for o in record.outcomes if o.status not in ("ok", "lost")), None)
        decision, said = _failure(failed or record.outcomes[-1])
        return Verdict(number, decision, said, accuracy, incumbent, bar)
    assert accuracy is not None
    if number == BASELINE:
        return Verdict(number, "keep", "the baseline", accuracy, incumbent, None)
    if bar is None:
        reason = f"{accuracy:.4f}, and the baseline has no accuracy"
        return Verdict(number, "keep", reason, accuracy, incumbent, bar)
    reason = f"{accuracy:.4f} against the incumbent's {bar:.4f}"
    better: Decision = "keep" if accuracy > bar else "discard"
    return Verdict(number, better, reason, accuracy, incumbent, bar)


def _failure(outcome: Outcome) -> tuple[Decision, str]:
    said = f"{outcome.status.replace('_', ' ')}: {outcome.reason}"
    return ("crash" if outcome.status in FAILED else "discard"), said
