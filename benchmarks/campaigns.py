"""Simulated campaigns: edits with known effects, trials with known noise, rules that see neither.

Hundreds of campaigns run side by side, arrays of the shape (campaigns,). Every rule meets the same
edits in the same order and the same noise in the same trials.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.noise import PRIOR_FREEDOM, PRIOR_SD
from harness.prior import Array

Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
START = 0.3  # the baseline's true accuracy


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of edits that help, harm and collapse, and how far; the rest do nothing."""

    name: str
    good: float
    good_sd: float
    bad: float
    bad_sd: float
    broken: float = 0.0


MIXES = (
    Mix("15% good", 0.15, 0.03, 0.5, 0.05),
    Mix("30% good", 0.3, 0.03, 0.4, 0.05),
    Mix("10% good", 0.1, 0.02, 0.6, 0.05),
    Mix("15% good, 8% collapse", 0.15, 0.03, 0.42, 0.05, 0.08),
    Mix("large harm", 0.15, 0.03, 0.5, 0.15),
    Mix("large effects", 0.15, 0.08, 0.5, 0.1),
)
CLOSED = MIXES[3]  # in which the closing is measured


@dataclass(frozen=True, slots=True)
class World:
    """One cell of the table: what is drawn, and what is true. (campaigns, trials) each."""

    effects: Array  # of each proposal
    noise: Array  # of each trial, in accuracy
    noise_sd: float

    @property
    def shape(self) -> tuple[int, int]:
        return self.effects.shape[0], self.effects.shape[1]


@dataclass(frozen=True, slots=True)
class Result:
    """What a rule's campaigns came to: (campaigns,) each. False: kept, and nothing gained."""

    gain: Array
    keeps: Array
    false_keeps: Array


Rule = Callable[[World, bool], Result]


def draw(mix: Mix, campaigns: int, trials: int, noise_sd: float, *, seed: int) -> World:
    rng = np.random.default_rng(seed)
    shape = (campaigns, trials)
    kind = rng.random(shape)
    good, bad = np.abs(rng.normal(0, mix.good_sd, shape)), -np.abs(rng.normal(0, mix.bad_sd, shape))
    collapse = -rng.uniform(0.3, 0.6, shape)
    effects = np.where(kind < mix.good, good, np.where(kind < mix.good + mix.bad, bad, 0.0))
    effects = np.where(kind > 1 - mix.broken, collapse, effects)
    return World(effects, noise_sd * rng.normal(0, 1, shape), noise_sd)


class Score:
    """True accuracies and counts of campaigns under way."""

    def __init__(self, campaigns: int) -> None:
        self.true, self.keeps = np.full(campaigns, START), np.zeros(campaigns)
        self.false_keeps = np.zeros(campaigns)

    def keep(self, kept: Flags, effect: Array) -> None:
        self.true = self.true + np.where(kept, effect, 0.0)
        self.keeps = self.keeps + kept
        self.false_keeps = self.false_keeps + (kept & (effect <= 0))

    @property
    def result(self) -> Result:
        return Result(self.true - START, self.keeps, self.false_keeps)


def best_so_far(world: World, is_known: bool) -> Result:
    """Keep what reads above the best reading; the noise is no matter."""
    campaigns, trials = world.shape
    score, best = Score(campaigns), START + world.noise[:, 0]
    for t in range(1, trials):
        effect = world.effects[:, t]
        reading = score.true + effect + world.noise[:, t]
        kept = reading > best
        best = np.where(kept, reading, best)
        score.keep(kept, effect)
    return score.result


def z_gate(world: World, is_known: bool, *, z: float = 1.5, most: int = 3) -> Result:
    """Keep what is `z` standard errors above, drop what is below, repeat what is between."""
    (campaigns, trials), rows = world.shape, np.arange(world.shape[0])
    score, start = Score(campaigns), START + world.noise[:, :2]
    bar, bar_count = start.mean(1), np.full(campaigns, 2.0)
    squares, freedom = _noise_of(start)
    proposal, total, total_squares, count = np.zeros((4, campaigns))
    for t in range(2, trials):
        effect = world.effects[rows, 2 + proposal.astype(int)]
        reading = score.true + effect + world.noise[:, t]
        total, total_squares, count = total + reading, total_squares + reading**2, count + 1
        mean = total / count
        inside = np.maximum(total_squares - count * mean**2, 0.0)
        known = (squares + inside) / (freedom + count - 1)
        sd = world.noise_sd if is_known else np.sqrt(known)
        error = sd * np.sqrt(1 / count + 1 / bar_count)
        kept = mean - bar > z * error
        over = kept | (mean < bar) | (count == most)
        score.keep(kept, effect)
        bar, bar_count = np.where(kept, mean, bar), np.where(kept, count, bar_count)
        squares, freedom = squares + over * inside, freedom + over * (count - 1)
        total, total_squares, count = total * ~over, total_squares * ~over, count * ~over
        proposal = proposal + over
    return score.result


def gaussian_filter(
    world: World, is_known: bool, *, mean: float = -0.02, sd: float = 0.05
) -> Result:
    """Keep where the mean of the effect is above zero, by a normal prior on effects."""
    trials, score = world.shape[1], Score(world.shape[0])
    base, variance, first, noise = baseline(world, is_known)
    for t in range(first, trials):
        effect = world.effects[:, t]
        surprise = score.true + effect + world.noise[:, t] - (base + mean)
        total = variance + sd**2 + noise**2
        gained = mean + sd**2 / total * surprise
        kept = gained > 0
        score.keep(kept, effect)
        base = base + variance / total * surprise + np.where(kept, gained, 0.0)
        above = variance - variance**2 / total
        kept_variance = above + sd**2 - sd**4 / total - 2 * variance * sd**2 / total
        variance = np.where(kept, kept_variance, above)
    return score.result


def baseline(world: World, is_known: bool) -> tuple[Array, Array, int, Array]:
    """Its mean, that mean's variance, trials used, and the noise: two seeds where it is unknown."""
    seeds = 1 if is_known else 2
    readings = START + world.noise[:, :seeds]
    squares, freedom = _noise_of(readings)
    noise = np.full(len(readings), world.noise_sd) if is_known else np.sqrt(squares / freedom)
    return readings.mean(1), noise**2 / seeds, seeds, noise


def _noise_of(readings: Array) -> tuple[Array, Array]:
    """Sum of squares and degrees of freedom, the prior's included."""
    inside = np.sum((readings - readings.mean(1, keepdims=True)) ** 2, 1)
    squares = PRIOR_FREEDOM * PRIOR_SD**2 + inside
    return squares, np.full(len(readings), PRIOR_FREEDOM + readings.shape[1] - 1)
