"""What a ledger says of an experiment, held against what git holds of it: no training needed.

Git has each experiment's figures in its commit's message, written when it was judged, and a copy of
the ledger of that time. A figure that was altered afterwards in one place differs from the others.
Not covered: someone who rewrites ledger, commits and refs alike; a training tells then.
"""

import math

from harness.believed import readings_of
from harness.commit_message import message
from harness.experiment import Outcome
from harness.history import History, Record
from harness.reading import Found
from harness.repo import Repo
from harness.state import sha256

ALWAYS = ("Experiment", "Parent", "Verdict", "Accuracy", "Seeds", "Status")
FIGURES = (*ALWAYS, "Posterior", "Effect", "Incumbent")
CLOSE = 1e-9  # sums of floats may differ in their last digits


def disagreements(found: Found, record: Record, repo: Repo, secret: str) -> list[str]:
    """Each in words, with both values; none where all fits together."""
    return [
        *_secret(found.history, secret),
        *_copy(found, repo),
        *_message(found.history, record, repo),
        *_verdict(record),
    ]


def _secret(history: History, secret: str) -> list[str]:
    assert history.started
    if sha256(secret) == history.started.secret_sha256:
        return []
    return ["the secret is not the one whose SHA-256 stands in the ledger's first line"]


def _copy(found: Found, repo: Repo) -> list[str]:
    """The ledger goes on where its copy ends; up to there they are the same."""
    stored = repo.stored_ledger()
    if stored is None:
        return [f"git holds no copy of the ledger ({repo.refs}/ledger)"]
    ours = found.path.read_text(encoding="utf-8").splitlines()
    theirs = stored.splitlines()
    said = [
        f"ledger line {number} differs from its copy in git ({repo.refs}/ledger)"
        for number, (here, there) in enumerate(zip(ours, theirs, strict=False), start=1)
        if here != there
    ]
    if len(ours) < len(theirs):
        said.append(f"the ledger has {len(ours)} lines, and its copy in git {len(theirs)}")
    return said


def _message(history: History, record: Record, repo: Repo) -> list[str]:
    """The commit's trailers, made again from the ledger. One that its harness did not write yet is
    not missed, but for those that every commit has."""
    if record.verdict is None:
        return []
    assert history.started
    first = record.outcomes[: record.first]
    ours = _trailers(message(record.experiment, record.verdict, first, history.started.machine))
    theirs = _trailers(repo.message(record.commit))
    return [
        f"commit {record.commit[:12]} says {key} {theirs.get(key, 'nothing')}, and the ledger's"
        f" events {ours.get(key, 'nothing')}"
        for key in FIGURES
        if ours.get(key) != theirs.get(key) and (key in theirs or key in ALWAYS)
    ]


def _trailers(text: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in text.splitlines())
    return {key: value for key, _, value in lines if key in FIGURES}


def _verdict(record: Record) -> list[str]:
    """Its accuracy is the mean of its trials' counts."""
    verdict = record.verdict
    if verdict is None:
        return []
    read = readings_of(record, record.outcomes[: record.first])
    mean = sum(read) / len(read) if read else None
    told = verdict.accuracy
    if (mean is None) != (told is None) or (
        mean is not None and told is not None and not math.isclose(mean, told, abs_tol=CLOSE)
    ):
        return [f"its trials' counts give {_figure(mean)}, and its verdict says {_figure(told)}"]
    return []


def differing_levels(told: Outcome, found: Outcome) -> list[str]:
    """Levels in which two trials of the very same weights differ, in words."""
    counts = {level.name: level.correct for level in found.levels}
    return [
        f"{level.name}: {level.correct} right in the ledger, {counts.get(level.name, 'none')} now"
        for level in told.levels
        if counts.get(level.name) != level.correct
    ]


def _figure(value: float | None) -> str:
    return "no accuracy" if value is None else f"{value:.4f}"
