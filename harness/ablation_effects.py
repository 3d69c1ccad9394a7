"""What each kept edit adds to the stack that it is part of, by leave-one-out trials: pure.

An effect is the incumbent's accuracy less that of the variant without the edit, both read with the
same seeds, which no trial of the campaign used: what was chosen by luck has none here. The noise
has the judge's prior (`harness.noise`), the campaign's repeats, and the study's own trials: what is
left of the table of variants by seeds when each variant and each seed have their mean taken off
(the residual of a two-way layout; Box, Hunter and Hunter, Statistics for Experimenters, 2nd ed.,
chapter 4).

P(helps) takes nothing over from P(real), so that the two are witnesses of their own. Half of what
is kept is expected to help, as in the judge's simulation (docs/JUDGE.md); most of the rest to do
nothing, which is an effect of exactly zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.ablation import WHOLE, Study, Variant
from harness.adoption import LEAST_TRIALS, P_WITHDRAWN
from harness.believed import readings_of
from harness.contention import is_contended
from harness.experiment import Outcome
from harness.history import History
from harness.noise import log_prior, log_repeats, spread
from harness.prior import CELL_VARIANCES, EFFECTS, IS_GAIN, Array, collapses, gains, losses, nothing

P_TOGETHER = 0.5  # below it, passengers may go together
SDS: Array = np.geomspace(0.001, 0.1, 48)  # of a trial's accuracy, over which the belief is spread


@dataclass(frozen=True, slots=True)
class Effect:
    """Of the edits that a variant leaves out. Accuracies 0 to 1; None where nothing was compared.

    `accuracy` is the variant's mean over the `seeds` that were compared; `failure` how its trial
    ended where that was not well. `is_twin`: it trained the incumbent's very weights.
    """

    variant: Variant
    seeds: tuple[int, ...]
    accuracy: float | None
    effect: float | None
    effect_sd: float | None
    p_helps: float | None
    failure: str = ""
    is_twin: bool = False

    @property
    def is_idle(self) -> bool:
        """Nothing speaks for it: the bound at which the judge withdraws a keep."""
        if self.p_helps is None or self.p_helps >= P_WITHDRAWN:
            return False
        return self.is_twin or len(self.seeds) >= LEAST_TRIALS


@dataclass(frozen=True, slots=True)
class Found:
    """What a study says so far. `singles` are in the order of the line, the oldest keep first.

    `passengers` are the experiments that can be left out, `together` the effect of all of them at
    once where that was to be tried.
    """

    incumbent: int
    accuracy: float | None
    seeds: tuple[int, ...]
    noise_sd: float
    singles: tuple[Effect, ...]
    passengers: tuple[int, ...]
    together: Effect | None

    @property
    def is_all_idle(self) -> bool:
        """Every keep of the line is a passenger."""
        keeps = {effect.variant.number for effect in self.singles}
        return bool(keeps) and keeps <= set(self.passengers)

    @property
    def is_droppable(self) -> bool:
        """There are passengers, no trial says that they help together, and something stays."""
        if self.is_all_idle:
            return False
        if not self.together:
            return bool(self.passengers)
        p_helps = self.together.p_helps
        return bool(self.passengers) and p_helps is not None and p_helps < P_TOGETHER


def found_of(history: History, study: Study) -> Found:
    whole = _readings(study, WHOLE)
    noise = noise_of(*_repeats(history), _tables(study))
    effects = {v.number: _effect(study, v, noise) for v in study.variants if v.number != WHOLE}
    singles = tuple(effects[n] for n in sorted(effects) if n <= study.incumbent)
    passengers = passengers_of(singles)
    left_out = [e for e in effects.values() if set(e.variant.without) >= set(passengers)]
    together = min(left_out, key=lambda e: len(e.variant.without), default=None)
    return Found(
        study.incumbent,
        sum(whole.values()) / len(whole) if whole else None,
        tuple(whole),
        _root_mean_square(noise),
        singles,
        passengers,
        together if len(passengers) > 1 else None,
    )


def passengers_of(singles: Sequence[Effect]) -> tuple[int, ...]:
    """Edits that do not help: neither alone nor, where others stand on them, with those, of which
    none helps either."""
    idle = {effect.variant.number for effect in singles if effect.is_idle}
    while blocked := {
        effect.variant.number
        for effect in singles
        if effect.variant.number in idle and not idle.issuperset(effect.variant.without)
    }:
        idle -= blocked
    return tuple(sorted(idle))


def _effect(study: Study, variant: Variant, noise: Array) -> Effect:
    whole, without = _shared(study, variant.number)
    failure = next((o for o in study.of(variant.number) if o.status not in ("ok", "lost")), None)
    if failure or not whole:
        said = f"{failure.status.replace('_', ' ')}: {failure.reason}" if failure else ""
        return Effect(variant, (), None, None, None, None, said)
    seeds = tuple(outcome.seed for outcome in whole)
    accuracy = sum(outcome.accuracy for outcome in without) / len(seeds)
    effect = sum(outcome.accuracy for outcome in whole) / len(seeds) - accuracy
    if all(
        a.checkpoint and a.checkpoint == b.checkpoint for a, b in zip(whole, without, strict=True)
    ):
        return Effect(variant, seeds, accuracy, 0.0, 0.0, 0.0, is_twin=True)
    sd = _root_mean_square(noise) * math.sqrt(2 / len(seeds))
    return Effect(variant, seeds, accuracy, effect, sd, p_helps(effect, len(seeds), noise))


def _shared(study: Study, number: int) -> tuple[list[Outcome], list[Outcome]]:
    """Trials of the incumbent and of the variant with the same seeds, calm ones if there are."""
    right = [{o.seed: o for o in study.of(n) if o.status == "ok"} for n in (WHOLE, number)]
    seeds = [seed for seed in right[0] if seed in right[1]]
    calm = [s for s in seeds if not any(is_contended(found[s]) for found in right)]
    return [right[0][s] for s in calm or seeds], [right[1][s] for s in calm or seeds]


def _readings(study: Study, number: int) -> dict[int, float]:
    return {o.seed: o.accuracy for o in study.of(number) if o.status == "ok"}


# ---------------------------------------------------------------------------
# Noise and probability
# ---------------------------------------------------------------------------


def noise_of(squares: float, freedom: int, table: Array) -> Array:
    """How likely each of SDS is, summing to 1: by repeats that lie `squares` around their own means
    with so many degrees of freedom, and by a table of accuracies, (variants, seeds)."""
    variants, seeds = table.shape
    log_weights = log_prior(SDS) + log_repeats(SDS, np.array(squares), np.array(freedom))
    if variants > 1 and seeds > 1:
        rest = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
        free = np.array((variants - 1) * (seeds - 1))
        log_weights = log_weights + log_repeats(SDS, np.sum(rest**2), free)
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


def _root_mean_square(noise: Array) -> float:
    return float(np.sqrt(noise @ SDS**2))


def _repeats(history: History) -> tuple[float, int]:
    """Of the campaign's experiments: squares around their means, and degrees of freedom."""
    readings = [readings_of(record) for record in history.records.values()]
    return sum(map(spread, readings)), sum(len(found) - 1 for found in readings if found)


def _tables(study: Study) -> Array:
    """Accuracies of all variants at the seeds that all have, twins of another once."""
    readings = {v.number: _readings(study, v.number) for v in study.variants}
    known = {number: found for number, found in readings.items() if found}
    seeds = [s for s in known.get(WHOLE, ()) if all(s in found for found in known.values())]
    different: dict[tuple[float, ...], None] = {
        tuple(found[seed] for seed in seeds): None for found in known.values()
    }
    return np.array(list(different)).reshape(len(different), len(seeds))


PRIOR: Array = (
    0.4 * gains(0.03)  # (cells,); these and those below are half of all
    + 0.1 * collapses()[::-1]  # without it nothing is learned
    + 0.4 * nothing()
    + 0.1 * losses(0.05)
)


def p_helps(effect: float, trials: int, noise: Array) -> float:
    """The probability that the true effect is above zero, given the difference of two means of so
    many trials, and how likely each of SDS is."""
    variances = 2 * SDS[:, None] ** 2 / trials + CELL_VARIANCES  # (sds, cells)
    log_likelihood = -((effect - EFFECTS) ** 2) / (2 * variances) - np.log(variances) / 2
    cells = noise @ np.exp(log_likelihood - log_likelihood.max()) * PRIOR
    return float(cells @ IS_GAIN / cells.sum())
