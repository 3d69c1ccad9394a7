"""The tree of experiments: normal beliefs about accuracies, a sparse prior on each edit between.

An experiment's accuracy is its parent's plus the effect of its edit; trials read it with noise.
Experiments form a tree, so what one reading says travels along it: a discarded child that came out
equal says that its parent was measured well, a keep whose children all fall short was lucky.

Every accuracy has a normal belief; effects have the sparse prior of `harness.prior`. Where the two
meet (`observe`) the exact mixture is computed and its mean and variance are passed on: a sweep
forward, as a filter would, one back, and one forward again (expectation propagation; Minka 2001).
All of it runs side by side for each noise of a grid, and the readings weigh the grid. Arrays have
the shape (campaigns, noises); the harness has one campaign, the benchmark hundreds.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.noise import log_prior, log_repeats
from harness.prior import (
    CELL_VARIANCES,
    EFFECTS,
    IS_GAIN,
    Array,
    Prior,
    share_above,
)

Places = npt.NDArray[np.int64]  # of experiments, in the order in which they were added
ROOT_MEAN, ROOT_PRECISION = 0.5, 4.0  # the baseline before its trials: anything from 0 to 1
LEAST_PRECISION = 1e-3  # what is left when a message is taken out again is never less
EQUAL = 0.5  # "about equal": no more than this share of the noise below
_ONES = np.ones_like(EFFECTS)
# What a sum over cells is weighted by, (cells, sums): of cells alone, of those times their pull,
# times its square, and of those over their total variance.
OF_CELLS = np.stack([EFFECTS, EFFECTS**2, CELL_VARIANCES, IS_GAIN], 1)
OF_PULL = np.stack([_ONES, CELL_VARIANCES, EFFECTS, 2 * EFFECTS * CELL_VARIANCES], 1)
OF_SQUARE = np.stack([_ONES, CELL_VARIANCES, CELL_VARIANCES**2], 1)
OF_REST = OF_SQUARE


class Meeting(NamedTuple):
    """What a parent, its child's own evidence and the prior say together. Each (...,)."""

    parent: Array
    parent_variance: Array
    child: Array
    child_variance: Array
    effect: Array
    effect_variance: Array
    covariance: Array  # of the effect and the child's accuracy
    p_real: Array
    p_equal: Array
    log_evidence: Array
    classes: Array  # (..., classes): to which the edit belongs


def observe(
    prior: Prior,
    weights: Array,  # (..., classes)
    parent: tuple[Array, Array],  # mean and variance without this child
    child: tuple[Array, Array],  # mean and variance without this parent
    share_equal: Array,  # (..., cells)
) -> Meeting:
    """The exact posterior of parent, effect and child; in each cell all three are normal.

    A cell's effect has the mean EFFECTS + CELL_VARIANCES * pull, so that all moments are sums over
    cells of powers of `pull`, weighted by what is fixed for each cell: four products of matrices.
    """
    (mean, variance), (reading, reading_variance) = parent, child
    total = (variance + reading_variance)[..., None] + CELL_VARIANCES
    surprise = (reading - mean)[..., None] - EFFECTS
    pull = surprise / total
    log_likelihood = surprise
    log_likelihood *= pull
    log_likelihood += np.log(total)
    log_likelihood *= -0.5
    top = log_likelihood.max(-1)
    log_likelihood -= top[..., None]
    likelihood = np.exp(log_likelihood, out=log_likelihood)
    belonging = weights * (likelihood @ prior.classes.T)
    evidence = belonging.sum(-1)
    cells = likelihood
    cells *= weights @ prior.classes
    cells /= evidence[..., None]
    rest = cells / total @ OF_REST
    zeroth = cells @ OF_CELLS
    p_equal = (cells * share_equal).sum(-1)
    cells *= pull
    first = cells @ OF_PULL
    cells *= pull
    second = cells @ OF_SQUARE
    pulled, effect = first[..., 0], zeroth[..., 0] + first[..., 1]
    parent_variance = variance + variance**2 * (second[..., 0] - pulled**2 - rest[..., 0])
    square = zeroth[..., 1] + first[..., 3] + second[..., 2]  # of the cells' mean effects
    effect_variance = square - effect**2 + zeroth[..., 2] - rest[..., 2]
    both = variance * (first[..., 2] + second[..., 1] - pulled * effect - rest[..., 1])
    return Meeting(
        parent=mean + variance * pulled,
        parent_variance=parent_variance,
        child=mean + variance * pulled + effect,
        child_variance=parent_variance + effect_variance + 2 * both,
        effect=effect,
        effect_variance=effect_variance,
        covariance=effect_variance + both,
        p_real=zeroth[..., 3],
        p_equal=p_equal,
        log_evidence=top + np.log(evidence),
        classes=belonging / evidence[..., None],
    )


class Beliefs:
    """The tree of campaigns that grow side by side: shape (campaigns, noises) per experiment."""

    def __init__(self, prior: Prior, sds: Array, campaigns: int, capacity: int) -> None:
        self.prior, self.sds, self.size = prior, sds, 0
        self.rows = np.arange(campaigns)
        shape = (capacity, campaigns, sds.shape[-1])
        # Normal beliefs as precision and precision times mean, so that messages add and subtract.
        self.precision, self.weighted = np.zeros(shape), np.zeros(shape)
        self.up = (np.zeros(shape), np.zeros(shape))  # message to the parent
        self.down = (np.zeros(shape), np.zeros(shape))  # message from the parent
        self.parents = np.zeros((capacity, campaigns), dtype=np.int64)
        self.classes = np.zeros((*shape, len(prior.weights)))
        self.counts = np.broadcast_to(prior.counts, (*shape[1:], len(prior.weights))).copy()
        self.log_noise = np.broadcast_to(log_prior(sds), shape[1:]).copy()
        self.share_equal = share_above(-EQUAL * sds)

    def noise_weights(self) -> Array:
        """(campaigns, noises), summing to 1."""
        weights = np.exp(self.log_noise - self.log_noise.max(-1, keepdims=True))
        return np.asarray(weights / weights.sum(-1, keepdims=True))

    def add_baseline(self, mean: Array, count: Array, squares: Array) -> None:
        """Each (campaigns,): mean of the readings, how many, and their spread around the mean."""
        precision = count[:, None] / self.sds**2
        self.precision[0] = ROOT_PRECISION + precision
        self.weighted[0] = ROOT_PRECISION * ROOT_MEAN + precision * mean[:, None]
        self._learn_noise(count, squares)
        self.size = 1

    def add(self, parent: Places, mean: Array, count: Array, squares: Array) -> Meeting:
        """The next experiment of each campaign, after all others so far."""
        number = self.size
        self.parents[number] = parent
        precision = np.maximum(count[:, None] / self.sds**2, LEAST_PRECISION)
        weighted = precision * mean[:, None]
        met = self._meet(number, self.counts, precision, weighted)
        self._learn_noise(count, squares)
        self.log_noise += np.where(count[:, None] > 0, met.log_evidence, 0.0)
        self.classes[number] = np.where(count[:, None, None] > 0, met.classes, 0.0)
        if np.isfinite(self.prior.strength):
            self.counts += self.classes[number]
        self.size += 1
        return met

    def smooth(self) -> list[Meeting]:
        """A sweep back, for what later experiments say of earlier ones, and one forward again, for
        what is then known of their parents. Not the baseline's."""
        for number in range(self.size - 1, 0, -1):
            self._again(number)
        return [self._again(number) for number in range(1, self.size)]

    def _again(self, number: int) -> Meeting:
        precision = self.precision[number] - self.down[0][number]
        weighted = self.weighted[number] - self.down[1][number]
        counts = self.counts
        if np.isfinite(self.prior.strength):  # an edit is no evidence on its own prior
            counts = counts - self.classes[number]
        return self._meet(number, counts, precision, weighted)

    def _meet(self, number: int, counts: Array, precision: Array, weighted: Array) -> Meeting:
        parent = self._parent_of(number)
        above = self.precision[parent] - self.up[0][number]
        above_weighted = self.weighted[parent] - self.up[1][number]
        above, above_weighted = self._proper(above, above_weighted, parent)
        precision, weighted = self._proper(precision, weighted, number)
        met = observe(
            self.prior,
            counts / counts.sum(-1, keepdims=True),
            (above_weighted / above, 1 / above),
            (weighted / precision, 1 / precision),
            self.share_equal,
        )
        self.precision[parent] = 1 / met.parent_variance
        self.weighted[parent] = met.parent / met.parent_variance
        self.precision[number] = 1 / met.child_variance
        self.weighted[number] = met.child / met.child_variance
        self.up[0][number] = self.precision[parent] - above
        self.up[1][number] = self.weighted[parent] - above_weighted
        self.down[0][number] = self.precision[number] - precision
        self.down[1][number] = self.weighted[number] - weighted
        return met

    def _parent_of(self, number: int) -> Any:
        """What indexes its parent in each campaign; of one campaign a place, which is fast."""
        parents = self.parents[number]
        return int(parents[0]) if len(parents) == 1 else (parents, self.rows)

    def _proper(self, precision: Array, weighted: Array, place: Any) -> tuple[Array, Array]:
        """What is left without a message, or next to nothing about the same mean where that is no
        belief: a message may say more than it was worth in the end."""
        if precision.min() > LEAST_PRECISION:  # as nearly always
            return precision, weighted
        is_proper = precision > LEAST_PRECISION
        mean = self.weighted[place] / np.maximum(self.precision[place], LEAST_PRECISION)
        return (
            np.where(is_proper, precision, LEAST_PRECISION),
            np.where(is_proper, weighted, LEAST_PRECISION * mean),
        )

    def _learn_noise(self, count: Array, squares: Array) -> None:
        freedom = np.maximum(count - 1, 0.0)
        if not freedom.any():
            return
        self.log_noise += log_repeats(self.sds, squares[:, None], freedom[:, None])
