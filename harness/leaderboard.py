"""History -> rows: the one place that orders and words what is shown of a campaign."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.history import History, Record


@dataclass(frozen=True, slots=True)
class Row:
    """An experiment as the board shows it. Unknown figures are None."""

    id: int
    parent: int
    verdict: str  # keep, discard, crash, or running, waiting
    status: str
    accuracy: float | None
    gain: float | None  # over the incumbent that it was compared with
    hypothesis: str
    reason: str
    commit: str
    seconds: float | None
    trials: int
    is_incumbent: bool

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def rows(history: History, running: Iterable[int] = ()) -> list[Row]:
    """One for each experiment, in their order."""
    busy = set(running)
    return [_row(history, record, busy) for record in history.records.values()]


def _row(history: History, record: Record, busy: set[int]) -> Row:
    experiment, verdict = record.experiment, record.verdict
    statuses = [outcome.status for outcome in record.outcomes if outcome.status != "lost"]
    status = next((s for s in statuses if s != "ok"), statuses[0] if statuses else "")
    if experiment.refused:
        status = "refused"
    accuracy = verdict.accuracy if verdict else None
    bar = verdict.incumbent_accuracy if verdict else None
    gain = accuracy - bar if accuracy is not None and bar is not None else None
    word = verdict.decision if verdict else "running" if experiment.id in busy else "waiting"
    seconds = sum(o.train_s + o.score_s for o in record.outcomes) if record.outcomes else None
    return Row(
        experiment.id,
        experiment.parent,
        word,
        status,
        accuracy,
        gain,
        experiment.hypothesis,
        verdict.reason if verdict else "",
        record.commit,
        seconds,
        len(record.outcomes),
        experiment.id == history.incumbent,
    )


def summary(history: History) -> str:
    """One line: how many of each verdict, and the incumbent's accuracy beside the baseline's."""
    verdicts = [str(r.verdict.decision) for n, r in history.records.items() if r.verdict and n]
    counts = ", ".join(
        f"{verdicts.count(word)} {said}"
        for word, said in (("keep", "kept"), ("discard", "discarded"), ("crash", "crashed"))
    )
    text = f"{history.proposals} experiments: {counts}"
    if history.incumbent is not None:
        best, first = history.accuracy_of(history.incumbent), history.accuracy_of(0)
        if best is not None and first is not None:
            text += f"; accuracy {best:.4f}, baseline {first:.4f}"
    return text
