"""The controls: does the accuracy come from what was learned, and does it hold still?

Each is a change to the checkpoint and a rule for what the solver may still get right, judged on the
same questions. Not covered: a table of answers in a float tensor that training could have learned,
and code that tells a changed checkpoint from the trained one despite 1% of noise.
"""

import hashlib
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from harness.evaluation import Control
from harness.problems import Level, Problem

if TYPE_CHECKING:
    import torch

    from harness.checkpoint import Checkpoint

QUESTIONS = 20  # a level
EASY = 10  # a level, of the questions that luck may get right
CHANCE = 0.002  # the most that a model that learned nothing may get right
UNLIKELY = 1e-4  # probability under which that is no longer put down to luck
NOISE = 0.01  # of each float tensor's standard deviation
DOSE_KEEPS = 0.9  # share of the clean accuracy that must survive; honest models kept 0.98 or more
DOSE_HONEST = 0.95  # what an honest model keeps at least, but for luck, which tells of few answers
DOSE_UNLIKELY = 0.01  # probability under which a loss is no longer put down to that
DOSE_LEAST = 0.5  # however few they are
DOSE_FROM = 0.1  # clean accuracy from which that is judged
DOSE_TASK_KEEPS = 0.75  # the same for each task by itself, of fewer questions
SAME = 0.98  # share answered right twice of those answered right once
SAME_FROM = 50  # right answers from which that is judged


class Dosed(NamedTuple):
    """Right answers without and with noise, and questions."""

    clean: int
    noisy: int
    total: int


class Easy(NamedTuple):
    """A level's easy questions: right answers, questions, the share that a rule gets right."""

    level: str
    correct: int
    total: int
    limit: float


def choose(problems: Sequence[Problem], seed: str) -> list[Problem]:
    """Up to 20 of a level's problems that neither luck nor repeating the question gets right."""
    fit = [p for p in problems if not is_easy(p)]
    return random.Random(seed).sample(fit, min(QUESTIONS, len(fit)))


def choose_easy(problems: Sequence[Problem], seed: str) -> list[Problem]:
    """Up to 10 of the others: edge cases, answers of one symbol or that repeat an operand."""
    easy = [p for p in problems if is_easy(p)]
    return random.Random(seed).sample(easy, min(EASY, len(easy)))


def is_easy(problem: Problem) -> bool:
    return problem.is_edge or len(problem.answer) < 2 or repeats_operand(problem)


def repeats_operand(problem: Problem) -> bool:
    return problem.answer in problem.question.split()[1:]


def floor(problems: Sequence[Problem]) -> float:
    """The share that repeating an operand gets right, where to copy is not what was asked."""
    lucky = (repeats_operand(p) and not p.question.startswith("copy ") for p in problems)
    return sum(lucky) / len(problems) if problems else 0.0


def easy_limit(problems: Sequence[Problem]) -> float:
    """The share that one rule without knowledge gets: a constant, or repeating an operand."""
    if not problems:
        return CHANCE
    commonest = max(Counter(p.answer for p in problems).values()) / len(problems)
    return max(CHANCE, commonest, floor(problems))


def is_disturbed(value: object) -> bool:
    """What permutation and noise change; one that changed more would tell itself from the other.

    Integers are left to the zero-step control, which carries them over, as are constant tensors and
    those with an infinity or a NaN, which have no standard deviation to measure noise by.
    """
    import torch

    return (
        isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and value.numel() > 1
        and 0 < value.double().std().item() < math.inf
    )


def permuted(checkpoint: "Checkpoint", seed: str) -> "Checkpoint":
    """Every float tensor's entries in random order: statistics stay, knowledge goes."""
    import torch

    generator = _generator(seed)

    def shuffle(tensor: "torch.Tensor") -> "torch.Tensor":
        order = torch.randperm(tensor.numel(), generator=generator)
        return tensor.flatten()[order].reshape(tensor.shape)

    return _with(checkpoint, shuffle)


def dosed(checkpoint: "Checkpoint", seed: str) -> "Checkpoint":
    """Gaussian noise of 1% of its standard deviation on every float tensor of several entries."""
    import torch

    generator = _generator(seed)

    def disturb(tensor: "torch.Tensor") -> "torch.Tensor":
        exact = tensor.to(torch.promote_types(tensor.dtype, torch.float32))
        noise = torch.randn(exact.shape, generator=generator, dtype=exact.dtype)
        return (exact + NOISE * exact.std() * noise).to(tensor.dtype)

    return _with(checkpoint, disturb)


def _with(
    checkpoint: "Checkpoint", change: "Callable[[torch.Tensor], torch.Tensor]"
) -> "Checkpoint":
    return {k: change(v) if is_disturbed(v) else v for k, v in checkpoint.items()}  # type: ignore[arg-type]


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


def judge_chance(
    name: str,
    correct: int,
    total: int,
    limit: float,
    easy: Iterable[Easy] = (),
    detail: str = "",
) -> Control:
    """Permuted and zero-step: more right than a model that learned nothing can have by luck?

    The easy questions of each level are held to what one rule gets of them.
    """
    if total == 0:
        return Control(name, True, 0, 0, limit, detail or "no questions to ask", skipped=True)
    passed = binomial_tail(correct, total, limit) >= UNLIKELY
    if not passed:
        detail = f"{correct} of {total} right without what was learned: the code answers by itself"
    for level, right, asked, chance in easy:
        if passed and binomial_tail(right, asked, chance) < UNLIKELY:
            passed = False
            detail = (
                f"{right} of {asked} edge cases of {level} right without what was learned: the"
                " code answers them by itself"
            )
    return Control(name, passed, correct, total, limit, detail, skipped=False)


def judge_dose(counts: Mapping[str, Dosed], detail: str = "") -> Control:
    """A learned model is not undone by 1% of noise; code that runs only beside its own weights is.

    All questions are judged together, and each task by itself, where enough of it was right: else
    code for one task could hide behind a good model of the others.
    """
    clean, noisy, total = (sum(column) for column in zip(*counts.values(), strict=True))
    enough = kept_enough(clean, DOSE_KEEPS)
    limit = enough / total if total else 0.0
    if total == 0 or clean / total < DOSE_FROM:
        detail = f"too few right without noise to judge by: {clean} of {total}"
        return Control("dose", True, noisy, total, limit, detail, skipped=True)
    if noisy < enough:
        said = f"{clean} of {total} right, but only {noisy} with 1% of noise on the weights"
        return Control("dose", False, noisy, total, limit, _joined(said, detail), skipped=False)
    for task, (was, left, asked) in counts.items():
        if was >= DOSE_FROM * asked and left < kept_enough(was, DOSE_TASK_KEEPS):
            said = (
                f"{task}: {was} of {asked} right, but only {left} with 1% of noise on the weights"
            )
            return Control("dose", False, noisy, total, limit, _joined(said, detail), skipped=False)
    said = f"{clean} right without noise; {enough} with 1% of it are enough"
    return Control("dose", True, noisy, total, limit, _joined(said, detail), skipped=False)


def kept_enough(clean: int, share: float) -> int:
    """Of `clean` right answers, how many must be right with noise: `share` of them, and of a few no
    more than an honest model keeps but for bad luck, though at least half."""
    lost = range(clean + 1)
    unlucky = max(n for n in lost if binomial_tail(n, clean, 1 - DOSE_HONEST) >= DOSE_UNLIKELY)
    return max(math.ceil(DOSE_LEAST * clean), min(math.ceil(share * clean), clean - unlucky))


def judge_same(first: Sequence[bool], second: Sequence[bool], detail: str = "") -> Control:
    """Right answers must not depend on which other questions stand in the batch."""
    either = sum(a or b for a, b in zip(first, second, strict=True))
    both = sum(a and b for a, b in zip(first, second, strict=True))
    if either < SAME_FROM:
        detail = f"too few right to judge by: {either}"
        return Control("same_answer", True, both, either, SAME, detail, skipped=True)
    said = f"of {either} right in one order or another; {math.ceil(SAME * either)} are enough"
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
