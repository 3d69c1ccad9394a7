"""Several campaigns beside each other: a line each, and what keeps them from being compared."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.believed import posteriors
from harness.board_words import span_words
from harness.experiment import BASELINE
from harness.figures import change, share
from harness.history import History
from harness.leaderboard import has_crashed
from harness.paint import fitted
from harness.reading import Found, state_now

HEAD = (
    "campaign", "begun (UTC)", "for", "tried", "kept", "confirmed", "crashed", "baseline", "best",
    "gain", "dollars", "state",
)  # fmt: skip
LEFT = ("campaign", "state")
DROPS = ("for", "begun (UTC)", "crashed", "dollars", "tried")  # on a narrow terminal


def campaigns_table(campaigns: Sequence[Found], width: int) -> Iterator[str]:
    """A head and a line for each; on a narrow terminal without the columns that matter least."""
    rows = [_cells(campaign_dict(found)) for found in campaigns]
    yield from fitted(HEAD, rows, LEFT, width, DROPS)


def campaign_dict(found: Found) -> dict[str, Any]:
    """What a script may read of a campaign as a whole. Unknown figures are None."""
    history = found.history
    believed = posteriors(history)
    judged = [r for n, r in history.records.items() if r.verdict and n != BASELINE]
    decisions = [r.verdict.decision for r in judged if r.verdict]
    best = believed.get(history.incumbent) if history.incumbent is not None else None
    first = believed.get(BASELINE)
    state, _ = state_now(found)
    assert history.started
    return {
        "campaign": found.tag,
        "begun": history.started_at,
        "last": history.worked_until,
        "experiments": len(judged),
        "waiting": history.proposals - len(judged),
        "kept": decisions.count("keep"),
        "confirmed": sum(r.standing == "confirmed" for r in judged),
        "withdrawn": sum(r.standing == "withdrawn" for r in judged),
        "crashed": sum(map(has_crashed, judged)),
        "baseline": first.accuracy if first else None,
        "baseline_sd": first.accuracy_sd if first else None,
        "incumbent": history.incumbent,
        "accuracy": best.accuracy if best else None,
        "accuracy_sd": best.accuracy_sd if best else None,
        "gain": best.accuracy - first.accuracy if best and first else None,
        "usd": history.spending.total.usd if history.spending.calls else None,
        "state": "unfinished" if state in ("away", "stopped") else state,
        "rehearsal": history.settings.rehearse,
        "machine": history.started.machine,
    }


def unlike(histories: Sequence[History]) -> list[str]:
    """In what the campaigns differ, so that their accuracies cannot be held against each other."""
    found = []
    for name, words in UNLIKE.items():
        values = {str(getattr(history.settings, name)) for history in histories}
        if len(values) > 1:
            found.append(words)
    if len({history.started.machine for history in histories if history.started}) > 1:
        found.append("machines")
    return found


UNLIKE = {
    "budget_s": "budgets",
    "max_steps": "steps",
    "tasks": "tasks",
    "preset": "presets",
    "rehearse": "trained and rehearsed ones",
}


def _cells(told: dict[str, Any]) -> list[str]:
    begun = datetime.fromisoformat(told["begun"]).astimezone(UTC)
    span = datetime.fromisoformat(told["last"]) - datetime.fromisoformat(told["begun"])
    span = max(timedelta(0), span)  # a clock may be set back
    state = told["state"] + (", a rehearsal" if told["rehearsal"] else "")
    return [
        told["campaign"],
        f"{begun:%Y-%m-%d %H:%M}",
        span_words(span),
        str(told["experiments"]),
        str(told["kept"]),
        str(told["confirmed"]),
        str(told["crashed"]),
        share(told["baseline"]),
        share(told["accuracy"], told["accuracy_sd"]),
        change(told["gain"]),
        "" if told["usd"] is None else f"{told['usd']:.2f}",
        state,
    ]
