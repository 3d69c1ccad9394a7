"""What leaving each keep out of the incumbent said, ready for the page."""

from dataclasses import dataclass

from harness.ablation_effects import Effect, found_of
from harness.ablation_words import conclusions, listed
from harness.figures import probability
from harness.history import History
from harness.report.figures import figure
from harness.report.text import line


@dataclass(frozen=True, slots=True)
class Without:
    """The incumbent without a keep, and without those that stand on it; `words` where there is no
    figure, or a figure is not all."""

    numbers: str
    number: int
    accuracy: str
    adds: str
    helps: str
    words: str
    is_passenger: bool


@dataclass(frozen=True, slots=True)
class Ablated:
    incumbent: int
    accuracy: str
    trials: int
    rows: tuple[Without, ...]
    conclusions: tuple[str, ...]


def ablated(history: History) -> Ablated | None:
    """The incumbent's study; None where there is none."""
    assert history.started
    study = history.ablations.studies.get(history.incumbent or 0)
    if study is None:
        return None
    found = found_of(history, study)
    count = max((len(effect.seeds) for effect in found.singles), default=0)
    return Ablated(
        found.incumbent,
        figure(found.accuracy),
        len(found.seeds),
        tuple(_without(effect, found.passengers) for effect in found.singles),
        tuple(line(said) for said in conclusions(found, history.started.tag, count)),
    )


def _without(effect: Effect, passengers: tuple[int, ...]) -> Without:
    number, out = effect.variant.number, listed(effect.variant.without, effect.variant.number)
    is_passenger = number in passengers
    if effect.failure:
        return Without(out, number, "", "", "", line(effect.failure), is_passenger)
    if effect.accuracy is None or effect.effect is None or effect.p_helps is None:
        return Without(out, number, "", "", "", "not measured yet", is_passenger)
    if effect.is_twin:
        said = "the very same weights without it"
        return Without(out, number, figure(effect.accuracy), "0", "", said, is_passenger)
    return Without(
        out,
        number,
        figure(effect.accuracy),
        figure(effect.effect, effect.effect_sd, "+"),
        probability(effect.p_helps),
        "",
        is_passenger,
    )
