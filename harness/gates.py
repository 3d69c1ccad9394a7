"""The gates that a proposal passes before it costs GPU time, cheapest first.

It parses and has a solver that may be cut out, differs from everything tried, and holds nothing
that a training does not need; then a few of its steps run on the CPU (`harness.preflight`).
"""

from dataclasses import dataclass
from typing import Literal

from harness.arithmetic import check as check_arithmetic
from harness.audit import audit
from harness.contention import is_uncounted
from harness.evaluation import Refused
from harness.history import History
from harness.solver_slice import solver_slice
from harness.syntax import fingerprint

Gate = Literal["parse", "novelty", "audit", "preflight"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which gate refused and why, in words that a researcher can act on."""

    gate: Gate
    reason: str

    @property
    def is_broken(self) -> bool:
        """It cannot run, as opposed to: it may not."""
        return self.gate in ("parse", "preflight")


@dataclass(frozen=True, slots=True)
class Passed:
    """What the gates found out on the way."""

    fingerprint: str
    nodes: int


def check(source: str, history: History) -> Refusal | Passed:
    """The gates that need no process."""
    try:
        print_, nodes = fingerprint(source)
    except SyntaxError as error:
        return Refusal("parse", f"train.py line {error.lineno or 1}: {error.msg}; mend the syntax")
    except (ValueError, RecursionError, MemoryError) as error:
        return Refusal("parse", f"train.py cannot be read ({error}); write it more simply")
    earlier = _same(print_, history)
    if earlier is not None:
        what = f"experiment {earlier}" if earlier else "the baseline"
        return Refusal(
            "novelty",
            f"the same as {what} but for comments, spacing or seeds; change what it does",
        )
    try:
        audit(source)
        check_arithmetic(solver_slice(source))
    except Refused as refused:
        return Refusal("audit", refused.reason)
    return Passed(print_, nodes)


def _same(print_: str, history: History) -> int | None:
    """An experiment of this fingerprint. One whose trials other work slowed was not tried yet."""
    first = history.fingerprints.get(print_)
    record = history.records.get(first) if first is not None else None
    if record is None or not is_uncounted(record):
        return first
    same = (n for n, r in history.records.items() if r.experiment.fingerprint == print_)
    tried = (n for n in same if not history.records[n].experiment.refused)
    return next((n for n in tried if not is_uncounted(history.records[n])), None)
