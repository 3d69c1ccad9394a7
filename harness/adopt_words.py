"""What an adoption did, or would do, in words and as JSON."""

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from harness import campaign as campaigns
from harness.ablation_words import passengers
from harness.adopting import Branch, Plan, still_there
from harness.adoption import P_WITHDRAWN
from harness.believed import posteriors
from harness.checkout import Checkout, hooks_not_run
from harness.experiment import BASELINE
from harness.figures import probability
from harness.kept_line import Line
from harness.plain import plain
from harness.reading import Found


@dataclass(frozen=True, slots=True)
class Adoption:
    """All that is known of one. `commits` are those that were made, none of a dry run; `out` the
    experiments that were to be left out."""

    found: Found
    checkout: Checkout
    line: Line
    branch: Branch
    plan: Plan
    out: frozenset[int]
    commits: tuple[str, ...]
    is_dry: bool
    is_squashed: bool

    def as_dict(self) -> dict[str, Any]:
        history, steps = self.found.history, self.plan.steps
        beliefs = posteriors(history)
        keeps = []
        for place, step in enumerate(steps):
            record, belief = history.records[step.number], beliefs.get(step.number)
            made = self.commits[min(place, len(self.commits) - 1)] if self.commits else None
            figures = {
                name: getattr(belief, name) if belief else None
                for name in ("effect", "effect_sd", "p_real")
            }
            keeps.append(
                {
                    "experiment": step.number,
                    "commit": made,
                    "hypothesis": record.experiment.hypothesis,
                    "standing": record.standing,
                    **figures,
                    "trained": step.is_trained,
                }
            )
        return {
            "tag": self.found.tag,
            "experiment": self.line.numbers[-1],
            "branch": self.branch.name,
            "before": self.checkout.tip,
            "after": self.commits[-1] if self.commits else self.checkout.tip,
            "dry_run": self.is_dry,
            "squash": self.is_squashed,
            "keeps": keeps,
            "present": list(self.plan.present),
            "without": sorted(self.out),
            "merged": self.plan.is_merged and bool(steps),
            "provisional": self.provisional,
            "passengers": self.passengers,
            "notes": self.notes(),
        }

    @property
    def numbers(self) -> list[int]:
        return [step.number for step in self.plan.steps]

    @property
    def provisional(self) -> list[int]:
        records = self.found.history.records
        return [n for n in self.numbers if records[n].standing == "provisional"]

    @property
    def passengers(self) -> list[int]:
        """By a study of the experiment up to which was adopted."""
        idle = passengers(self.found.history, self.line.numbers[-1])
        return [n for n in idle if n in self.numbers]

    def notes(self) -> list[str]:
        """What a person must know to believe what was adopted."""
        notes = self._together()
        if said := still_there(self.branch, self.out):
            notes.append(said)
        beliefs = posteriors(self.found.history)
        doubtful = [n for n in self.provisional if n in beliefs and beliefs[n].p_real < P_WITHDRAWN]
        if doubtful:
            said = ", ".join(f"{n} (P(real) {probability(beliefs[n].p_real)})" for n in doubtful)
            way = self._way_without(self.line.standing_on({*doubtful, *self.out}))
            ask = f"thinker ablate trains without them, {way}"
            notes.append(f"more likely nothing than a gain: {said}; {ask}")
        if campaigns.is_unfinished(self.found.history):
            notes.append(f"{self.found.tag} is unfinished: later trials may change these figures")
        if self.provisional:
            numbers = ", ".join(map(str, self.provisional))
            notes.append(f"provisional, so perhaps luck: {numbers}")
        if self.passengers:
            numbers = ", ".join(map(str, self.passengers))
            way = self._way_without({*self.passengers, *self.out})
            notes.append(f"passengers by ablation: {numbers}; {way}")
        if self.commits and (hooks := hooks_not_run(self.checkout.repo)):
            notes.append(f"not run: {', '.join(hooks)}; git commit --amend --no-edit runs them")
        return notes

    def _way_without(self, out: Collection[int]) -> str:
        if set(self.line.numbers) <= {BASELINE, *out}:
            return "and they are all of it: there may be nothing worth adopting"
        return f"--without {_comma(set(out))} leaves them behind"

    def _together(self) -> list[str]:
        """What no trial has read, and why."""
        steps, name = self.plan.steps, self.branch.name
        if not steps or steps[-1].is_trained:
            return []
        if not self.plan.is_merged:
            return ["no trial has read what is left"]
        said = [
            f"train.py on {name} was not what the campaign had: the edits were merged with it,"
            " without a conflict, and no trial has read what came out"
        ]
        if self._began_uncommitted():
            said.append(
                "the campaign began with changes to train.py that were not committed, and"
                f" {name} does not have them: they are not adopted"
            )
        return said

    def _began_uncommitted(self) -> bool:
        repo, started = self.checkout.repo, self.found.history.started
        assert started
        try:
            at_head = repo.source(started.head)
        except repo.failure:
            return False
        return self.line.texts[0] != at_head == self.checkout.text

    def words(self) -> list[str]:
        """For a person."""
        tag, name = self.found.tag, self.branch.name
        before, present = self.checkout.tip[:9], ", ".join(map(str, self.plan.present))
        if not self.plan.steps:
            said = f"nothing to adopt: {name} has what {tag} kept ({present}); nothing was changed"
            return [said, *self.notes()]
        count = len(self.plan.steps)
        what = f"{count} keep{'s' if count > 1 else ''} of {tag}"
        how = "as one commit" if self.is_squashed or count == 1 else "a commit each"
        if self.is_dry:
            lines = [f"would adopt {what} onto {name} ({before}), {how}:"]
        else:
            lines = [f"adopted {what} onto {name} ({before} → {self.commits[-1][:9]}), {how}:"]
        for keep in self.as_dict()["keeps"]:
            parts = [] if self.is_squashed or not keep["commit"] else [keep["commit"][:9]]
            parts.append(keep["standing"])
            if keep["effect"] is not None:
                parts.append(f"{keep['effect']:+z.4f} ± {keep['effect_sd']:.4f}")
                parts.append(f"P(real) {probability(keep['p_real'])}")
            lines.append(f"{keep['experiment']:5}  {'  '.join(parts)}")
            lines.append(f"{'':7}{_cut(plain(keep['hypothesis']))}")
        if self.plan.present:
            lines.append(f"there already: {present}")
        if out := set(self.out) - set(self.plan.present):
            lines.append(f"left out: {', '.join(map(str, sorted(out)))}")
        lines += self.notes()
        if not self.is_dry:
            lines.append(f"git reset --keep {before} undoes it")
        return lines


def _comma(numbers: set[int] | frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def _cut(text: str) -> str:
    most = max(20, shutil.get_terminal_size().columns - 8)
    return text if len(text) <= most else text[: most - 1] + "…"
