"""A proposal on its way through the gates, and back to the researcher where one refuses it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.experiment import Proposal
from harness.gates import Passed, Refusal, check
from harness.plain import storable
from harness.preflight import Flight
from harness.researcher import Brief, Researcher

REPAIRS = 3
TryOut = Callable[[str], Flight]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A proposal that went through the gates; `refused` says which did not let it pass."""

    proposal: Proposal
    parent: int
    passed: Passed | None
    refused: Refusal | None
    flight: Flight | None


def _storable(proposal: Proposal) -> Proposal:
    """What a model writes may hold what UTF-8 cannot."""
    hypothesis, source, kind = map(storable, (proposal.hypothesis, proposal.source, proposal.kind))
    return replace(proposal, hypothesis=hypothesis, source=source, kind=kind)


def prepare(brief: Brief, researcher: Researcher, try_out: TryOut) -> Prepared:
    """The next proposal, through the gates, mended where it can be. Raises Exhausted."""
    proposal = _storable(researcher.propose(brief))
    for attempt in range(REPAIRS + 1):
        found = check(proposal.source, brief.history)
        flight = None
        if isinstance(found, Passed):
            flight = try_out(proposal.source)
            if flight.end != "failed":
                return Prepared(proposal, brief.incumbent, found, None, flight)
            refusal = Refusal("preflight", flight.report)
        else:
            refusal = found
        mended = None
        if attempt < REPAIRS:
            mended = researcher.repair(brief, proposal, refusal.reason)
        if mended is None:
            break
        proposal = _storable(mended)
    passed = found if isinstance(found, Passed) else None
    return Prepared(proposal, brief.incumbent, passed, refusal, flight)
