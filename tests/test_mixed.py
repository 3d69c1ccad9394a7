"""The mixed researcher: turns that follow from the history, and rows that say who proposed."""

from dataclasses import replace
from pathlib import Path

import pytest
from briefs import make_brief
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.experiment import (
    Experiment,
    Judged,
    Proposal,
    Proposed,
    Settings,
    Started,
    Verdict,
)
from harness.history import History
from harness.knobs import read
from harness.ledger import Entry
from harness.researcher import Exhausted
from harness.researcher.mixed import ONE_IN, Mixed
from harness.researcher.offline import Offline
from harness.researcher.prepare import prepare
from harness.syntax import set_constants

TOY = Path(__file__).with_name("toy_train.py").read_text()
KNOB = "A = {}  # [0, 100]\n"
START = KNOB.format(1)
TIME = "2026-01-31T22:00:00+00:00"


class Thinker:
    """Has `ideas`: whole sources, one a proposal, then nothing more."""

    name = "thinker"

    def __init__(self, ideas=()):
        self.ideas, self.asked = list(ideas), []

    def propose(self, brief):
        if not self.ideas:
            raise Exhausted("no more ideas")
        return Proposal("an idea", self.ideas.pop(0), self.name, mark=brief.history.proposals)

    def repair(self, brief, proposal, reason):
        self.asked.append(("repair", proposal.researcher, reason))
        return replace(proposal, source="B = 2\n")

    def mend(self, brief, number):
        self.asked.append(("mend", number))
        return Proposal("mended", "B = 3\n", self.name, mends=number)


class Night:
    """A campaign in memory. A verdict is given at once, `keep` where it is asked for."""

    def __init__(self, source=START, researcher=None):
        given = Settings(1.0, None, 1, 1, 1, "cpu", "cpu", "none", ("mixed",), None, None)
        started = Started("t", "a campaign", given, "", "", "", "", "a machine", "0")
        self.entries, self.sources = [Entry(TIME, started)], {}
        self.mixed = researcher or Mixed(Thinker(), Offline())
        self.add(source, "person", kept=True)

    @property
    def history(self):
        return History.of(self.entries)

    def fold(self, event):
        self.entries.append(Entry(TIME, event))

    def add(self, source, name, *, kept=False, parent=None):
        number = len(self.sources)
        self.sources[number] = source
        incumbent = self.history.incumbent or 0
        parent = incumbent if parent is None else parent
        words = f"c{number}", "h", name, "idea", None, number, f"f{number}", 9, "none"
        self.fold(Proposed(Experiment(number, parent, *words)))
        decision = "keep" if kept else "discard"
        self.fold(Judged(Verdict(number, decision, "", None, incumbent, None), f"d{number}"))
        return number

    def brief(self):
        history = self.history
        number = history.incumbent or 0
        source_of = self.sources.__getitem__
        return make_brief(source_of(number), history=history, incumbent=number, source_of=source_of)

    def is_tuners(self):
        return self.mixed.is_tuners_turn(self.brief())

    def propose(self):
        return self.mixed.propose(self.brief())


def test_one_in_three_is_the_tuners():
    """Where nothing is kept: the thinker first, then the tuner whenever it is below its share."""
    night = Night()
    turns = ""
    for _ in range(9):
        is_tuners = night.is_tuners()
        turns += "T" if is_tuners else "L"
        night.add(f"B = {len(turns)}\n", "offline" if is_tuners else "thinker")
    assert turns == "LTLLTLLTL"


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_turns_are_fair_and_follow_from_the_history_alone(night_of):
    """The tuner has its share, and more than that by at most a turn for each keep that exposed
    something; a researcher made anew from the ledger takes the same turns."""
    night, exposing = Night(), 0
    for step, (kept, exposes) in enumerate(night_of, start=1):
        is_tuners = night.is_tuners()
        other = Mixed(Thinker(), Offline())
        assert other.is_tuners_turn(night.brief()) == is_tuners
        if is_tuners:
            night.add(f"B = {step}\n", "offline", kept=kept)
        else:
            base = night.brief().source
            source = f"{base}KNOB_{step} = 1  # [0, 9]\n" if exposes else f"{base}B = {step}\n"
            night.add(source, "thinker", kept=kept)
            exposing += kept and exposes
        names = [r.experiment.researcher for r in night.history.records.values()]
        tuned, proposals = names.count("offline"), len(names) - 1
        assert tuned >= (proposals - 1) // ONE_IN
        assert tuned <= -(-proposals // ONE_IN) + exposing


def test_what_was_exposed_is_tuned_at_once():
    """A kept idea with a new range, another range or another value is tuned next, once; one that
    exposes nothing, or a keep of the tuner's own, is not."""
    for source in (KNOB.format(1) + "NEW = 3  # [1, 9]\n", "A = 1  # [0, 50]\n", KNOB.format(2)):
        night = Night()
        for number in range(2):  # so that its share is reached
            night.add(f"B = {number}\n", ("offline", "thinker")[number])
        assert not night.is_tuners()
        night.add(source, "thinker", kept=True)
        night.add("C = 1\n", "offline", parent=0)  # begun before the keep: not on top of it
        assert night.is_tuners()
        night.add("C = 2\n", "offline")
        assert not night.is_tuners()
    for source, name in ((KNOB.format(1) + "B = 9\n", "thinker"), (KNOB.format(5), "offline")):
        night = Night()
        for number in range(3):
            night.add(f"B = {number}\n", "offline")
        night.add(source, name, kept=True)
        assert not night.is_tuners()


def test_who_is_exhausted_leaves_the_field():
    """Without ideas the tuner goes on, without ranges the thinker; then both are at their end."""
    night = Night(TOY, Mixed(Thinker(), Offline()))
    for _ in range(3):
        proposal = night.propose()
        assert proposal.researcher == "offline"
        night.add(proposal.source, proposal.researcher)
    night = Night("A = 1\n", Mixed(Thinker(["A = 2\n", "A = 3\n", "A = 4\n"]), Offline()))
    for _ in range(3):
        proposal = night.propose()
        assert proposal.researcher == "thinker"
        night.add(proposal.source, proposal.researcher)
    with pytest.raises(
        Exhausted, match=r"declares no constant.*no more ideas|no more ideas.*declares"
    ):
        night.propose()


def test_a_real_tuner_tunes_what_the_thinker_exposed():
    """Its proposal on a kept idea moves declared constants only, the new one among those tried."""
    idea = TOY.replace(
        "MEASURE_EVERY = 20", "GAIN = 1.0  # of nothing [0.1, 10] log\nMEASURE_EVERY = 20"
    )
    night = Night(TOY, Mixed(Thinker([idea]), Offline()))
    first = night.propose()
    assert (first.researcher, first.source) == ("thinker", idea)
    night.add(first.source, first.researcher, kept=True)
    moved = set()
    for _ in range(8):
        proposal = night.propose()
        assert proposal.researcher == "offline"
        old, new = read(idea, "cpu"), read(proposal.source, "cpu")
        assert old.rest == new.rest
        moved |= {name for name in old.values if old.values[name] != new.values[name]}
        night.add(proposal.source, proposal.researcher)
    assert "GAIN" in moved


def test_repairs_and_crashes_go_to_whoever_proposed():
    """Each by the name in the row; the stand-in of a thinker is the thinker's."""
    thinker = Thinker()
    night = Night(TOY, Mixed(thinker, Offline()))
    brief = night.brief()
    tuned = Proposal("", set_constants(TOY, {"LEARNING_RATE": 0.2}, "cpu"), "offline")
    assert night.mixed.repair(brief, tuned, "no").researcher == "offline"
    for name in ("thinker", "offline for thinker"):
        assert night.mixed.repair(brief, Proposal("", "B = 1\n", name), "no").source == "B = 2\n"
    assert [asked[1] for asked in thinker.asked] == ["thinker", "offline for thinker"]
    ids = [night.add(f"B = {n}\n", name) for n, name in enumerate(("offline", "thinker"))]
    assert night.mixed.mend(night.brief(), ids[0]) is None
    assert night.mixed.mend(night.brief(), ids[1]).mends == ids[1]


class Poor(Thinker):
    """Has no money left to mend anything either."""

    def mend(self, brief, number):
        raise Exhausted("the cap on dollars")


def test_no_money_for_mending_leaves_the_field_to_the_tuner():
    """A crash to mend ends no campaign that the tuner can go on with."""
    night = Night(TOY, Mixed(Poor(), Offline()))
    crashed = night.add("B = 1\n", "thinker")
    assert prepare(night.brief(), night.mixed, crashed).proposal.researcher == "offline"
