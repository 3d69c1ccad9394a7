"""The rules of adoption, from posteriors to decisions: pure functions, nothing that measures.

What to build on next is decided by `is_gain`, generously: a null edit that is kept costs only
clutter. What is real is decided later and strictly, by repeats: `standing`.
"""

from collections.abc import Callable, Mapping, Sequence
from math import erfc, exp, pi, sqrt
from typing import Literal

from harness.belief import Posterior

Standing = Literal["provisional", "confirmed", "withdrawn"]

P_CONFIRMED, P_WITHDRAWN = 0.95, 0.3
P_RETURNS = 0.4  # of a withdrawn keep: above that, lest the branch go back and forth
LEAST_TRIALS, MOST_TRIALS = 2, 3  # to be confirmed or withdrawn; that any experiment gets
P_EQUAL = 0.8
SIMPLER = 0.05  # share of the syntax tree that must go
DEBT = 0.5  # most that keeps for simplicity may cost together, in standard deviations of the noise


def is_gain(posterior: Posterior) -> bool:
    """Keep: the mean of the effect, given all that was measured, is above zero."""
    return posterior.effect > 0


def is_simpler(
    posterior: Posterior, noise_sd: float, *, nodes: int, parent_nodes: int, debt: float
) -> bool:
    """Keep for simplicity: about equal, clearly smaller, and affordable after `debt` in accuracy.

    `nodes` count the syntax trees of the edit and its parent.
    """
    is_smaller = nodes <= (1 - SIMPLER) * parent_nodes
    is_affordable = debt + cost(posterior) <= DEBT * noise_sd
    return posterior.p_equal >= P_EQUAL and is_smaller and is_affordable


def cost(posterior: Posterior) -> float:
    """What a keep for simplicity is expected to lose, in accuracy."""
    return max(0.0, -posterior.effect)


def debt_of(keeps: Sequence[tuple[Posterior, Standing]]) -> float:
    """What keeps for simplicity gave up since the last confirmed keep; oldest first."""
    owed = 0.0
    for posterior, standing_now in keeps:
        owed = 0.0 if standing_now == "confirmed" else owed + cost(posterior)
    return owed


def standing(posterior: Posterior, trials: int, before: Standing | None = None) -> Standing:
    """Of a keep, after `trials` that were ok; `before` is what it was so far."""
    if trials < LEAST_TRIALS:
        return "provisional"
    if posterior.p_real < (P_RETURNS if before == "withdrawn" else P_WITHDRAWN):
        return "withdrawn"
    return "confirmed" if posterior.p_real >= P_CONFIRMED else "provisional"


def standing_of_simpler(
    posterior: Posterior, trials: int, before: Standing | None = None
) -> Standing:
    """Of a keep for simplicity, which gains nothing and is to lose nothing."""
    if trials < LEAST_TRIALS:
        return "provisional"
    if posterior.p_equal < (P_RETURNS if before == "withdrawn" else P_WITHDRAWN):
        return "withdrawn"
    return "confirmed" if posterior.p_real >= P_CONFIRMED else "provisional"


def value_of_repeat(posterior: Posterior, trials: int) -> float:
    """How much accuracy one more trial is expected to save by changing whether the edit is adopted.

    The value of information of a normal reading (Frazier 2009): the mean of the effect will move by
    `step_sd`; only moves across zero change anything. Nothing after `MOST_TRIALS`.
    """
    if trials >= MOST_TRIALS or posterior.step_sd <= 0:
        return 0.0
    distance = abs(posterior.effect) / posterior.step_sd
    density = exp(-(distance**2) / 2) / sqrt(2 * pi)
    return posterior.step_sd * (density - distance * erfc(distance / sqrt(2)) / 2)


def value_of_confirming(posterior: Posterior, trials: int) -> float:
    """The gain that one more trial may confirm; nothing for what is confirmed or had its trials.

    In the simulation repeats in this order confirm some ten times as many keeps as in that of
    `value_of_repeat`; the adopted line gains as much, but for a noise of 0.04 (docs/JUDGE.md).
    """
    if trials >= MOST_TRIALS or standing(posterior, trials) == "confirmed":
        return 0.0
    return max(0.0, posterior.effect)


def repeats(
    candidates: Mapping[int, tuple[Posterior, int]],
    *,
    value: Callable[[Posterior, int], float] = value_of_repeat,
) -> list[int]:
    """Experiments by the value of a repeat, most first; `candidates` with their trials."""
    values = {number: value(*candidate) for number, candidate in candidates.items()}
    worth = [number for number, gained in values.items() if gained > 0]
    return sorted(worth, key=lambda number: (-values[number], number))
