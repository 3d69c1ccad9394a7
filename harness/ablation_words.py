"""What a leave-one-out study says: in JSON, in a line for one keep, and what to do about it."""

from typing import Any

from harness.ablation import Study
from harness.ablation_effects import Effect, Found, found_of
from harness.adoption import LEAST_TRIALS, P_WITHDRAWN
from harness.believed import posteriors
from harness.figures import change, probability
from harness.history import History
from harness.plain import plain


def ablation_words(history: History, number: int) -> str:
    """Of a keep, what the last study with it said, in a line; empty where there is none."""
    for study in reversed(history.ablations.studies.values()):
        found = found_of(history, study)
        for effect in found.singles:
            if effect.variant.number == number:
                return f"{_words(effect)}, in experiment {study.incumbent}"
    return ""


def passengers(history: History, incumbent: int) -> tuple[int, ...]:
    """Of an incumbent: those that its study names."""
    study = history.ablations.studies.get(incumbent)
    return found_of(history, study).passengers if study else ()


def _words(effect: Effect) -> str:
    others = [n for n in effect.variant.without if n != effect.variant.number]
    beside = f" (together with {listed(others)}, on top of it)" if others else ""
    if effect.failure:
        return f"without it{beside}: {plain(effect.failure)}"
    if effect.effect is None or effect.p_helps is None:
        return f"not measured yet{beside}"
    if effect.is_twin:
        return f"it changes nothing{beside}: the very same weights without it"
    figures = f"{change(effect.effect, effect.effect_sd)}, P(helps) {probability(effect.p_helps)}"
    idle = ", a passenger" if effect.is_idle and not others else ""
    return f"{figures}{idle}{beside}"


def ablation_dict(history: History, tag: str, study: Study, *, is_complete: bool) -> dict[str, Any]:
    """What `thinker ablate --json` prints."""
    found = found_of(history, study)
    return {
        "tag": tag,
        "incumbent": found.incumbent,
        "is_complete": is_complete,
        "seeds": list(found.seeds),
        "accuracy": found.accuracy,
        "noise_sd": found.noise_sd,
        "keeps": [_dict(history, effect) for effect in found.singles],
        "passengers": list(found.passengers),
        "together": _dict(history, found.together) if found.together else None,
        "without": list(found.passengers) if found.is_droppable else [],
    }


def _dict(history: History, effect: Effect) -> dict[str, Any]:
    record = history.records.get(effect.variant.number)
    posterior = posteriors(history).get(effect.variant.number)
    return {
        "experiment": effect.variant.number if record else None,
        "without": list(effect.variant.without),
        "commit": effect.variant.commit,
        "seeds": list(effect.seeds),
        "accuracy": effect.accuracy,
        "effect": effect.effect,
        "effect_sd": effect.effect_sd,
        "p_helps": effect.p_helps,
        "same_weights": effect.is_twin,
        "failure": effect.failure,
        "p_real": posterior.p_real if posterior else None,
        "standing": record.standing if record else None,
    }


HOW_TO_READ = (
    "±: what a difference on the same seeds scatters by; seeds may differ by more. P(helps) also"
    " knows that half of all keeps do not help"
)


def conclusions(found: Found, tag: str, trials: int) -> list[str]:
    lines = [HOW_TO_READ] if found.singles else []
    for effect in found.singles:
        others = [n for n in effect.variant.without if n != effect.variant.number]
        if others:
            number = effect.variant.number
            lines.append(f"{number} cannot be taken out alone: {listed(others)} stands on it")
    if trials and trials < LEAST_TRIALS:
        lines.append(
            "one trial of each names only what changes nothing at all;"
            f" thinker ablate {tag} --seeds {LEAST_TRIALS} goes on"
        )
    if not found.passengers:
        if trials >= LEAST_TRIALS:
            lines.append(f"no passengers: P(helps) is {P_WITHDRAWN} or more of all")
        return lines
    lines.append(f"passengers (P(helps) under {P_WITHDRAWN}): {listed(found.passengers)}")
    if found.is_all_idle:
        lines.append("that is all of the line: there is nothing to adopt")
    elif found.is_droppable:
        without = ",".join(map(str, found.passengers))
        lines.append(f"thinker adopt {found.incumbent} --tag {tag} --without {without}")
    elif found.together and found.together.failure:
        lines.append(f"all of them out at once: {plain(found.together.failure)}; leave out fewer")
    elif found.together and found.together.p_helps is not None:
        helps = probability(found.together.p_helps)
        lines.append(f"all of them at once do help (P {helps}): leave out fewer")
    return lines


def ablation_line(history: History) -> str:
    """What the study of the incumbent says by now, in a line; empty where there is none."""
    study = history.ablations.studies.get(history.incumbent or 0)
    if study is None or not study.outcomes or history.started is None:
        return ""
    found = found_of(history, study)
    again = f"thinker ablate {history.started.tag}"
    if any(len(effect.seeds) < LEAST_TRIALS for effect in found.singles):
        return f"not yet {LEAST_TRIALS} trials of each keep; {again} goes on"
    names = listed(found.passengers)
    said = f"passengers: {names}" if names else f"no passengers (P(helps) {P_WITHDRAWN} or more)"
    return f"{said}; {again} shows it"


def listed(numbers: tuple[int, ...] | list[int], first: int | None = None) -> str:
    ordered = sorted(numbers, key=lambda n: (n != first, n))
    return ", ".join(map(str, ordered))
