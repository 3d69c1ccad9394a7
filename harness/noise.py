"""How far a trial's accuracy is from the true one: the standard deviation from seed to seed.

It is not known. Repeats measure it, starting from 0.01 with the weight of 4 degrees of freedom (a
scaled inverse chi-square): `noise_of`. Every other reading says a little too, since edits that do
nothing scatter by the noise alone; so the judge weighs a grid of noises by all that was read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gamma

import numpy as np

from harness.prior import Array

PRIOR_SD = 0.01  # three seeds of one training gave 0.002, their levels taken one by one 0.0085
PRIOR_FREEDOM = 4.0
STRANGE = 0.8  # that this training is unlike those; with less, a noise of 0.04 is seen too late
NODES, REACH = 12, 5.6  # of the grid: how many, and how far in standard deviations of log sd


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviation of one trial in accuracy, and the degrees of freedom behind it."""

    sd: float
    freedom: float


def noise_of(experiments: Iterable[Sequence[float]]) -> Noise:
    """By repeats alone: accuracies of each experiment's trials that were ok."""
    squares, freedom = PRIOR_FREEDOM * PRIOR_SD**2, PRIOR_FREEDOM
    for readings in experiments:
        if len(readings) > 1:
            squares += spread(readings)
            freedom += len(readings) - 1
    return Noise(float(np.sqrt(squares / freedom)), freedom)


def grid(sd: Array, freedom: Array) -> Array:
    """Standard deviations that the belief is spread over, (..., nodes), in equal steps of log sd.

    About what repeats say, and the narrower the more there are: by the prior 0.0014 to 0.072.
    """
    steps = np.linspace(-REACH, REACH, NODES)
    return np.asarray(sd[..., None] * np.exp(steps / np.sqrt(2 * freedom)[..., None]))


def spread(readings: Sequence[float]) -> float:
    """Sum of squared distances from the mean, the same in whatever order they came."""
    if len(readings) < 2:
        return 0.0
    ordered = np.sort(np.asarray(readings, dtype=np.float64))
    return float(np.sum((ordered - ordered.mean()) ** 2))


def log_prior(sds: Array) -> Array:
    """Density per step of log sd: the inverse chi-square, or evenly anything from 0.0014 to 0.072.

    By the first alone a noise of 0.04 is learned late: in 32 simulated trials with few good edits
    that kept more harm.
    """
    half = PRIOR_FREEDOM / 2
    scaled = half * (PRIOR_SD / sds) ** 2
    expected = 2 * scaled**half * np.exp(-scaled) / gamma(half)
    anything = np.sqrt(2 * PRIOR_FREEDOM) / (2 * REACH)
    return np.asarray(np.log((1 - STRANGE) * expected + STRANGE * anything))


def log_repeats(sds: Array, squares: Array, freedom: Array) -> Array:
    """Log likelihood of repeats that lie `squares` around their own means, up to a constant."""
    return -freedom * np.log(sds) - squares / (2 * sds**2)
