"""The offline researcher: tunes the declared constants of train.py. It needs no key.

First it tries what the incumbent's learning curve suggests, then what TPE draws from the campaign's
experiments, one to three constants of a group at a time. It only moves constants that train.py
gives a range; it has no ideas of its own. The same history gives the same proposal.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations, islice, product
from pathlib import Path

from harness.diagnosis import suggestions
from harness.experiment import Proposal
from harness.history import History
from harness.knobs import Knob, Number, Reading, read
from harness.metrics import read_metrics
from harness.needs import needs
from harness.researcher import Brief, Exhausted
from harness.researcher.evidence import Evidence
from harness.researcher.tpe import LEAST_POINTS, Point, draws, inside, is_near_failure
from harness.syntax import set_constants

AT_A_TIME = 3  # constants of one proposal, at most
SIZES = (5, 3, 2)  # weights of one, two and three
WIDE_SHARE = 0.15  # of the draws: over the whole range, and not near the incumbent
BOLD_SHARE = 0.1  # of the proposals: may lie nearest to one that failed
ROUNDS, DRAWS = (
    6,
    20,
)  # choices of constants, and draws for each, before all values are gone through
VALUES, LOOKS = 400, 50_000  # of a constant, and of their combinations, that are gone through
NONE = (
    "train.py declares no constant with a range; add one to a constant's line such as"
    " `LEARNING_RATE = 2e-3  # [1e-4, 1e-2] log`"
)


@dataclass(frozen=True, slots=True)
class Change:
    values: Mapping[str, Number]
    why: str


class Offline:
    name = "offline"

    def __init__(self) -> None:
        self.readings: dict[tuple[str, str], Reading] = {}  # by commit and preset
        self.refused: list[Reading] = []  # since the last `propose`

    def propose(self, brief: Brief) -> Proposal:
        """Raises Exhausted."""
        self.refused = []
        return self._next(brief)

    def mend(self, brief: Brief, number: int) -> Proposal | None:
        """Its values count as failed from now on; the next draw is another proposal."""
        return None

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        """Another draw, with these values counted as failed."""
        self.refused.append(read(proposal.source, brief.preset))
        try:
            return self._next(brief)
        except Exhausted:
            return None

    def _next(self, brief: Brief) -> Proposal:
        start = read(brief.source, brief.preset)
        if not start.knobs:
            raise Exhausted(NONE)

        def reading_of(number: int) -> Reading:
            key = brief.history.records[number].experiment.commit, brief.preset
            if key not in self.readings:
                self.readings[key] = read(brief.source_of(number), brief.preset)
            return self.readings[key]

        evidence = Evidence(brief.history, reading_of)
        space = Space(brief, start, evidence, self.refused)
        change = next(chain(suggested(brief, space), drawn(space), left(space)), None)
        if change is None:
            names = ", ".join(knob.name for knob in start.knobs)
            raise Exhausted(
                f"every value of the constants with a range was tried, to two digits: {names}"
            )
        moves = ", ".join(
            f"{name} {start.values[name]} → {value}" for name, value in change.values.items()
        )
        return Proposal(
            f"{moves}: {change.why}",
            set_constants(brief.source, dict(change.values), brief.preset),
            self.name,
            "constant",
            mark=brief.history.proposals,
        )


class Space:
    """The constants around an incumbent: which values are new, and what is known of them."""

    def __init__(
        self, brief: Brief, start: Reading, evidence: Evidence, refused: list[Reading]
    ) -> None:
        self.knobs, self.start, self.evidence = start.knobs, start, evidence
        self.needs = needs(brief.source, start.constants)
        readings = [start, *refused, *(evidence.read(n) for n in brief.history.records)]
        self.refused = [reading.values for reading in refused]
        self.seen = {tuple(r.values.values()) for r in readings if r.rest == start.rest}
        self.random = random.Random(
            f"{_campaign(brief.history)}:{len(brief.history.records)}:{len(refused)}"
        )

    def new(self, values: Mapping[str, Number]) -> dict[str, Number]:
        """Those that differ from the incumbent's; none where they were tried or cannot be."""
        changed = {n: value for n, value in values.items() if value != self.start.values[n]}
        if tuple((self.start.values | changed).values()) in self.seen:
            return {}
        constants = {**self.start.constants, **changed}
        return changed if all(need.is_met(constants) for need in self.needs) else {}

    def points(self, knobs: list[Knob], *, wide: bool) -> list[Point]:
        names = [knob.name for knob in knobs]
        points = self.evidence.points(names)
        for values in self.refused:
            if any(values.get(name) != self.start.values[name] for name in names):
                points.append(Point(self.start.values | values, None, has_failed=True))
        return inside(points, knobs, wide=wide)

    def promise(self, *knobs: Knob) -> float:
        """A share of keeps that may be theirs, drawn from what is known (Thompson sampling)."""
        keeps, misses = self.evidence.keeps_and_misses([knob.name for knob in knobs])
        return self.random.betavariate(1 + keeps, 1 + misses)

    def choose(self) -> list[Knob]:
        """A few constants of one group, the most promising first."""
        groups: dict[str, list[Knob]] = {}
        for knob in self.knobs:
            groups.setdefault(knob.group, []).append(knob)
        group = max(groups.values(), key=lambda knobs: self.promise(*knobs))
        size = self.random.choices(range(1, AT_A_TIME + 1), SIZES)[0]
        return sorted(group, key=self.promise, reverse=True)[:size]


def suggested(brief: Brief, space: Space) -> Iterator[Change]:
    """What the incumbent's curve suggests, and was not yet in vain."""
    knobs = {knob.name: knob for knob in space.knobs}
    who = f"experiment {brief.incumbent}" if brief.incumbent else "the baseline"
    for suggestion in suggestions(_curve(brief), space.start.values):
        name, up = suggestion.constant, suggestion.up
        value = knobs[name].moved(up)
        if (value > knobs[name].value) != up:  # it lies beyond its range, on that side
            continue
        values = space.new({name: value})
        if values and not space.evidence.was_in_vain(name, up):
            yield Change(values, f"for {suggestion.aim}; {who}: {suggestion.why}")


def drawn(space: Space) -> Iterator[Change]:
    """Near the incumbent mostly; over the whole range now and then, and where nothing is left."""
    is_wide, is_bold = (space.random.random() < share for share in (WIDE_SHARE, BOLD_SHARE))
    for turn in range(ROUNDS):
        knobs = space.choose()
        is_known = len(space.points(knobs, wide=True)) >= LEAST_POINTS
        wide = (is_wide and is_known) or turn >= ROUNDS // 2
        points = space.points(knobs, wide=wide)
        seed = space.random.getrandbits(32)
        for values in islice(draws(knobs, points, wide=wide, seed=seed), DRAWS):
            is_safe = is_bold or not is_near_failure(values, points, knobs)
            if is_safe and (changed := space.new(values)):
                yield Change(changed, _told(knobs, points, wide=wide))


def left(space: Space) -> Iterator[Change]:
    """One value after another, then pairs and threes: the whole space, where it is small."""
    values = {knob.name: knob.spread(VALUES) for knob in space.knobs}
    for found in values.values():
        space.random.shuffle(found)
    every = (
        dict(zip(names, drawn_values, strict=True))
        for size in range(1, AT_A_TIME + 1)
        for names in combinations(values, size)
        for drawn_values in product(*(values[name] for name in names))
    )
    for candidate in islice(every, LOOKS):
        if changed := space.new(candidate):
            yield Change(changed, "one of the few values that were not tried yet")


def _told(knobs: list[Knob], points: list[Point], *, wide: bool) -> str:
    """How the draw came about, and no more insight than there is."""
    known = [point for point in points if point.gain is not None or point.has_failed]
    where = "over the whole range" if wide else "near the incumbent"
    if len(points) < LEAST_POINTS:
        return f"a draw by chance {where}, {len(known)} known there"
    gained = sorted((p for p in known if p.gain is not None), key=lambda p: -(p.gain or 0.0))
    best = gained[: max(2, len(gained) // 4)]
    ends = []
    for knob in knobs if best else ():
        values = [point.values[knob.name] for point in best]
        low, high = min(values), max(values)
        ends.append(f"{knob.name} {low}" + (f" to {high}" if high != low else ""))
    told = f"; the best {len(best)} of {len(known)} tried had {', '.join(ends)}" if best else ""
    return f"TPE's draw {where}{told}"


def _curve(brief: Brief) -> list[dict[str, object]]:
    """The incumbent's learning curve: of its first trial that left one."""
    record = brief.history.records.get(brief.incumbent)
    folder = Path(brief.results) / "experiments" / f"{brief.incumbent:04d}"
    for outcome in record.outcomes if record else ():
        if rows := read_metrics(folder / str(outcome.seed) / "metrics.jsonl"):
            return rows
    return []


def _campaign(history: History) -> str:
    return history.started.campaign if history.started else ""
