"""The controls: does the accuracy come from what was learned, and does it hold still?

Each is a change to the checkpoint and a rule for what the solver may still get right, judged on the
same questions. Not covered: a table of answers in a float tensor that training could have learned,
and code that tells a changed checkpoint from the trained one despite 1% of noise.
"""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from harness.evaluation import Control
from harness.problems import Level, Problem

if TYPE_CHECKING:
    import torch

    from harness.checkpoint import Checkpoint

QUESTIONS = 20  # a level
CHANCE = 0.002  # the most that a model that learned nothing may get right
UNLIKELY = 1e-4  # probability under which that is no longer put down to luck
NOISE = 0.01  # of each float tensor's standard deviation
DOSE_KEEPS = 0.75  # share of the clean accuracy that must survive; honest models kept 0.97 or more
DOSE_FROM = 0.1  # clean accuracy from which that is judged
DOSE_TASK_KEEPS, DOSE_TASK_FROM = 0.5, 0.2  # the same for each task by itself, of fewer questions
SAME = 0.98  # share answered right twice of those answered right once
SAME_FROM = 50  # right answers from which that is judged


class Dosed(NamedTuple):
    """Right answers without and with noise, and questions."""

    clean: int
    noisy: int
    total: int


def choose(problems: Sequence[Problem], seed: str) -> list[Problem]:
    """Up to 20 of a level's problems that neither luck nor repeating the question gets right."""
    fit = [p for p in problems if not p.is_edge and len(p.answer) > 1 and not repeats_operand(p)]
    return random.Random(seed).sample(fit, min(QUESTIONS, len(fit)))


def repeats_operand(problem: Problem) -> bool:
    return problem.answer in problem.question.split()[1:]


def floor(problems: Sequence[Problem]) -> float:
    """The share that repeating an operand gets right, where to copy is not what was asked."""
    lucky = (repeats_operand(p) and not p.question.startswith("copy ") for p in problems)
    return sum(lucky) / len(problems) if problems else 0.0


def permuted(checkpoint: "Checkpoint", seed: str) -> "Checkpoint":
    """Every tensor's entries in random order within it: statistics stay, knowledge goes."""
    import torch

    generator = _generator(seed)

    def shuffle(tensor: "torch.Tensor") -> "torch.Tensor":
        order = torch.randperm(tensor.numel(), generator=generator)
        return tensor.flatten()[order].reshape(tensor.shape)

    return {k: shuffle(v) if isinstance(v, torch.Tensor) else v for k, v in checkpoint.items()}


def dosed(checkpoint: "Checkpoint", seed: str) -> "Checkpoint":
    """Gaussian noise of 1% of its standard deviation on every float tensor of several entries."""
    import torch

    generator = _generator(seed)

    def disturb(tensor: "torch.Tensor") -> "torch.Tensor":
        exact = tensor.to(torch.promote_types(tensor.dtype, torch.float32))
        noise = torch.randn(exact.shape, generator=generator, dtype=exact.dtype)
        scale = NOISE * exact.std()
        return (exact + scale * noise).to(tensor.dtype) if scale.isfinite() else tensor

    return {
        k: disturb(v)
        if isinstance(v, torch.Tensor) and v.is_floating_point() and v.numel() > 1
        else v
        for k, v in checkpoint.items()
    }


def grafted(fresh: "Checkpoint", trained: "Checkpoint") -> "Checkpoint":
    """The untrained checkpoint with all of the trained one that is no place for learned weights.

    Those are its strings, numbers, one-element tensors, and integer and bool tensors, which could
    each hold a table of answers.
    """
    import torch

    return fresh | {
        k: v
        for k, v in trained.items()
        if not isinstance(v, torch.Tensor) or v.numel() == 1 or not v.is_floating_point()
    }


def judge_chance(name: str, correct: int, total: int, limit: float, detail: str = "") -> Control:
    """Permuted and zero-step: more right than a model that learned nothing can have by luck?"""
    if total == 0:
        return Control(name, True, 0, 0, limit, "no questions to ask", skipped=True)
    passed = binomial_tail(correct, total, limit) >= UNLIKELY
    if not passed:
        detail = f"{correct} of {total} right without what was learned: the code answers by itself"
    return Control(name, passed, correct, total, limit, detail, skipped=False)


def judge_dose(counts: Mapping[str, Dosed], detail: str = "") -> Control:
    """A learned model is not undone by 1% of noise; code that runs only beside its own weights is.

    All questions are judged together, and each task by itself, where enough of it was right: else
    code for one task could hide behind a good model of the others.
    """
    clean, noisy, total = (sum(column) for column in zip(*counts.values(), strict=True))
    limit = DOSE_KEEPS * clean / total if total else 0.0
    if total == 0 or clean / total < DOSE_FROM:
        detail = f"not judged: {clean} of {total} right without noise"
        return Control("dose", True, noisy, total, limit, detail, skipped=True)
    if noisy < DOSE_KEEPS * clean:
        said = f"{clean} of {total} right, but only {noisy} with 1% of noise on the weights"
        return Control("dose", False, noisy, total, limit, _joined(said, detail), skipped=False)
    for task, (was, left, asked) in counts.items():
        if was >= DOSE_TASK_FROM * asked and left < DOSE_TASK_KEEPS * was:
            said = (
                f"{task}: {was} of {asked} right, but only {left} with 1% of noise on the weights"
            )
            return Control("dose", False, noisy, total, limit, _joined(said, detail), skipped=False)
    said = f"{clean} of {total} right, {noisy} with 1% of noise on the weights"
    return Control("dose", True, noisy, total, limit, _joined(said, detail), skipped=False)


def judge_same(first: Sequence[bool], second: Sequence[bool], detail: str = "") -> Control:
    """Right answers must not depend on which other questions stand in the batch."""
    either = sum(a or b for a, b in zip(first, second, strict=True))
    both = sum(a and b for a, b in zip(first, second, strict=True))
    if either < SAME_FROM:
        detail = f"not judged: {either} right in either order"
        return Control("same_answer", True, both, either, SAME, detail, skipped=True)
    said = f"of {either} right in one order or another {both} are right in both"
    passed = both >= SAME * either
    return Control("same_answer", passed, both, either, SAME, _joined(said, detail), skipped=False)


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def binomial_tail(correct: int, total: int, share: float) -> float:
    """P(X >= correct) for X binomial(total, share), summed exactly from the smaller terms up."""
    if correct <= 0:
        return 1.0
    if share in (0.0, 1.0):
        return share
    log_terms = (
        math.lgamma(total + 1)
        - math.lgamma(k + 1)
        - math.lgamma(total - k + 1)
        + k * math.log(share)
        + (total - k) * math.log1p(-share)
        for k in range(total, correct - 1, -1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in log_terms))


def pooled_limit(levels: Sequence[tuple[Level, Sequence[Problem]]]) -> float:
    """0.2%, or a level's floor where that is higher, over all control questions."""
    total = sum(len(problems) for _, problems in levels)
    return sum(max(CHANCE, floor(ps)) * len(ps) for _, ps in levels) / total if total else CHANCE


def _generator(seed: str) -> "torch.Generator":
    import torch

    digest = hashlib.sha256(seed.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
