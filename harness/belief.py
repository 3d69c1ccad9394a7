"""What is believed of each experiment's true accuracy and of its edit's effect, given all readings.

Every call replays the campaign from its first reading, so that a repeat counts where its experiment
stands, whenever it came: `harness.tree` has the arithmetic, `harness.adoption` the rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.noise import PRIOR_FREEDOM, PRIOR_SD, Noise, grid, noise_of, spread
from harness.prior import Array, Prior, learned_prior
from harness.tree import Beliefs, Meeting


@dataclass(frozen=True, slots=True)
class Measured:
    """An experiment as the judge sees it: accuracies of its ok trials, in any order.

    The baseline comes first and is its own parent; every other parent comes before its children.
    """

    id: int
    parent: int
    readings: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Given everything measured. Accuracies and effects 0 to 1, `p_` are probabilities.

    `p_real` is that of an effect above zero; one of exactly zero is not. `p_equal` is that of an
    effect above minus half the noise. `step_sd` says how far one more trial would move the mean of
    the effect.
    """

    accuracy: float
    accuracy_sd: float
    effect: float
    effect_sd: float
    p_real: float
    p_equal: float
    step_sd: float


def replay(
    experiments: Sequence[Measured], *, prior: Prior | None = None
) -> tuple[dict[int, Posterior], Noise]:
    """What is believed of each experiment by its id, and of the noise, given all readings.

    Experiments without a reading are left out by the caller. Raises ValueError on a parent that
    does not come before its child.
    """
    places = {experiment.id: place for place, experiment in enumerate(experiments)}
    if not experiments:
        return {}, Noise(PRIOR_SD, PRIOR_FREEDOM)
    repeats = noise_of(experiment.readings for experiment in experiments)
    sds = grid(np.array(repeats.sd), np.array(repeats.freedom))
    beliefs = Beliefs(prior or learned_prior(), sds, 1, len(experiments))
    beliefs.add_baseline(*_figures(experiments[0]))
    for place, experiment in enumerate(experiments[1:], start=1):
        above = places.get(experiment.parent, place)
        if above >= place:
            raise ValueError(
                f"experiment {experiment.id}: its parent {experiment.parent} must come before it"
            )
        beliefs.add(np.array([above]), *_figures(experiment))
    meetings = beliefs.smooth()
    weights = beliefs.noise_weights()[0]
    sd = float(np.sqrt(weights @ sds**2))
    found = {experiments[0].id: _baseline(beliefs, weights)}
    for experiment, met in zip(experiments[1:], meetings, strict=True):
        found[experiment.id] = posterior_of(met, 0, weights, sd)
    return found, Noise(sd, repeats.freedom)


def posterior_of(met: Meeting, campaign: int, weights: Array, noise_sd: float) -> Posterior:
    """Of one campaign, averaged over its noises by their `weights`, (noises,)."""
    child, effect = met.child[campaign], met.effect[campaign]
    accuracy, mean = float(weights @ child), float(weights @ effect)
    variance = float(weights @ (met.child_variance[campaign] + (child - accuracy) ** 2))
    shared = met.covariance[campaign] + (child - accuracy) * (effect - mean)
    spread_out = met.effect_variance[campaign] + (effect - mean) ** 2
    return Posterior(
        accuracy=accuracy,
        accuracy_sd=variance**0.5,
        effect=mean,
        effect_sd=float(weights @ spread_out) ** 0.5,
        p_real=float(weights @ met.p_real[campaign]),
        p_equal=float(weights @ met.p_equal[campaign]),
        step_sd=max(float(weights @ shared), 0.0) / (variance + noise_sd**2) ** 0.5,
    )


def _baseline(beliefs: Beliefs, weights: Array) -> Posterior:
    precision, weighted = beliefs.precision[0, 0], beliefs.weighted[0, 0]
    means = weighted / precision
    accuracy = float(weights @ means)
    sd = float(weights @ (1 / precision + (means - accuracy) ** 2)) ** 0.5
    return Posterior(accuracy, sd, 0.0, 0.0, 0.0, 1.0, 0.0)


def _figures(experiment: Measured) -> tuple[Array, Array, Array]:
    """Mean, count and spread of its readings, each (1,)."""
    readings = sorted(experiment.readings)  # sums of floats depend on their order; a belief may not
    mean = sum(readings) / len(readings) if readings else 0.0
    figures = (mean, float(len(readings)), spread(readings))
    return tuple(np.array([figure]) for figure in figures)  # type: ignore[return-value]
