"""What is believed of a campaign's experiments: its readings, gathered and handed to the filter."""

import functools
from dataclasses import replace

from harness import belief
from harness.belief import Measured
from harness.contention import counted
from harness.experiment import BASELINE, Outcome, Posterior
from harness.history import History, Record
from harness.noise import Noise


def is_twin(history: History, record: Record) -> bool:
    """It trained the very same weights as its parent, from the same seed: it changes nothing, and
    its reading is no second one."""
    number, parent = record.experiment.id, record.experiment.parent
    if number == BASELINE:
        return False
    theirs = {o.seed: o.checkpoint for o in history.records[parent].outcomes if o.status == "ok"}
    return any(
        o.status == "ok" and o.checkpoint and o.checkpoint == theirs.get(o.seed)
        for o in record.outcomes
    )


def beliefs_of(
    history: History, candidate: int | None = None
) -> tuple[dict[int, belief.Posterior], Noise]:
    """Of everything that has a verdict and was measured, and of the candidate; and the noise."""
    return _beliefs(history, history.events, candidate)


@functools.lru_cache(maxsize=4)  # of one history, the judge and a page ask many times
def _beliefs(
    history: History, events: int, candidate: int | None
) -> tuple[dict[int, belief.Posterior], Noise]:
    numbers = [*history.judged, *([] if candidate is None else [candidate])]
    measured: list[Measured] = []
    same: dict[int, int] = {}  # experiments that trained another's weights
    for number in numbers:
        record = history.records[number]
        readings, parent = readings_of(record), record.experiment.parent
        if readings and is_twin(history, record):
            same[number] = same.get(parent, parent)
        elif readings and not (record.verdict and record.posterior is None):
            measured.append(Measured(number, same.get(parent, parent), readings))
    found, noise = _replay(tuple(measured))
    twins = {
        number: replace(
            found[other], effect=0.0, effect_sd=0.0, p_real=0.0, p_equal=1.0, step_sd=0.0
        )
        for number, other in same.items()
    }
    return found | twins, noise


@functools.lru_cache(maxsize=4)  # asked again and again while nothing new was measured
def _replay(measured: tuple[Measured, ...]) -> tuple[dict[int, belief.Posterior], Noise]:
    return belief.replay(measured)


def readings_of(record: Record, outcomes: tuple[Outcome, ...] | None = None) -> tuple[float, ...]:
    """The accuracies of its ok trials, or of those given, without contended ones where there are
    others."""
    tried = record.outcomes if outcomes is None else outcomes
    return tuple(outcome.accuracy for outcome in counted(tried))


def posteriors(history: History) -> dict[int, Posterior]:
    """What is believed now, by all trials so far, of each experiment that was measured."""
    return {number: noun(posterior) for number, posterior in beliefs_of(history)[0].items()}


def noun(posterior: belief.Posterior) -> Posterior:
    return Posterior(
        posterior.accuracy,
        posterior.accuracy_sd,
        posterior.effect,
        posterior.effect_sd,
        posterior.p_real,
    )
