"""Who proposes while a researcher cannot: the offline one, in rows that say for whom."""

from dataclasses import replace

from harness.experiment import Proposal
from harness.researcher import Brief, Exhausted
from harness.researcher.offline import Offline

FIRST_PAUSE_S, LAST_PAUSE_S = 15.0, 600.0  # where nobody has anything to propose


class StandIn:
    """`name` is what its rows bear."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.offline = Offline()
        self.pause_s = FIRST_PAUSE_S

    def propose(self, brief: Brief) -> Proposal | None:
        """None where it has nothing either: then it has waited a while, longer each time, in which
        the other may have come back. Raises Halted."""
        try:
            found = self.offline.propose(brief)
        except Exhausted as exhausted:
            brief.desk.tell(f"nor has {self.name} anything: {exhausted}")
            brief.desk.rest(self.pause_s)
            self.pause_s = min(2 * self.pause_s, LAST_PAUSE_S)
            return None
        self.pause_s = FIRST_PAUSE_S
        return replace(found, researcher=self.name)

    def made(self, proposal: Proposal) -> bool:
        return proposal.researcher == self.name

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        repaired = self.offline.repair(brief, proposal, reason)
        return repaired and replace(repaired, researcher=self.name)
