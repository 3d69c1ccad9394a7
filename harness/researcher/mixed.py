"""Two researchers in turn: a thinker has the ideas, a tuner tunes the constants they expose.

Whose turn it is follows from the history alone, so that a resumed campaign goes on as it was.
"""

from collections.abc import Callable

from harness.experiment import BASELINE, Proposal
from harness.history import History
from harness.knobs import Knob, read
from harness.researcher import Brief, Exhausted, Researcher
from harness.researcher.offline import Offline

# One proposal in so many is the tuner's. Ferreira et al. (arXiv 2603.24647) did best with the
# language model on some 30% of the trials, but both drew from one fixed space of constants there.
# Here the thinker alone can change anything else, and a keep of its own opens the space that the
# tuner works in: so the shares are the other way round, and the tuner has an extra turn at each
# such keep.
ONE_IN = 3


class Mixed:
    name = "mixed"

    def __init__(self, thinker: Researcher, tuner: Offline) -> None:
        self.thinker, self.tuner = thinker, tuner

    def propose(self, brief: Brief) -> Proposal:
        """The proposal bears the name of whoever made it. Raises Exhausted where both are."""
        turn: list[Researcher] = [self.thinker, self.tuner]
        if self.is_tuners_turn(brief):
            turn.reverse()
        try:
            return turn[0].propose(brief)
        except Exhausted as first:
            try:
                return turn[1].propose(brief)
            except Exhausted as second:
                raise Exhausted(f"{first}; {second}") from second

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        return self._of(proposal.researcher).repair(brief, proposal, reason)

    def mend(self, brief: Brief, number: int) -> Proposal | None:
        return self._of(brief.history.records[number].experiment.researcher).mend(brief, number)

    def is_tuners_turn(self, brief: Brief) -> bool:
        """Its share is not reached, or what the thinker exposed last was not tuned yet."""
        history = brief.history
        tuned = sum(r.experiment.researcher == self.tuner.name for r in history.records.values())
        if ONE_IN * tuned < history.proposals:
            return True
        return self._is_fresh(history) and exposes(history, brief.source_of, brief.preset)

    def _is_fresh(self, history: History) -> bool:
        """The incumbent is the thinker's, and the tuner has proposed nothing on top of it."""
        incumbent = history.incumbent or BASELINE
        if incumbent == BASELINE:
            return False
        tip = history.records[incumbent].experiment
        return tip.researcher != self.tuner.name and not any(
            r.experiment.researcher == self.tuner.name and r.experiment.parent == incumbent
            for r in history.records.values()
        )

    def _of(self, name: str) -> Researcher:
        return self.tuner if name == self.tuner.name else self.thinker


def exposes(history: History, source_of: Callable[[int], str], preset: str) -> bool:
    """The incumbent declares a constant with a range that its parent did not, or not so."""
    incumbent = history.incumbent or BASELINE
    parent = history.records[incumbent].experiment.parent
    return bool(_told(source_of(incumbent), preset) - _told(source_of(parent), preset))


def _told(source: str, preset: str) -> set[tuple[str, float, float, float, bool]]:
    def told(knob: Knob) -> tuple[str, float, float, float, bool]:
        return knob.name, knob.value, knob.low, knob.high, knob.is_log

    return {told(knob) for knob in read(source, preset).knobs}
