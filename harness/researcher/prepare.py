"""A proposal on its way through the gates, and back to the researcher where one refuses it."""

from dataclasses import dataclass, replace

from harness.experiment import Proposal
from harness.gates import Passed, Refusal
from harness.plain import storable
from harness.preflight import Flight
from harness.researcher import Brief, Exhausted, Researcher
from harness.researcher.gatekeeper import Ruling

REPAIRS = 3


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


def prepare(brief: Brief, researcher: Researcher, crashed: int | None = None) -> Prepared:
    """The next proposal, through the gates, mended where it can be; before it, one that mends the
    experiment `crashed`, if the researcher can. Raises Exhausted."""
    mended = None if crashed is None else _mended(brief, researcher, crashed)
    proposal = _storable(mended or researcher.propose(brief))
    for attempt in range(REPAIRS + 1):
        ruling = brief.gates.rule(proposal.source) if not proposal.unfit else _unfit(proposal)
        if ruling.refused is None:
            break
        repaired = None
        if attempt < REPAIRS:
            repaired = _repaired(brief, researcher, proposal, ruling.refused.reason)
        if repaired is None:
            break
        proposal = _storable(repaired)
    parent = brief.incumbent
    if proposal.mends is not None:  # it stands on what the crashed one stood on, until it is merged
        parent = brief.history.records[proposal.mends].experiment.parent
    return Prepared(proposal, parent, ruling.passed, ruling.refused, ruling.flight)


def _unfit(proposal: Proposal) -> Ruling:
    return Ruling(None, Refusal("parse", proposal.unfit), None)


def _mended(brief: Brief, researcher: Researcher, crashed: int) -> Proposal | None:
    """None where whoever made it has come to its end: another may have something to propose."""
    try:
        return researcher.mend(brief, crashed)
    except Exhausted:
        return None


def _repaired(
    brief: Brief, researcher: Researcher, proposal: Proposal, reason: str
) -> Proposal | None:
    """Where it has come to its end meanwhile, the proposal is recorded as refused."""
    try:
        return researcher.repair(brief, proposal, reason)
    except Exhausted:
        return None
