"""Sealed sets: problems that are opened once, to ask two experiments the same, and what came of it.

The k-th set is drawn from the campaign's secret, from problems that no trial is ever asked. Its
opening is recorded before a question is asked. Whoever chooses by what a sealed set says has used
it up, so each is counted; one whose asking was cut short is asked again under the same number.
"""

import math
from dataclasses import dataclass

PROBLEMS = 500  # a level


@dataclass(frozen=True, slots=True)
class Opened:
    """A sealed set is about to be asked. `number` counts from 1 in a campaign.

    `candidate` and `baseline` are experiments; `seeds` those of their trials, the same for both,
    whose checkpoints are asked. `why` is who wanted it: a person, or the end of the campaign.
    """

    number: int
    candidate: int
    baseline: int
    seeds: tuple[int, ...]
    problems: int
    why: str


@dataclass(frozen=True, slots=True)
class PairedLevel:
    """How both fared on the same problems of a level, by name such as add:4.

    `joint` counts problems: that at i * (trials + 1) + j those that i of the candidate's trials and
    j of the baseline's had right.
    """

    name: str
    joint: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.joint)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a sealed set said. No levels where it could not be asked, and `reason` says why.

    `problems` is the digest of what was asked, `solve_s` the seconds that all solvers took.
    """

    number: int
    levels: tuple[PairedLevel, ...]
    reason: str
    problems: str
    sandbox: str
    solve_s: float


@dataclass(frozen=True, slots=True)
class Revealed:
    """The campaign is closed: anyone can now draw its problems, and nothing more is asked of it."""

    secret: str


class NoSuchSet(ValueError):
    """An event of a sealed set that does not fit those before it."""


@dataclass(frozen=True, slots=True)
class Sets:
    """All openings of a campaign so far; `compared` has one entry fewer while one is pending."""

    opened: tuple[Opened, ...] = ()
    compared: tuple[Compared, ...] = ()

    @property
    def pending(self) -> Opened | None:
        """Opened, and not answered: to be asked again."""
        return self.opened[-1] if len(self.opened) > len(self.compared) else None

    @property
    def answered(self) -> tuple[tuple[Opened, Compared], ...]:
        """Those that said something."""
        pairs = zip(self.opened, self.compared, strict=False)
        return tuple((opened, found) for opened, found in pairs if found.levels)

    def after(self, event: Opened | Compared) -> "Sets":
        """Raises NoSuchSet."""
        if isinstance(event, Opened):
            if self.pending or event.number != len(self.opened) + 1:
                due = f"{self.pending.number} is pending" if self.pending else "another is next"
                raise NoSuchSet(f"sealed set {event.number} is opened where {due}")
            return Sets((*self.opened, event), self.compared)
        if self.pending is None or self.pending.number != event.number:
            raise NoSuchSet(f"sealed set {event.number} was answered, and was not open")
        size = (len(self.pending.seeds) + 1) ** 2
        if any(len(level.joint) != size or not level.total for level in event.levels):
            raise NoSuchSet(f"sealed set {event.number} has counts of other trials than were asked")
        return Sets(self.opened, (*self.compared, event))


def seed_of(secret: str, number: int) -> str:
    """What draws the problems of a sealed set."""
    return f"{secret}:sealed:{number}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Accuracies 0 to 1, of each experiment and of the difference, whose 95% interval is over the
    draw of problems: these trials, other problems."""

    candidate: float
    baseline: float
    difference: float
    low: float
    high: float


def comparison(levels: tuple[PairedLevel, ...]) -> Comparison:
    """From the counts of the levels, tasks weighing alike, and alike the levels of a task.

    A level's difference has Newcombe's interval for paired proportions (1998, Stat. Med. 17,
    2635-2650, method 10): Wilson limits of each, joined by how far both fail on the same problems.
    Levels are added like independent estimates with limits of their own (Zou, Huang and Zhang 2009,
    Comput. Stat. Data Anal. 53, 1080-1085). Of several trials the shares are means, and the number
    of problems stays what it is: each trial answers the same ones.
    """
    from harness.evaluation import weights_of

    candidate = baseline = below = above = 0.0
    for weight, level in zip(weights_of([level.name for level in levels]), levels, strict=True):
        first, second, low, high = _paired(level)
        candidate, baseline = candidate + weight * first, baseline + weight * second
        below += (weight * (first - second - low)) ** 2
        above += (weight * (high - first + second)) ** 2
    difference = candidate - baseline
    low, high = difference - math.sqrt(below), difference + math.sqrt(above)
    return Comparison(candidate, baseline, difference, max(-1.0, low), min(1.0, high))


def _paired(level: PairedLevel) -> tuple[float, float, float, float]:
    """Both shares, and the limits of their difference."""
    from harness.evaluation import wilson

    n, width = level.total, math.isqrt(len(level.joint))
    cells = [(i, j, level.joint[i * width + j]) for i in range(width) for j in range(width)]
    trials = width - 1
    p = sum(i * count for i, _, count in cells) / (n * trials)
    q = sum(j * count for _, j, count in cells) / (n * trials)
    both = sum(i * j * count for i, j, count in cells) / (n * trials**2)
    p_low, p_high = wilson(p * n, n)
    q_low, q_high = wilson(q * n, n)
    shared = n * (both - p * q)  # a correction for continuity, where they agree
    shared = max(0.0, shared - 0.5) if shared > 0 else shared
    spread = n * math.sqrt(_variance(cells, p, trials, 0) * _variance(cells, q, trials, 1))
    phi = max(-1.0, min(1.0, shared / spread)) if spread > 0 else 0.0
    return (
        p,
        q,
        p - q - _joined(p - p_low, q_high - q, phi),
        p - q + _joined(p_high - p, q - q_low, phi),
    )


def _variance(cells: list[tuple[int, int, int]], mean: float, trials: int, side: int) -> float:
    n = sum(cell[2] for cell in cells)
    return max(0.0, sum((cell[side] / trials) ** 2 * cell[2] for cell in cells) / n - mean**2)


def _joined(a: float, b: float, phi: float) -> float:
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))
