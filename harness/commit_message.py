"""An experiment as a commit message: its hypothesis, and its figures as trailers that git reads."""

import re

from harness.experiment import Experiment, Outcome, Verdict
from harness.plain import plain

WIDTH = 72  # columns of a line, as git's own tools expect
CLAUSES = (r"[;.] | \(", ": ", ", ")  # where a thought ends, the best places first


def title_of(told: str) -> str:
    """What there is room for in a commit's first line: up to the end of a clause, else of a
    word."""
    if len(told) <= WIDTH:
        return told
    short = told[: WIDTH - 3]
    for clause in CLAUSES:
        ends = [found.start() for found in re.finditer(clause, short) if found.start() > WIDTH // 3]
        if ends:
            return f"{short[: ends[-1]]}..."
    return f"{short.rsplit(' ', 1)[0]}..."


def message(
    experiment: Experiment,
    verdict: Verdict | None = None,
    outcomes: tuple[Outcome, ...] = (),
    machine: str = "",
) -> str:
    """The commit message: the hypothesis, and the figures as trailers once they are known."""
    told = plain(experiment.hypothesis) or "no hypothesis"
    trailers = {
        "Experiment": str(experiment.id),
        "Parent": str(experiment.parent),
        "Kind": experiment.kind,
        "Researcher": experiment.researcher,
    }
    if experiment.expected is not None:
        trailers["Expected"] = f"{experiment.expected:+z.4f}"
    if verdict:
        trailers["Verdict"] = verdict.decision
        trailers["Reason"] = verdict.reason
        if verdict.accuracy is not None:
            trailers["Accuracy"] = f"{verdict.accuracy:.4f}"
        if posterior := verdict.posterior:
            figure = f"{posterior.accuracy:.4f} sd {posterior.accuracy_sd:.4f}"
            trailers["Posterior"] = figure
            if experiment.id:
                effect = f"{posterior.effect:+z.4f} sd {posterior.effect_sd:.4f}"
                trailers["Effect"] = f"{effect}, P(real) {posterior.p_real:.2f}"
        if verdict.incumbent_accuracy is not None:
            trailers["Incumbent"] = f"{verdict.incumbent}, {verdict.incumbent_accuracy:.4f}"
        trailers["Seeds"] = " ".join(str(outcome.seed) for outcome in outcomes)
        trailers["Status"] = " ".join(outcome.status for outcome in outcomes)
        trailers["Hardware"] = machine
    lines = [f"{key}: {plain(value)}" for key, value in trailers.items() if value]
    title = title_of(told)
    body = [] if title == told else [told, ""]
    return "\n".join([title, "", *body, *lines]) + "\n"
