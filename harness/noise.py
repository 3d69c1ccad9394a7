"""How far a trial's accuracy is from the true one: the standard deviation from seed to seed.

It is not known. Before anything is measured it is about 0.01, with the weight of 4 degrees of
freedom (a scaled inverse chi-square); what is measured says more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.prior import Array

PRIOR_SD = 0.01  # three seeds of one training gave 0.002, their levels taken one by one 0.0085
PRIOR_FREEDOM = 4.0
SDS: Array = 0.0015 * 1.6 ** np.arange(10)  # 0.0015 to 0.1: what the belief is spread over


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


def spread(readings: Sequence[float]) -> float:
    """Sum of squared distances from the mean."""
    return float(np.sum((np.asarray(readings) - np.mean(readings)) ** 2)) if readings else 0.0


def log_prior(sds: Array) -> Array:
    """Of a scaled inverse chi-square variance, per equal step of log sd, up to a constant."""
    return -PRIOR_FREEDOM * np.log(sds) - PRIOR_FREEDOM * PRIOR_SD**2 / (2 * sds**2)


def log_repeats(sds: Array, squares: Array, freedom: Array) -> Array:
    """Log likelihood of repeats that lie `squares` around their own means, up to a constant."""
    return -freedom * np.log(sds) - squares / (2 * sds**2)
