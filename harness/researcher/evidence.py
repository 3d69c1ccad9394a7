"""What a campaign's experiments say about its constants. A pure reading of history and sources.

An experiment counts for the constants in which it differs from its parent, and only where it
differs in nothing else.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from harness.believed import posteriors
from harness.experiment import BASELINE
from harness.history import History
from harness.knobs import Number, Reading
from harness.researcher.tpe import Point


@dataclass(frozen=True, slots=True)
class Tried:
    """An experiment that changed constants only; `moved` says which, and whether upwards.

    `gain` is over its parent, None while it is not known.
    """

    number: int
    values: Mapping[str, Number]
    moved: Mapping[str, bool]
    gain: float | None
    is_kept: bool
    has_failed: bool


class Evidence:
    """Made for one proposal. `read` gives an experiment's reading by its number."""

    def __init__(self, history: History, read: Callable[[int], Reading]) -> None:
        self.history, self.read = history, read
        self.posteriors = posteriors(history)  # what is believed, and not what one trial read
        found = (self._tried(number) for number in history.records)
        self.tried = {tried.number: tried for tried in found if tried}

    def points(self, names: Collection[str]) -> list[Point]:
        """What changes of these constants brought, as if effects add up.

        Along the line from the baseline only the gains of these constants' own changes count, so
        that values tried on an early incumbent compare with those tried on a late one.
        """
        heights: dict[int, float] = {}
        found = []
        for tried in (t for t in self.tried.values() if not t.moved.keys().isdisjoint(names)):
            parent = self.history.records[tried.number].experiment.parent
            base = self._height(parent, names, heights)
            gain = None if tried.gain is None else base + tried.gain
            if tried.values.keys() >= set(names):
                found.append(Point(tried.values, gain, tried.has_failed))
        for number in (BASELINE, self.history.incumbent or BASELINE):
            values = self.read(number).values
            known = [point for point in found if point.gain is not None]
            is_new = not any(all(p.values[n] == values.get(n) for n in names) for p in known)
            if is_new and values.keys() >= set(names):
                found.append(Point(values, self._height(number, names, heights)))
        return found

    def keeps_and_misses(self, names: Collection[str]) -> tuple[int, int]:
        """Of the experiments that changed any of these."""
        known = [
            tried.is_kept
            for tried in self.tried.values()
            if not tried.moved.keys().isdisjoint(names)
            and (tried.gain is not None or tried.has_failed)
        ]
        return sum(known), len(known) - sum(known)

    def was_in_vain(self, name: str, up: bool) -> bool:
        """This constant alone was moved that way, and it was not kept, or is not known yet."""
        return any(t.moved == {name: up} and not t.is_kept for t in self.tried.values())

    def _has_moved(self, number: int, names: Collection[str]) -> bool:
        tried = self.tried.get(number)
        return tried is not None and not tried.moved.keys().isdisjoint(names)

    def _height(self, number: int, names: Collection[str], heights: dict[int, float]) -> float:
        """The sum of gains by these constants on the way from the baseline to this experiment."""
        path = []
        while number != BASELINE and number not in heights:
            path.append(number)
            number = self.history.records[number].experiment.parent
        height = heights.get(number, 0.0)
        for step in reversed(path):
            if self._has_moved(step, names):
                height += self.tried[step].gain or 0.0
            heights[step] = height
        return height

    def _tried(self, number: int) -> Tried | None:
        record = self.history.records[number]
        parent = record.experiment.parent
        mine, before = self.read(number), self.read(parent)
        if number == BASELINE or not mine.knobs or mine.rest != before.rest:
            return None
        old, new = before.values, mine.values
        if old.keys() != new.keys():  # a comment made one a knob, which the rest does not show
            return None
        moved = {name: new[name] > old[name] for name in new if new[name] != old[name]}
        believed = self.posteriors.get(number)
        failed = record.experiment.broken or any(
            o.status not in ("ok", "lost") for o in record.outcomes
        )
        if not moved or not (believed or failed or record.is_open):
            return None  # refused for what it says, or lost: nothing about its values
        return Tried(
            number,
            new,
            moved,
            believed.effect if believed and not failed else None,
            record.standing in ("provisional", "confirmed"),
            failed,
        )
