"""Leave-one-out trials of a kept line: what was left out, what was tried, and what they add up to.

A study is of one incumbent. Its variants are the incumbent's train.py without some kept edits, and
the incumbent itself, all trained with the same seeds. Studies change no verdict and no posterior.
"""

from dataclasses import dataclass, field, replace

from harness.outcome import Outcome

WHOLE = 0  # the variant that leaves nothing out; the baseline's number, which nobody leaves out


@dataclass(frozen=True, slots=True)
class Variant:
    """The incumbent's train.py without the edits of some experiments, as a commit.

    `number` is its name within the study: the first experiment that is left out, 0 where none is.
    The one without all passengers is numbered from the incumbent's number on.
    """

    number: int
    without: tuple[int, ...]
    commit: str


@dataclass(frozen=True, slots=True)
class Ablating:
    """Variants of this incumbent are about to be tried."""

    incumbent: int
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Ablated:
    """A trial of a variant; its outcome's `experiment` is the variant's number."""

    incumbent: int
    outcome: Outcome


class NoSuchVariant(ValueError):
    """An event of a study that does not fit those before it."""


@dataclass(frozen=True, slots=True)
class Study:
    """All variants of one incumbent so far, and their trials in the order in which they ended."""

    incumbent: int
    variants: tuple[Variant, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def of(self, number: int) -> tuple[Outcome, ...]:
        return tuple(o for o in self.outcomes if o.experiment == number)

    def seeds_of(self, number: int) -> tuple[int, ...]:
        """Those of trials that need no repetition."""
        return tuple(o.seed for o in self.of(number) if o.status != "lost")


@dataclass(frozen=True, slots=True)
class Ablations:
    """The studies of a campaign, by incumbent; the last one begun comes last."""

    studies: dict[int, Study] = field(default_factory=dict)

    def after(self, event: Ablating | Ablated) -> "Ablations":
        """Raises NoSuchVariant."""
        number = event.incumbent
        study = self.studies.get(number)
        if isinstance(event, Ablating):
            study = study or Study(number)
            known = {variant.number for variant in study.variants}
            for variant in event.variants:
                if variant.number in known:
                    raise NoSuchVariant(f"variant {variant.number} of experiment {number} twice")
                known.add(variant.number)
            study = replace(study, variants=(*study.variants, *event.variants))
        else:
            outcome = event.outcome
            if study is None or all(v.number != outcome.experiment for v in study.variants):
                raise NoSuchVariant(f"variant {outcome.experiment} of experiment {number} is none")
            if outcome.seed in study.seeds_of(outcome.experiment):
                raise NoSuchVariant(
                    f"variant {outcome.experiment} of experiment {number} twice with {outcome.seed}"
                )
            study = replace(study, outcomes=(*study.outcomes, outcome))
        rest = {n: s for n, s in self.studies.items() if n != number}
        return Ablations(rest | {number: study})
