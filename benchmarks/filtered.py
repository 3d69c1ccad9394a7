"""Simulated campaigns that the judge's own code decides: `harness.tree`, `belief`, `adoption`.

As in a campaign: one experiment after another on the incumbent, each kept or not by all that was
read before; then, if a share of the trials is reserved, repeats of what was adopted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.campaigns import START, Flags, Result, Score, World, baseline
from harness import adoption
from harness.belief import Posterior, posterior_of
from harness.noise import PRIOR_FREEDOM, PRIOR_SD, grid
from harness.prior import Array, Prior
from harness.tree import Beliefs, Meeting, Places

Value = Callable[[Posterior, int], float]
BATCH = 3  # repeats that are chosen at once, as for a machine with three slots


class Campaigns:
    """Readings, parents and decisions of campaigns side by side; (experiments, campaigns) each."""

    def __init__(self, world: World, prior: Prior, *, seeds: int, is_known: bool) -> None:
        campaigns, trials = world.shape
        self.world, self.prior, self.is_known = world, prior, is_known
        self.rows = np.arange(campaigns)
        self.parents = np.zeros((trials, campaigns), dtype=np.int64)
        self.kept = np.zeros((trials, campaigns), dtype=np.bool_)
        self.true = np.full((trials, campaigns), START)
        self.total, self.squares, self.count = np.zeros((3, trials, campaigns))
        self.incumbent = np.zeros(campaigns, dtype=np.int64)
        self.score, self.trial, self.size = Score(campaigns), 0, 1
        for _ in range(seeds):
            self.read(np.zeros(campaigns, dtype=np.int64))
        self.beliefs = self._grown()

    def read(self, experiment: Places) -> None:
        """The next trial of each campaign, of the experiment given for each."""
        place = (experiment, self.rows)
        reading = self.true[place] + self.world.noise[:, self.trial]
        self.total[place] += reading
        self.squares[place] += reading**2
        self.count[place] += 1
        self.trial += 1

    def propose(self) -> None:
        """Try the next edit on the incumbents, and keep it where the filter says so."""
        number, effect = self.size, self.world.effects[:, self.size]
        self.parents[number] = self.incumbent
        self.true[number] = self.true[self.incumbent, self.rows] + effect
        self.read(np.full(len(self.rows), number))
        self.size += 1
        met = self.beliefs.add(self.parents[number], *self._figures(number))
        kept = (self.beliefs.noise_weights() * met.effect).sum(-1) > 0  # adoption.is_gain
        self.kept[number] = kept
        self.incumbent = np.where(kept, number, self.incumbent)
        self.score.keep(kept, effect)

    def replayed(self) -> tuple[list[Meeting], Beliefs]:
        """Everything from its first reading, as after each trial of a real campaign."""
        beliefs = self._grown()
        for number in range(1, self.size):
            beliefs.add(self.parents[number], *self._figures(number))
        return beliefs.smooth(), beliefs

    def posteriors(self) -> list[dict[int, Posterior]]:
        """Of each campaign's keeps, by number."""
        meetings, beliefs = self.replayed()
        weights = beliefs.noise_weights()
        sds = np.sqrt((weights * beliefs.sds**2).sum(-1))
        found: list[dict[int, Posterior]] = [{} for _ in self.rows]
        for number, met in enumerate(meetings, start=1):
            for row in np.flatnonzero(self.kept[number]):
                found[row][number] = posterior_of(met, int(row), weights[row], sds[row])
        return found

    def repeat(self, budget: int, value: Value) -> None:
        """Repeats of what was adopted, most valuable first."""
        while budget:
            batch = min(BATCH, budget)
            queues = []
            for row, known in enumerate(self.posteriors()):
                counts = {number: int(self.count[number, row]) for number in known}
                candidates = {number: (known[number], counts[number]) for number in known}
                order = adoption.repeats(candidates, value=value)[:batch]
                queues.append(order + [0] * (batch - len(order)))  # the baseline, if nothing else
            for experiments in np.array(queues).T:
                self.read(experiments)
            budget -= batch

    def _grown(self) -> Beliefs:
        beliefs = Beliefs(self.prior, self._sds(), len(self.rows), self.world.shape[1])
        beliefs.add_baseline(*self._figures(0))
        return beliefs

    def _sds(self) -> Array:
        if self.is_known:
            return np.array([self.world.noise_sd])
        spread = self._figures(slice(None))[2].sum(0)
        freedom = PRIOR_FREEDOM + np.maximum(self.count - 1, 0).sum(0)
        return grid(np.sqrt((PRIOR_FREEDOM * PRIOR_SD**2 + spread) / freedom), freedom)

    def _figures(self, place: int | slice) -> tuple[Array, Array, Array]:
        count = self.count[place]
        mean = self.total[place] / np.maximum(count, 1)
        return mean, count, np.maximum(self.squares[place] - count * mean**2, 0.0)


def filtered(
    world: World,
    prior: Prior,
    *,
    is_known: bool,
    seeds: int = 1,
    reserve: float = 0.0,
    value: Value = adoption.value_of_repeat,
) -> Campaigns:
    """Whole campaigns; a share `reserve` of the trials is kept for repeats at the end."""
    campaigns = Campaigns(world, prior, seeds=seeds, is_known=is_known)
    closing = int(reserve * world.shape[1])
    while campaigns.trial < world.shape[1] - closing:
        campaigns.propose()
    campaigns.repeat(closing, value)
    return campaigns


def plugged_in(world: World, prior: Prior, is_known: bool) -> Result:
    """The filter with one figure for the noise: the true one, or the baseline's two seeds' own."""
    base, _, first, noise = baseline(world, is_known)
    count = np.full(len(base), float(first))
    beliefs = Beliefs(prior, noise[:, None], len(base), world.shape[1])
    beliefs.add_baseline(base, count, np.zeros(len(base)))
    score, incumbent = Score(len(base)), np.zeros(len(base), dtype=np.int64)
    for t in range(first, world.shape[1]):
        effect = world.effects[:, t]
        reading = score.true + effect + world.noise[:, t]
        met = beliefs.add(incumbent, reading, np.ones(len(base)), np.zeros(len(base)))
        kept = met.effect[:, 0] > 0
        incumbent = np.where(kept, beliefs.size - 1, incumbent)
        score.keep(kept, effect)
    return score.result


@dataclass(frozen=True, slots=True)
class Standings:
    """Of all keeps of some campaigns: what was said of each, and whether its effect was above zero.

    `gain` is that of the tips after withdrawn tips went back to their parents, (campaigns,).
    """

    p_real: Array
    is_real: Flags
    standing: np.ndarray[tuple[int], np.dtype[np.str_]]
    gain: Array


def standings(campaigns: Campaigns) -> Standings:
    said, real, names, gains = [], [], [], []
    for row, known in enumerate(campaigns.posteriors()):
        stands = {
            number: adoption.standing(posterior, int(campaigns.count[number, row]))
            for number, posterior in known.items()
        }
        for number, posterior in known.items():
            said.append(posterior.p_real)
            real.append(campaigns.world.effects[row, number] > 0)
            names.append(stands[number])
        tip = int(campaigns.incumbent[row])
        while stands.get(tip) == "withdrawn":
            tip = int(campaigns.parents[tip, row])
        gains.append(campaigns.true[tip, row] - START)
    return Standings(np.array(said), np.array(real), np.array(names), np.array(gains))
