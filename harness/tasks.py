"""The tasks in words: their levels, their lists such as `add:1-10,copy`, and the right answer.

The grammar of questions and answers, with examples, heads `harness.problems`. That is the module to
import: it passes on all that is of use elsewhere.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, compress

TASKS = ("copy", "add", "mul", "factor")
COPY_OPERATIONS = ("copy", "reverse", "rotate", "sort", "cumsum")
LARGEST_SIZE = {"copy": 1000, "add": 200, "mul": 200, "factor": 12}
LADDER_SIZES = {
    "copy": (8, 16, 32, 64, 128),  # length
    "add": (4, 8, 16, 32, 64),  # digits of each operand
    "mul": (2, 3, 5, 7, 10),  # digits of each operand
    "factor": (4, 6, 8, 10, 12),  # digits: of any N up to 6, then of two primes together
}
LARGEST_UNIFORM = 6  # digits: up to here factor asks for any N, above for semiprimes
FULL_DOMAIN_POOL = 10**6  # problems: a trained model can have seen all of so small a pool

# What follows each verb; no operand is longer than the largest size of its task.
_NUMBER = "(0|[1-9][0-9]{0,199})"
_DIGITS = "([0-9]{1,1000})"
_GRAMMAR = dict.fromkeys(COPY_OPERATIONS, _DIGITS) | {
    "rotate": f"([1-9]) {_DIGITS}",
    "add": f"{_NUMBER} {_NUMBER}",
    "mul": f"{_NUMBER} {_NUMBER}",
    "factor": "([1-9][0-9]{0,11}|10{12})",
}


class UnknownLevel(ValueError):
    """There is no such task, or the task has no such size."""


class MalformedQuestion(ValueError):
    """The text is not a question by the grammar of `harness.problems`."""


class BadTasks(ValueError):
    """A list of tasks such as `add:1-10,copy` cannot be read."""


@dataclass(frozen=True, slots=True)
class Level:
    """A task at one size; `number` is its place on the ladder, None beside the ladder."""

    task: str
    size: int
    number: int | None

    @property
    def name(self) -> str:
        return f"{self.task}:{self.size}"

    @property
    def title(self) -> str:
        if self.task == "copy":
            return f"copy family, length {self.size}"
        if self.is_semiprime:
            half, odd = divmod(self.size, 2)
            both = f"primes of {half} and {half + 1} digits" if odd else f"two {half}-digit primes"
            return f"factorisation, {both}"
        if self.task == "factor":
            return f"factorisation, N < 10^{self.size}"
        noun = {"add": "addition", "mul": "multiplication"}[self.task]
        return f"{noun}, {self.size} digit{'s' if self.size > 1 else ''}"

    @property
    def is_semiprime(self) -> bool:
        return self.task == "factor" and self.size > LARGEST_UNIFORM

    @property
    def pool(self) -> int:
        """How many distinct problems the three sets hold together, without added edge cases."""
        if self.is_semiprime:
            smaller, larger = map(len, prime_choices(self.size))
            return smaller * larger if self.size % 2 else smaller * (smaller + 1) // 2
        low, high = bounds(self.size)
        if self.task == "copy":
            return (len(COPY_OPERATIONS) - 1 + min(9, self.size - 1)) * (high + 1)
        if self.task == "factor":
            return high - 1
        n_numbers = high - low + 1
        return n_numbers * (n_numbers + 1) // 2

    @property
    def is_full_domain(self) -> bool:
        return self.pool <= FULL_DOMAIN_POOL


LADDER: tuple[Level, ...] = tuple(
    Level(task, size, number)
    for task in TASKS
    for number, size in enumerate(LADDER_SIZES[task], start=1)
)


def level(task: str, size: int) -> Level:
    """The level of a task at any size; it knows its number where it stands on the ladder."""
    if task not in TASKS:
        raise UnknownLevel(f"there is no task {task!r}; the tasks are {', '.join(TASKS)}")
    if not 1 <= size <= LARGEST_SIZE[task]:
        raise UnknownLevel(f"{task} has no size {size}; its sizes are 1 to {LARGEST_SIZE[task]}")
    sizes = LADDER_SIZES[task]
    return Level(task, size, sizes.index(size) + 1 if size in sizes else None)


def parse_tasks(text: str) -> dict[str, tuple[int, int]]:
    """Tasks with their smallest and largest size; without sizes, 1 to the largest on the ladder."""
    tasks: dict[str, tuple[int, int]] = {}
    for item in TASKS if text.strip() == "all" else text.split(","):
        form = re.fullmatch(r"([a-z]+)(?::([0-9]{1,9})(?:-([0-9]{1,9}))?)?", item.strip())
        if form is None:
            raise _bad_tasks(text, f"{item.strip()!r} is not task, task:size or task:low-high")
        task, low, high = form.groups()
        if task not in TASKS:
            raise _bad_tasks(text, f"{task!r} is not a task" + " beside others" * (task == "all"))
        if task in tasks:
            raise _bad_tasks(text, f"{task!r} is there twice")
        sizes = int(low or 1), int(high or low or LADDER_SIZES[task][-1])
        if not 1 <= sizes[0] <= sizes[1] <= LARGEST_SIZE[task]:
            reason = f"the sizes of {task} go from 1 to {LARGEST_SIZE[task]}"
            if sizes[0] > sizes[1]:
                reason = f"the smaller size comes first, as in {task}:{sizes[1]}-{sizes[0]}"
            raise _bad_tasks(text, reason if item == text else f"{item.strip()!r}: {reason}")
        tasks[task] = sizes
    return tasks


def within(tasks: dict[str, tuple[int, int]]) -> tuple[Level, ...]:
    """The ladder's levels of these tasks and sizes; of a task that has none there, its largest."""
    found: list[Level] = []
    for task, (low, high) in tasks.items():
        sizes = [size for size in LADDER_SIZES[task] if low <= size <= high] or [high]
        found += [level(task, size) for size in sizes]
    return tuple(found)


def ladder_of(tasks: str | None) -> tuple[Level, ...]:
    """The levels that a campaign with these `--tasks` asks; None: the whole ladder."""
    return LADDER if tasks is None else within(parse_tasks(tasks))


def beside_the_ladder(
    tasks: dict[str, tuple[int, int]], ladder: tuple[Level, ...] = LADDER
) -> tuple[Level, ...]:
    """The largest size of each of these tasks, where it is no level of the ladder."""
    largest = [level(task, high) for task, (_, high) in tasks.items()]
    return tuple(found for found in largest if found not in ladder)


def _bad_tasks(text: str, reason: str) -> BadTasks:
    known = f"valid tasks are {', '.join(TASKS)}, or all; for example: add:1-10,copy"
    return BadTasks(f"cannot read the tasks {text!r}: {reason}; {known}")


def answer(question: str) -> str:
    """The definition of the right answer."""
    verb, *operands = _parse(question)
    match verb, operands:
        case "copy", [digits]:
            return digits
        case "reverse", [digits]:
            return digits[::-1]
        case "rotate", [k, digits]:
            return digits[int(k) :] + digits[: int(k)]
        case "sort", [digits]:
            return "".join(sorted(digits))
        case "cumsum", [digits]:
            return "".join(str(total % 10) for total in accumulate(map(int, digits)))
        case "add", [a, b]:
            return str(int(a) + int(b))
        case "mul", [a, b]:
            return str(int(a) * int(b))
    return product_text(_factors(int(operands[0])))


def _parse(question: str) -> list[str]:
    verb, _, rest = question.partition(" ")
    if verb not in _GRAMMAR:
        reason = f"{verb!r} is not one of the verbs {', '.join(_GRAMMAR)}"
    elif (form := re.fullmatch(_GRAMMAR[verb], rest)) is None:
        reason = f"what follows {verb} does not match {_GRAMMAR[verb]}"
    elif verb == "rotate" and int(form[1]) >= len(form[2]):
        reason = f"{form[1]} is not less than the length {len(form[2])}"
    elif verb == "factor" and rest == "1":
        reason = "1 has no prime factors"
    else:
        return [verb, *form.groups()]
    raise MalformedQuestion(f"malformed question {question!r}: {reason}")


def _factors(n: int) -> list[int]:
    """The primes of n, ascending, each as often as it divides n."""
    factors = []
    for prime in primes():
        if prime * prime > n:
            break
        while n % prime == 0:
            factors.append(prime)
            n //= prime
    return factors if n == 1 else [*factors, n]


def product_text(factors: Iterable[int]) -> str:
    powers = Counter(factors).items()
    return "*".join(f"{prime}^{power}" if power > 1 else str(prime) for prime, power in powers)


@cache
def primes() -> tuple[int, ...]:
    """All primes below 10^6: enough to factor any number up to 10^12."""
    end = 10**6
    is_prime = bytearray(2) + b"\x01" * (end - 2)
    for n in range(2, 1000):
        if is_prime[n]:
            is_prime[n * n :: n] = bytes(len(range(n * n, end, n)))
    return tuple(compress(range(end), is_prime))


@cache
def prime_choices(size: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """From what a semiprime level takes its two primes, those of fewer digits first."""
    half = size // 2
    start, middle, end = (bisect_left(primes(), 10**n) for n in (half - 1, half, size - half))
    smaller = primes()[start:middle]
    return smaller, primes()[middle:end] if end > middle else smaller


def bounds(size: int) -> tuple[int, int]:
    """The smallest and the largest number of as many digits."""
    return 10 ** (size - 1) if size > 1 else 0, 10**size - 1
