"""A leave-one-out study as a table, and what follows from it."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.ablation import WHOLE, Study
from harness.ablation_effects import Effect, found_of
from harness.ablation_words import conclusions, listed
from harness.believed import posteriors
from harness.experiment import Posterior
from harness.figures import change, probability, share
from harness.history import History
from harness.plain import plain

MOST_READ = 5  # trials of the whole that are told one by one


def ablation_table(history: History, tag: str, study: Study) -> RenderableType:
    """For a terminal of 80 columns or more."""
    found = found_of(history, study)
    count = max((len(effect.seeds) for effect in found.singles), default=0)
    head = f"experiment {found.incumbent} of {tag}, and without each of its keeps"
    if found.accuracy is not None:
        trials = f"{len(found.seeds)} trial{'s' if len(found.seeds) > 1 else ''}"
        is_even = all(len(effect.seeds) == len(found.seeds) for effect in found.singles)
        trials += " of each" if is_even else ", not yet as many of each"
        read = [share(o.accuracy) for o in study.of(WHOLE) if o.status == "ok"]
        one_by_one = f" ({', '.join(read)})" if 1 < len(read) <= MOST_READ else ""
        noise = f"a trial's noise {share(found.noise_sd)}"
        head += f"\nwhole {share(found.accuracy)}{one_by_one}, {trials}, {noise}"
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
            Text(listed(effect.variant.without, number), style="magenta" if is_out else ""),
            *_figures(effect, beliefs.get(number)),
            Text(plain(record.experiment.hypothesis)),
        )
    if found.together:
        names = listed(found.together.variant.without)
        said = Text("all passengers at once", style="dim")
        table.add_row(Text(names), *_figures(found.together, None), said)
    parts: list[RenderableType] = [Text(head), table, *map(Text, conclusions(found, tag, count))]
    return Group(*parts)


def _figures(effect: Effect, posterior: Posterior | None) -> tuple[Text, ...]:
    real = Text(probability(posterior.p_real) if posterior else "")
    if effect.failure:
        return Text(plain(effect.failure.partition(":")[0]), style="red"), Text(), Text(), real
    if effect.accuracy is None or effect.effect is None or effect.p_helps is None:
        return Text("not yet", style="dim"), Text(), Text(), real
    adds = "nothing" if effect.is_twin else change(effect.effect, effect.effect_sd)
    style = "magenta" if effect.is_idle else ""
    helps = Text(probability(effect.p_helps), style=style)
    return Text(share(effect.accuracy)), Text(adds), helps, real
