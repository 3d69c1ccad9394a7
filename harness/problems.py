"""The fixed definition of Thinker's tasks: questions and answers as text, levels, disjoint sets.

A question is a verb and its operands with one space between; the answer is text, to be met exactly.

    task copy    copy 31415926 -> 31415926         digit strings, leading zeros allowed;
                 reverse 3141 -> 1413              five operations in equal mix
                 rotate 3 31415926 -> 15926314     to the left by 1 to 9, less than the length
                 sort 3141 -> 1134
                 cumsum 3141 -> 3489               running sum modulo 10, from the left
    task add     add 123 456 -> 579                decimal numbers without leading zeros; zero is 0
    task mul     mul 12 34 -> 408
    task factor  factor 360 -> 2^3*3^2*5           primes ascending, ^power only above 1
                 factor 97 -> 97                   2 <= N <= 10^12

Reserved, not implemented: number bases (`add@16 ff 1`) and subtraction (`subtract 12 5`).

There are three sets: *public* (1/2 of all problems), *validation* (1/4) and *sealed* (1/4). A hash
of the problem itself decides its set, so they are disjoint however small the pool, and `add 2 3`
and `add 3 2` are one problem. The seed decides only which problems of a set are drawn. This keeps
no secret: anyone can tell the set of a problem; what only the seed tells is which ones are asked.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256, shake_256
from itertools import combinations_with_replacement, count, product, repeat
from typing import Literal, NamedTuple, TypeVar, get_args

from harness.tasks import COPY_OPERATIONS as COPY_OPERATIONS
from harness.tasks import LADDER as LADDER
from harness.tasks import LADDER_SIZES as LADDER_SIZES
from harness.tasks import LARGEST_SIZE as LARGEST_SIZE
from harness.tasks import TASKS as TASKS
from harness.tasks import BadTasks as BadTasks
from harness.tasks import Level as Level
from harness.tasks import MalformedQuestion as MalformedQuestion
from harness.tasks import UnknownLevel as UnknownLevel
from harness.tasks import answer as answer
from harness.tasks import beside_the_ladder as beside_the_ladder
from harness.tasks import bounds, prime_choices, primes, product_text
from harness.tasks import level as level
from harness.tasks import parse_tasks as parse_tasks

Subset = Literal["public", "validation", "sealed"]

EDGE_TRIES = 40  # candidates for each edge case wanted; small sets have fewer than are wanted

HIGHLY_COMPOSITE: tuple[int, ...] = (2, 4, 6, 12, 24, 36, 48, 60, 120, 180, 240, 360, 720, 840)
HIGHLY_COMPOSITE += (1260, 1680, 2520, 5040, 7560, 10080, 15120, 20160, 25200, 27720, 45360, 50400)
HIGHLY_COMPOSITE += (55440, 83160, 110880, 166320, 221760, 277200, 332640, 498960, 554400, 665280)
HIGHLY_COMPOSITE += (720720,)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Problem:
    """A question, its only right answer, and whether it was drawn as an edge case."""

    question: str
    answer: str
    is_edge: bool


class PoolExhausted(ValueError):
    """More problems were wanted than a level has in one set; `available` says how many it has."""

    def __init__(self, level: Level, subset: Subset, n: int, available: int) -> None:
        super().__init__(
            f"{level.name} has {available} problems in its {subset} set, fewer than the {n} wanted:"
            f" ask for at most {available}, or for a larger size"
        )
        self.available = available


class _Candidate(NamedTuple):
    """A problem before it is asked: its key is the question, operands of add and mul ascending."""

    key: str
    primes: tuple[int, int] | None = None  # of a semiprime, so that it need not be factored


class _Random:
    """Unbiased random numbers, the same wherever they are drawn: SHAKE-256 in counter mode."""

    def __init__(self, seed: str) -> None:
        self._seed, self._chunk, self._bytes, self._at = seed.encode(), 0, b"", 0

    def below(self, n: int) -> int:
        bits = (n - 1).bit_length()
        n_bytes = (bits + 7) // 8
        while True:
            if self._at + n_bytes > len(self._bytes):
                source = shake_256(b"%d|%b" % (self._chunk, self._seed))
                self._bytes, self._chunk, self._at = source.digest(8192), self._chunk + 1, 0
            start, self._at = self._at, self._at + n_bytes
            value = int.from_bytes(self._bytes[start : self._at], "big") >> (8 * n_bytes - bits)
            if value < n:
                return value

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def choice(self, values: Sequence[_T]) -> _T:
        return values[self.below(len(values))]

    def shuffle(self, values: list[_T]) -> None:
        for i in range(len(values) - 1, 0, -1):
            j = self.below(i + 1)
            values[i], values[j] = values[j], values[i]


def draw(level: Level, n: int, *, subset: Subset, seed: str) -> list[Problem]:
    """n distinct problems of one set, a tenth of them edge cases while there are any, shuffled."""
    if subset not in get_args(Subset) or n < 0:
        raise ValueError(f"cannot draw {n} problems of set {subset!r}; sets: {get_args(Subset)}")
    random = _Random(f"{subset}|{level.name}|{seed}")
    taken: dict[str, _Candidate] = {}
    wanted = (n + 5) // 10
    tries = range(EDGE_TRIES * wanted)
    _take(wanted, (_edge(level, turn, random) for turn in tries), subset, taken)
    n_edges = len(taken)
    if level.pool > max(1000, 16 * n):  # so at most a quarter of the set is taken: few repeats
        # by turns of what is taken, not of what is tried: the operations mix exactly
        _take(n, (_ordinary(level, len(taken), random) for _ in repeat(None)), subset, taken)
    else:
        offered = [each for each in _every(level) if _subset_of(each.key) == subset]
        if n > len(offered):
            raise PoolExhausted(level, subset, n, len(offered))
        random.shuffle(offered)
        _take(n, _by_turns(offered), subset, taken)
    problems = [_ask(each, random, i < n_edges) for i, each in enumerate(taken.values())]
    random.shuffle(problems)
    return problems


def digest(levels: Iterable[tuple[Level, Iterable[Problem]]]) -> str:
    """SHA-256 of level names, questions and answers, in their order: which problems were asked."""
    total = sha256()
    for at, problems in levels:
        total.update(f"{at.name}\n".encode())
        for problem in problems:
            total.update(f"{problem.question}={problem.answer}\n".encode())
    return total.hexdigest()


def _take(
    n: int, candidates: Iterable[_Candidate], subset: Subset, taken: dict[str, _Candidate]
) -> None:
    """Add candidates of the set, until n distinct ones are taken in all."""
    for candidate in candidates:
        if len(taken) >= n:
            break
        if _subset_of(candidate.key) == subset:
            taken[candidate.key] = candidate


def _by_turns(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The verbs by turns, as long as each has problems left."""
    turns: defaultdict[str, Iterator[int]] = defaultdict(count)
    return sorted(candidates, key=lambda each: next(turns[each.key.partition(" ")[0]]))


def _subset_of(key: str) -> Subset:
    byte = blake2b(key.encode(), digest_size=1, person=b"thinker").digest()[0]
    return "public" if byte < 128 else "validation" if byte < 192 else "sealed"


def _ask(candidate: _Candidate, random: _Random, is_edge: bool) -> Problem:
    if candidate.primes:
        return Problem(candidate.key, product_text(candidate.primes), is_edge)
    verb, *operands = candidate.key.split(" ")
    if verb in ("add", "mul") and random.below(2):
        operands.reverse()
    question = " ".join((verb, *operands))
    return Problem(question, answer(question), is_edge)


def _pair(verb: str, a: int, b: int) -> _Candidate:
    return _Candidate(f"{verb} {min(a, b)} {max(a, b)}")


def _semiprime(p: int, q: int) -> _Candidate:
    return _Candidate(f"factor {p * q}", (min(p, q), max(p, q)))


def _copying(digits: str, turn: int, random: _Random) -> _Candidate:
    """The operations take turns; a single digit cannot be rotated."""
    operations = [verb for verb in COPY_OPERATIONS if verb != "rotate" or len(digits) > 1]
    verb = operations[turn % len(operations)]
    by = f" {random.between(1, min(9, len(digits) - 1))}" if verb == "rotate" else ""
    return _Candidate(f"{verb}{by} {digits}")


def _every(level: Level) -> Iterator[_Candidate]:
    """All problems of the level, each once."""
    if level.task == "copy":
        verbs = [verb for verb in COPY_OPERATIONS if verb != "rotate"]
        verbs += [f"rotate {k}" for k in range(1, min(10, level.size))]
        for verb, n in product(verbs, range(10**level.size)):
            yield _Candidate(f"{verb} {n:0{level.size}}")
    elif level.is_semiprime:
        for p, q in product(*prime_choices(level.size)):
            if p <= q:
                yield _semiprime(p, q)
    elif level.task == "factor":
        for n in range(2, 10**level.size):
            yield _Candidate(f"factor {n}")
    else:
        low, high = bounds(level.size)
        for a, b in combinations_with_replacement(range(low, high + 1), 2):
            yield _pair(level.task, a, b)


def _ordinary(level: Level, turn: int, random: _Random) -> _Candidate:
    if level.task == "copy":
        return _copying(f"{random.below(10**level.size):0{level.size}}", turn, random)
    if level.is_semiprime:
        smaller, larger = prime_choices(level.size)
        return _semiprime(random.choice(smaller), random.choice(larger))
    if level.task == "factor":
        return _Candidate(f"factor {random.between(2, 10**level.size - 1)}")
    low, high = bounds(level.size)
    return _pair(level.task, random.between(low, high), random.between(low, high))


def _edge(level: Level, turn: int, random: _Random) -> _Candidate:
    """An edge case; the kinds take turns."""
    if level.task == "copy":
        return _copying(_edge_digits(level.size, turn, random), turn, random)
    if level.is_semiprime:
        return _semiprime(*_edge_primes(level.size, turn, random))
    if level.task == "factor":
        return _Candidate(f"factor {_edge_number(10**level.size, turn, random)}")
    return _pair(level.task, *_edge_operands(level, turn, random))


def _edge_digits(size: int, turn: int, random: _Random) -> str:
    digits = f"{random.below(10**size):0{size}}"
    ascending = "".join(sorted(digits))
    kinds = (
        "0" * size,
        digits[0] * size,  # constant
        digits[: size - size // 2] + digits[: size // 2][::-1],  # palindrome
        ascending,
        ascending[::-1],
        (digits[:2] * size)[:size],  # alternating
    )
    return kinds[turn % len(kinds)]


def _edge_operands(level: Level, turn: int, random: _Random) -> tuple[int, int]:
    low, high = bounds(level.size)
    other = random.between(low, high)
    kinds = [
        (random.below(2), other),
        (10 ** random.below(level.size), other),
        (high, other),  # all nines
        (other, other),  # a double or a square
    ]
    if level.task == "add":
        # a carry through all places: digits sum to ten in the last one and to nine in the others
        first = low + 10 * random.below(max(1, 8 * low // 10)) + random.between(1, 9)
        # a sum that ends in a long run of zeros
        unit = 10 ** max(1, level.size - 1 - random.below(level.size // 5 + 1))
        total = unit * random.between(2 * low // unit + 1, 2 * high // unit)
        second = random.between(max(low, total - high), min(high, total - low))
        kinds += [(high, random.between(1, 9)), (first, high + 1 - first), (second, total - second)]
    return kinds[turn % len(kinds)]


def _edge_number(end: int, turn: int, random: _Random) -> int:
    def root(power: int) -> int:
        """A prime of which this power is below the end."""
        return primes()[random.below(bisect_left(primes(), end, key=lambda p: p**power))]

    cube_root = root(3)
    kinds = (
        root(1),
        root(2) ** 2,
        random.choice([cube_root**k for k in range(3, 20) if cube_root**k < end]),
        2 ** random.between(1, (end - 1).bit_length() - 1),
        HIGHLY_COMPOSITE[random.below(bisect_left(HIGHLY_COMPOSITE, end))],
    )
    return kinds[turn % len(kinds)]


def _edge_primes(size: int, turn: int, random: _Random) -> tuple[int, int]:
    """Squares and near neighbours, which sizes of unlike primes have only where the two meet."""
    smaller, larger = prime_choices(size)
    if size % 2:
        return smaller[-1 - random.below(30)], larger[random.below(30)]
    i = random.below(len(smaller) - 3)
    return smaller[i], smaller[i + random.between(1, 3) * (turn % 2)]
