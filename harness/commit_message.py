"""An experiment as a commit message: its hypothesis, and its figures as trailers that git reads."""

from harness.experiment import Experiment, Outcome, Verdict
from harness.plain import plain


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
    title = told if len(told) <= 72 else told[:69].rsplit(" ", 1)[0] + "..."
    body = [] if title == told else [told, ""]
    return "\n".join([title, "", *body, *lines]) + "\n"
