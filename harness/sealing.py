"""Opening a sealed set and asking it: of which trials, when a campaign does so, and the counting.

Both experiments are asked the same problems, one trained checkpoint after the other, each in the
sandbox and within the limits of a validation pass. There are no controls: those of the trials, on
the validation problems, are what made the figures count in the first place.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from harness import score
from harness.experiment import BASELINE, Outcome, Settings, Trial
from harness.history import History
from harness.sandbox import Place
from harness.sealed import PROBLEMS, Compared, Opened, PairedLevel, seed_of
from harness.trial import Lost, ask_scorer, trial_folder

AT_THE_END = "the end of the campaign"
BY_HAND = "thinker seal"

IsStored = Callable[[Trial], bool]


class NothingToAsk(Exception):
    """There is no pair of checkpoints to compare; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What asking takes. `results` is the campaign's folder; `scratch` is deleted."""

    settings: Settings
    secret: str
    results: Path
    place: Place
    scratch: Path


def opening(history: History, is_stored: IsStored, why: str, *, most: int | None = None) -> Opened:
    """The next set to open, for incumbent and baseline, with at most so many trials of each.

    The last trials are taken first: an experiment was chosen by its first. Raises NothingToAsk.
    """
    candidate = history.incumbent
    if candidate is None or candidate == BASELINE:
        raise NothingToAsk("nothing was kept but the baseline: there is nothing to compare it with")
    both = (candidate, BASELINE)
    right = [[o.seed for o in history.records[n].outcomes if o.status == "ok"] for n in both]
    shared = [seed for seed in right[1] if seed in right[0]]
    if not shared:
        raise NothingToAsk(f"experiments {candidate} and {BASELINE} have no ok trial of one seed")
    seeds = [seed for seed in shared if all(is_stored(Trial(n, seed)) for n in both)]
    if not seeds:
        assert history.started
        seed, tag = shared[-1], history.started.tag
        gone = next(n for n in both if not is_stored(Trial(n, seed)))
        raise NothingToAsk(
            f"the checkpoint of experiment {gone} with seed {seed} is not in results/{tag} any"
            f" more; `thinker reproduce {gone} --tag {tag} --seed {seed}` trains it again, and its"
            f" folder can then be copied to results/{tag}/experiments/{gone:04d}/{seed}"
        )
    chosen = seeds[-most:] if most else seeds
    number = len(history.sealed.opened) + 1
    return Opened(number, candidate, BASELINE, tuple(chosen), PROBLEMS, why)


def due(history: History, is_stored: IsStored, left_s: float | None) -> Opened | None:
    """What a campaign asks by itself at its end, once for each incumbent, where time allows.

    A set that a kill cut short is asked again, as it was opened.
    """
    if not history.closing or not history.settings.reserve:
        return None
    if pending := history.sealed.pending:
        return pending if left_s is None or left_s > pair_s(history) * len(pending.seeds) else None
    if any(opened.candidate == history.incumbent for opened in history.sealed.opened):
        return None
    most = None if left_s is None else int(max(0.0, left_s) / pair_s(history))
    if most == 0:
        return None
    try:
        return opening(history, is_stored, AT_THE_END, most=most)
    except NothingToAsk:
        return None


def pair_s(history: History) -> float:
    """Seconds that asking two checkpoints is expected to take, above 0; by the controls, which
    are not asked, that is more than it takes."""
    outcomes: list[Outcome] = [o for r in history.records.values() for o in r.outcomes]
    took = [o.score_s for o in outcomes if o.status == "ok"]
    times = max(1.0, PROBLEMS / history.settings.problems)
    return max(0.001, 2 * times * statistics.median(took)) if took else 0.001


def ask(opened: Opened, asking: Asking, stop: Event) -> Compared:
    """What the set says; a failure is in its reason. Raises trial.Lost once `stop` is set."""
    settings, level = asking.settings, asking.place.sandbox.level
    rights: dict[Trial, Mapping[str, str]] = {}
    digest, solve_s = "", 0.0
    for seed in opened.seeds:
        for number in (opened.candidate, opened.baseline):
            trial = Trial(number, seed)
            job = score.Job(
                str(trial_folder(asking.results, trial)),
                seed_of(asking.secret, opened.number),
                opened.problems,
                "sealed",
                settings.device,
                level,
                settings.tasks,
                asking.place.memory_mb,
            )
            asking.scratch.mkdir(parents=True, exist_ok=True)
            try:
                found = ask_scorer(job, asking.place, asking.scratch, stop=stop)
            except Lost as lost:
                if stop.is_set():
                    raise
                found = {"status": "lost", "reason": str(lost)}
            if found["status"] != "ok":
                said = f"experiment {number}, seed {seed}: {found['status']}: {found['reason']}"
                return Compared(opened.number, (), said[:600], digest, level, solve_s)
            rights[trial], digest = found["right"], found["problems_sha256"]
            solve_s += found["seconds"] or 0.0
    return Compared(opened.number, paired(opened, rights), "", digest, level, round(solve_s, 3))


def paired(opened: Opened, rights: Mapping[Trial, Mapping[str, str]]) -> tuple[PairedLevel, ...]:
    """From what each trial had right: for each level, a 1 or a 0 for each problem."""
    names = list(next(iter(rights.values())))
    return tuple(
        PairedLevel(
            name,
            joint_of(
                [rights[Trial(opened.candidate, seed)][name] for seed in opened.seeds],
                [rights[Trial(opened.baseline, seed)][name] for seed in opened.seeds],
            ),
        )
        for name in names
    )


def joint_of(candidate: Sequence[str], baseline: Sequence[str]) -> tuple[int, ...]:
    """Counts of problems by how many trials of each had them right, row by row."""
    width = len(candidate) + 1
    joint = [0] * width**2
    columns = zip(zip(*candidate, strict=True), zip(*baseline, strict=True), strict=True)
    for first, second in columns:
        joint[first.count("1") * width + second.count("1")] += 1
    return tuple(joint)
