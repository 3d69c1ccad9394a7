"""Draws of constants by Optuna's TPE, from a study that is made anew from what was tried."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.knobs import Knob, Number

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LEAST_POINTS = 4  # with fewer, draws are uniform


@dataclass(frozen=True, slots=True)
class Point:
    """Values that were tried, and the gain they brought: None while it is not known."""

    values: Mapping[str, Number]
    gain: float | None
    has_failed: bool = False


def inside(points: Sequence[Point], knobs: Sequence[Knob], *, wide: bool) -> list[Point]:
    """The points, fitted to the knobs, that lie where draws are made."""
    ends = {knob.name: _ends(knob, wide) for knob in knobs}
    found = []
    for point in points:
        values = {knob.name: knob.fit(point.values[knob.name]) for knob in knobs}
        if all(ends[name][0] <= value <= ends[name][1] for name, value in values.items()):
            found.append(Point(values, point.gain, point.has_failed))
    return found


def is_near_failure(
    values: Mapping[str, Number], points: Sequence[Point], knobs: Sequence[Knob]
) -> bool:
    """Of all that is known, what is nearest to it failed."""

    def distance(point: Point) -> float:
        places = ((k.place(values[k.name]), k.place(point.values[k.name])) for k in knobs)
        return math.dist(*zip(*places, strict=True))

    known = [point for point in points if point.has_failed or point.gain is not None]
    return bool(known) and min(known, key=distance).has_failed


def draws(
    knobs: Sequence[Knob], points: Sequence[Point], *, wide: bool, seed: int
) -> Iterator[dict[str, Number]]:
    """Without end, the most promising first; points must lie inside."""
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(
        multivariate=True, constant_liar=True, n_startup_trials=LEAST_POINTS, seed=seed
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    space = {knob.name: _distribution(knob, wide) for knob in knobs}
    gains = [point.gain for point in points if point.gain is not None]
    for point in points:
        gain = min(gains, default=0.0) - 1.0 if point.has_failed else point.gain
        state = TrialState.RUNNING if gain is None else TrialState.COMPLETE
        study.add_trial(
            create_trial(params=dict(point.values), distributions=space, value=gain, state=state)
        )
    while True:
        trial = study.ask(space)
        yield {knob.name: knob.fit(trial.params[knob.name]) for knob in knobs}


def _ends(knob: Knob, wide: bool) -> tuple[float, float]:
    low, high = (knob.low, knob.high) if wide else knob.near()
    return knob.fit(low), knob.fit(high)


def _distribution(knob: Knob, wide: bool) -> "BaseDistribution":
    from optuna.distributions import FloatDistribution, IntDistribution

    low, high = _ends(knob, wide)
    if not knob.is_int:
        return FloatDistribution(low, high, log=knob.is_log)
    step = 1 if knob.is_log else knob.grid
    return IntDistribution(int(low), int(high), log=knob.is_log, step=step)
