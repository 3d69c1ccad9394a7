"""What sealed sets said, in words and figures: for the board, `thinker seal` and its JSON."""

from typing import Any

from harness.believed import beliefs_of
from harness.experiment import Outcome
from harness.history import History
from harness.sealed import Compared, Comparison, Opened, comparison


def sealed_accuracies(history: History) -> dict[int, float]:
    """Of each experiment that was asked one: its accuracy on the last set, 0 to 1."""
    found: dict[int, float] = {}
    for opened, compared in history.sealed.answered:
        figures = comparison(compared.levels)
        found[opened.baseline] = figures.baseline
        found[opened.candidate] = figures.candidate
    return found


def sealed_dict(history: History, opened: Opened, compared: Compared) -> dict[str, Any]:
    """One set: what `thinker seal --json` prints."""
    figures = comparison(compared.levels) if compared.levels else None
    found: dict[str, Any] = {
        "set": opened.number,
        "opened_before": opened.number - 1,
        "candidate": opened.candidate,
        "baseline": opened.baseline,
        "seeds": list(opened.seeds),
        "problems": opened.problems,
        "why": opened.why,
        "reason": compared.reason,
        "sandbox": compared.sandbox,
        "problems_sha256": compared.problems,
        "solve_s": compared.solve_s,
        "accuracy": None,
        "levels": [{"name": level.name, "joint": list(level.joint)} for level in compared.levels],
    }
    if figures:
        found["accuracy"] = {"candidate": figures.candidate, "baseline": figures.baseline}
        found["difference"] = figures.difference
        found["interval"] = [figures.low, figures.high]
        found["validation"] = _validation(history, opened)
        found["optimism"] = _optimism(history, opened, figures)
    return found


def _validation(history: History, opened: Opened) -> dict[str, Any]:
    """What validation believes, and what the very trials that were asked read there."""
    beliefs, noise = beliefs_of(history)
    found: dict[str, Any] = {"noise_sd": noise.sd}
    for name in ("candidate", "baseline"):
        number = getattr(opened, name)
        posterior = beliefs.get(number)
        found[name] = {
            "posterior": posterior.accuracy if posterior else None,
            "posterior_sd": posterior.accuracy_sd if posterior else None,
            "reading": _reading(history, number, opened.seeds),
        }
        if name == "candidate" and posterior:  # its edits' together, from the baseline on
            base = beliefs.get(opened.baseline)
            found["difference"] = posterior.accuracy - base.accuracy if base else None
    return found


def _reading(history: History, number: int, seeds: tuple[int, ...]) -> float | None:
    found: list[Outcome] = [
        o for o in history.records[number].outcomes if o.seed in seeds and o.status == "ok"
    ]
    return sum(o.accuracy for o in found) / len(found) if found else None


def _optimism(history: History, opened: Opened, figures: Comparison) -> dict[str, Any]:
    """Validation less sealed, of the candidate: by the posterior, and by the same checkpoints."""
    candidate = _validation(history, opened)["candidate"]
    return {
        key: None if candidate[key] is None else candidate[key] - figures.candidate
        for key in ("posterior", "reading")
    }


def sealed_lines(history: History, opened: Opened, compared: Compared) -> list[str]:
    """The same for a person."""
    head = f"sealed set {opened.number}"
    if not compared.levels:
        return [f"{head} was opened for {opened.why} and said nothing: {compared.reason}"]
    found = sealed_dict(history, opened, compared)
    figures, validation = comparison(compared.levels), found["validation"]
    count = len(opened.seeds)
    lines = [
        f"{head}: experiment {opened.candidate} {figures.candidate:.4f}, baseline"
        f" {figures.baseline:.4f}, difference of these checkpoints {figures.difference:+z.4f} (95%"
        f" over {opened.problems} new problems a level: {figures.low:+z.4f} to"
        f" {figures.high:+z.4f}; {count} trial{'s' if count > 1 else ''} of each)"
    ]
    candidate = validation["candidate"]
    if candidate["posterior"] is not None and validation["difference"] is not None:
        gap = found["optimism"]
        same = "" if gap["reading"] is None else f" ({gap['reading']:+z.4f} by the same trials)"
        lines.append(
            f"believed before: {candidate['posterior']:.4f} ± {candidate['posterior_sd']:.4f}, a"
            f" gain of {validation['difference']:+z.4f}; that is {_side(gap['posterior'])}"
            f" by {abs(gap['posterior']):.4f}{same}, where another training moves either by some"
            f" {validation['noise_sd']:.4f}"
        )
    before = opened.number - 1
    lines.append(
        "no set was opened before it, so nothing was chosen by one"
        if not before
        else f"{before} {'was' if before == 1 else 'were'} opened before: what was chosen by those"
        " makes this one less than fresh"
    )
    return lines


def _side(optimism: float) -> str:
    return "optimistic" if optimism >= 0 else "pessimistic"


def board_lines(history: History) -> list[str]:
    """What the board says of sealed sets, the last one in full."""
    if history.revealed:
        closed = ["closed: the secret is in the ledger, and anyone can ask the problems again"]
    else:
        closed = []
    sets = history.sealed
    if not sets.compared or history.settings.rehearse:  # what is invented proves nothing
        return closed
    return sealed_lines(history, sets.opened[len(sets.compared) - 1], sets.compared[-1]) + closed
