"""Why a campaign stops, and whether there is anything left that it waits for."""

from collections.abc import Callable

from harness import judge
from harness.experiment import BASELINE, Stopped
from harness.history import History
from harness.messages import Signal

MOST_LOST = 2 * judge.LOST_MOST  # in a row, so of three experiments: it is none of theirs
LOST = "the machine loses one trial after another"


def why_stop(
    history: History,
    *,
    ending: Signal | None,
    is_busy: bool,
    is_verdict_due: bool,
    has_more: Callable[[], bool],
) -> Stopped | None:
    """Nothing is begun any more and nothing runs; None while there is something to do.

    `is_busy`: trials run, or a sealed set is asked; `has_more` is asked once it is closing.
    """
    if ending and ending.at_once:
        return Stopped("stopped by hand", False)
    if is_verdict_due or is_busy:
        return None
    if ending:
        return Stopped("stopped by hand", False)
    if history.lost > MOST_LOST:
        return Stopped(f"{LOST}, the last one so: {history.last_lost}", False)
    baseline = history.records.get(BASELINE)
    if baseline and baseline.verdict and baseline.verdict.decision != "keep":
        what = "does not train" if baseline.verdict.decision == "crash" else "is not accepted"
        return Stopped(f"the baseline {what}: {baseline.verdict.reason}", True)
    if history.closing and not has_more():
        return Stopped(history.closing.reason, True)
    return None
