"""What a leave-one-out study says: its table, its JSON, and a line for one keep."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.ablation import Study
from harness.ablation_effects import Effect, Found, found_of
from harness.adoption import LEAST_TRIALS, P_WITHDRAWN
from harness.believed import posteriors
from harness.experiment import Posterior
from harness.history import History
from harness.plain import plain


def ablation_words(history: History, number: int) -> str:
    """Of a keep, what the last study with it said, in a line; empty where there is none."""
    for study in reversed(history.ablations.studies.values()):
        found = found_of(history, study)
        for effect in found.singles:
            if effect.variant.number == number:
                return f"{_words(effect)}, left out of experiment {study.incumbent}"
    return ""


def passengers(history: History, incumbent: int) -> tuple[int, ...]:
    """Of an incumbent: those that its study names."""
    study = history.ablations.studies.get(incumbent)
    return found_of(history, study).passengers if study else ()


def _words(effect: Effect) -> str:
    others = [n for n in effect.variant.without if n != effect.variant.number]
    beside = f" (together with {_list(others)}, on top of it)" if others else ""
    if effect.failure:
        return f"without it{beside}: {plain(effect.failure)}"
    if effect.effect is None or effect.p_helps is None:
        return f"not measured yet{beside}"
    if effect.is_twin:
        return f"it changes nothing{beside}: the very same weights without it"
    figures = f"{effect.effect:+.4f} ± {effect.effect_sd:.4f}, P(helps) {effect.p_helps:.2f}"
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


def ablation_table(history: History, tag: str, study: Study) -> RenderableType:
    """For a terminal of 80 columns or more."""
    found = found_of(history, study)
    count = max((len(effect.seeds) for effect in found.singles), default=0)
    head = f"experiment {found.incumbent} of {tag}, and without each of its keeps"
    if found.accuracy is not None:
        trials = f"{len(found.seeds)} trial{'s' if len(found.seeds) > 1 else ''}"
        head += (
            f"\nwhole {found.accuracy:.4f}, {trials} of each, a trial's noise {found.noise_sd:.4f}"
        )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column("without", no_wrap=True, justify="right")
    for name in ("accuracy", "what it adds", "P(helps)", "P(real)"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("hypothesis", ratio=1, no_wrap=True, overflow="ellipsis", min_width=1)
    beliefs = posteriors(history)
    for effect in found.singles:
        number = effect.variant.number
        record = history.records[number]
        is_out = number in found.passengers
        table.add_row(
            Text(_list(effect.variant.without, number), style="magenta" if is_out else ""),
            *_figures(effect, beliefs.get(number)),
            Text(plain(record.experiment.hypothesis)),
        )
    if found.together:
        names = _list(found.together.variant.without)
        said = Text("all passengers at once", style="dim")
        table.add_row(Text(names), *_figures(found.together, None), said)
    parts: list[RenderableType] = [Text(head), table, *map(Text, conclusions(found, tag, count))]
    return Group(*parts)


def _figures(effect: Effect, posterior: Posterior | None) -> tuple[Text, ...]:
    real = Text(f"{posterior.p_real:.2f}" if posterior else "")
    if effect.failure:
        return Text(plain(effect.failure.partition(":")[0]), style="red"), Text(), Text(), real
    if effect.accuracy is None or effect.effect is None or effect.p_helps is None:
        return Text("not yet", style="dim"), Text(), Text(), real
    adds = "nothing" if effect.is_twin else f"{effect.effect:+.4f} ± {effect.effect_sd:.4f}"
    style = "magenta" if effect.is_idle else ""
    helps = Text(f"{effect.p_helps:.2f}", style=style)
    return Text(f"{effect.accuracy:.4f}"), Text(adds), helps, real


def conclusions(found: Found, tag: str, trials: int) -> list[str]:
    lines = []
    for effect in found.singles:
        others = [n for n in effect.variant.without if n != effect.variant.number]
        if others:
            number = effect.variant.number
            lines.append(f"{number} cannot be taken out alone: {_list(others)} stands on it")
    if trials and trials < LEAST_TRIALS:
        lines.append(
            "one trial of each names only what changes nothing at all;"
            f" --seeds {LEAST_TRIALS} goes on"
        )
    if not found.passengers:
        if trials >= LEAST_TRIALS:
            lines.append(f"no passengers: P(helps) is {P_WITHDRAWN} or more of all")
        return lines
    lines.append(f"passengers (P(helps) under {P_WITHDRAWN}): {_list(found.passengers)}")
    if found.is_droppable:
        without = ",".join(map(str, found.passengers))
        lines.append(f"thinker adopt {found.incumbent} --tag {tag} --without {without}")
    elif found.together and found.together.failure:
        lines.append(f"all of them out at once: {plain(found.together.failure)}; leave out fewer")
    elif found.together and found.together.p_helps is not None:
        lines.append(
            f"all of them at once do help (P {found.together.p_helps:.2f}): leave out fewer"
        )
    return lines


def _list(numbers: tuple[int, ...] | list[int], first: int | None = None) -> str:
    ordered = sorted(numbers, key=lambda n: (n != first, n))
    return ", ".join(map(str, ordered))
