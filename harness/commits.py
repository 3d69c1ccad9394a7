"""Experiments as commits: the baseline, a proposal, a merge, and a verdict's figures.

Only objects are written here; what points to them follows from the ledger, in `Repo.settle`.
"""

from dataclasses import dataclass, replace

from harness.commit_message import message
from harness.experiment import BASELINE, Experiment, Merged, Verdict
from harness.gates import Passed, Refusal, check
from harness.history import History
from harness.ledger import now
from harness.merging import merge
from harness.repo import Repo
from harness.researcher.prepare import Prepared


@dataclass(frozen=True, slots=True)
class Base:
    """What the campaign starts from: the person's files, and the commit below the baseline.

    `origin` is TAG:ID where train.py is a kept experiment's and not the working tree's.
    """

    head: str
    train: str
    program: str
    time: str
    origin: str = ""


def baseline(repo: Repo, base: Base, history: History) -> Experiment:
    """train.py and program.md as they are in the working tree, on top of what is checked out."""
    found = check(base.train, history)
    files = {"train.py": base.train, "program.md": base.program}
    own = [name for name in files if not (base.origin and name == "train.py")]
    changed = [name for name in own if repo.differs_from(base.head, name, files[name])]
    hypothesis = "The baseline"
    if base.origin:
        hypothesis += f", from {base.origin}"
    if changed:
        hypothesis += f", with {' and '.join(changed)} as in the working tree"
    passed = found if isinstance(found, Passed) else Passed("", 0)
    experiment = Experiment(
        BASELINE,
        BASELINE,
        "",
        hypothesis,
        "person",
        "baseline",
        None,
        0,
        passed.fingerprint,
        passed.nodes,
        "none",
        refused=found.reason if isinstance(found, Refusal) else "",
        broken=isinstance(found, Refusal),
    )
    commit = repo.stage((base.head,), files, message(experiment), base.time)
    return replace(experiment, commit=commit)


def proposed(repo: Repo, history: History, prepared: Prepared) -> Experiment:
    """On top of the experiment that it was derived from."""
    proposal, refused = prepared.proposal, prepared.refused
    passed = prepared.passed or Passed("", 0)
    is_flown = prepared.flight is not None and prepared.flight.end != "failed"
    experiment = Experiment(
        history.next_id,
        prepared.parent,
        "",
        proposal.hypothesis,
        proposal.researcher,
        proposal.kind,
        proposal.expected,
        proposal.mark,
        passed.fingerprint,
        passed.nodes,
        prepared.flight.end if prepared.flight and is_flown else "none",  # type: ignore[arg-type]
        refused=f"{refused.gate}: {refused.reason}" if refused else "",
        broken=refused.is_broken if refused else False,
        mends=proposal.mends,
    )
    parent = history.records[prepared.parent].commit
    files = {"train.py": proposal.source}
    return replace(experiment, commit=repo.stage((parent,), files, message(experiment), now()))


def merged(repo: Repo, history: History, number: int) -> Merged | None:
    """An experiment that waited while the incumbent moved, on top of it; None where it stays."""
    record, incumbent = history.records[number], history.incumbent
    parent = record.experiment.parent
    if incumbent is None or parent == incumbent or number == BASELINE or record.outcomes:
        return None
    commits = [history.records[n].commit for n in (number, parent, incumbent)]
    text = merge(repo, *map(repo.source, commits))
    found = check(text, history) if text is not None else None
    if text is None or not isinstance(found, Passed):
        return None  # they conflict: it runs as it is
    experiment = replace(record.experiment, parent=incumbent)
    commit = repo.stage((commits[2],), {"train.py": text}, message(experiment), now())
    return Merged(number, incumbent, commit, found.fingerprint, found.nodes)


def with_figures(repo: Repo, history: History, verdict: Verdict) -> str:
    """The experiment's commit again, its figures in the message.

    A keep that is not derived from the incumbent has it as its second parent, so that the branch
    only ever moves forward.
    """
    record = history.records[verdict.experiment]
    parents = repo.parents(record.commit)
    if verdict.experiment != BASELINE:  # its parent's commit was made anew, too, when it was judged
        parents = (history.records[record.experiment.parent].commit,)
    if verdict.decision == "keep" and history.incumbent is not None:
        tip = history.records[history.incumbent].commit
        if not repo.is_ancestor(tip, parents[0]):
            parents = (*parents, tip)
    machine = history.started.machine if history.started else ""
    text = message(record.experiment, verdict, record.outcomes, machine)
    return repo.restage(record.commit, parents, text, record.proposed_at)
