"""When a campaign was at work, and on how many slots: from each start to what it did last before
the next. What a killed trial took is no part of that; neither is what is done to a campaign that
has stopped: a study, a sealed set."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from harness.experiment import Closing, Judged, Resumed, Reviewed, Started, Tried
from harness.ledger import Entry


@dataclass(frozen=True, slots=True)
class Spell:
    """Times are UTC, ISO 8601."""

    since: str
    until: str
    slots: int


@dataclass(frozen=True, slots=True)
class Spells:
    """The last one is the one that goes on."""

    found: tuple[Spell, ...] = ()

    def after(self, entry: Entry) -> "Spells":
        match entry.event:
            case Started(settings=settings):
                return Spells((Spell(entry.time, entry.time, settings.slots),))
            case Resumed(slots=slots):
                return Spells((*self.found, Spell(entry.time, entry.time, slots)))
            case Tried() | Judged() | Reviewed() | Closing() if self.found:
                return Spells((*self.found[:-1], replace(self.found[-1], until=entry.time)))
        return self

    def slot_seconds(self, begin: str, end: str) -> float:
        """Of all slots together, between two times."""
        return sum(self._within(datetime.fromisoformat(begin), datetime.fromisoformat(end)))

    def _within(self, begin: datetime, end: datetime) -> Iterator[float]:
        for spell in self.found:
            since = max(begin, datetime.fromisoformat(spell.since))
            until = min(end, datetime.fromisoformat(spell.until))
            yield max(0.0, (until - since).total_seconds()) * spell.slots
