"""Whether a new training of an experiment reads what the ledger's figures of it predict: pure.

The prediction is of one more trial: the posterior of the experiment's true accuracy, and what a
single trial scatters around it (the posterior predictive distribution of a normal reading; Gelman
et al., Bayesian Data Analysis, 3rd ed., section 2.5), 95%, two-sided. On the same problems, so
that their draw adds nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.believed import beliefs_of
from harness.cross_check import differing_levels
from harness.evaluation import Z_95
from harness.experiment import Outcome
from harness.history import History

Answer = Literal["yes", "no", "unclear"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Of one more trial's accuracy, 0 to 1; `sd` is of both, belief and noise."""

    accuracy: float
    accuracy_sd: float
    noise_sd: float

    @property
    def sd(self) -> float:
        return math.hypot(self.accuracy_sd, self.noise_sd)

    @property
    def interval(self) -> tuple[float, float]:
        reach = Z_95 * self.sd
        return max(0.0, self.accuracy - reach), min(1.0, self.accuracy + reach)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer. `is_identical` is None where the weights have no recorded twin of that seed."""

    answer: Answer
    reason: str
    disagreements: tuple[str, ...]
    differences: tuple[str, ...]
    prediction: Prediction | None = None
    reading: float | None = None
    is_identical: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        prediction = self.prediction
        return {
            "answer": self.answer,
            "reason": self.reason,
            "reading": self.reading,
            "predicted": prediction.accuracy if prediction else None,
            "interval": list(prediction.interval) if prediction else None,
            "noise_sd": prediction.noise_sd if prediction else None,
            "identical_weights": self.is_identical,
            "disagreements": list(self.disagreements),
            "differences": list(self.differences),
        }


def prediction_of(history: History, number: int) -> Prediction | None:
    """None where it was never measured."""
    beliefs, noise = beliefs_of(history)
    if number not in beliefs:
        return None
    return Prediction(beliefs[number].accuracy, beliefs[number].accuracy_sd, noise.sd)


def judge(
    prediction: Prediction,
    told: Outcome | None,
    again: Outcome,
    differences: Sequence[str],
    *,
    device: str,
    contended: Sequence[str] = (),
) -> Found:
    """`told` is the ledger's trial of the same seed, None where it has none. Not for lost ones.

    `contended` says how other work slowed the new one: what it then reads too low is no answer.
    """
    reading = again.accuracy if again.status == "ok" else None
    is_twin = told and told.checkpoint and again.checkpoint
    is_identical = told.checkpoint == again.checkpoint if told and is_twin else None
    same_problems = told is None or not told.problems or told.problems == again.problems
    said: list[str] = []
    if again.status == "ok" and not same_problems:
        said.append("the problems are not those that the ledger says were asked")
    if told and is_identical and same_problems and device == "cpu":
        said += [f"the very same weights, and {level}" for level in differing_levels(told, again)]
    low, high = prediction.interval
    between = f"{low:.4f} to {high:.4f}"
    answer: Answer = "no"
    if again.status != "ok":
        reason = f"the trial ended with {again.status.replace('_', ' ')}: {again.reason}"
    elif reading is not None and reading < low and contended:
        answer = "unclear"
        reason = f"it read {reading:.4f}, below {between}, but other work slowed it; repeat it"
    elif reading is not None and not low <= reading <= high:
        reason = f"it read {reading:.4f}, and the ledger's figures predict {between}"
    elif said:
        reason = "the figures are not those of the ledger"
    else:
        answer, reason = "yes", f"it read {reading:.4f}, within {between}"
    unlike = (*differences, *contended)
    return Found(answer, reason, tuple(said), unlike, prediction, reading, is_identical)


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Of the circumstances, in words; what was not recorded is not compared."""
    return [
        f"{key}: {then[key]} then, {now.get(key) or 'none'} now"
        for key in then
        if then[key] and then[key] != now.get(key)
    ]
