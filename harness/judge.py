"""Which trials are wanted, the verdicts once none are, and what repeats say of a verdict: pure.

An experiment is kept when the posterior mean of its gain over the incumbent is above zero, or when
it is about equal and clearly simpler. A keep is provisional until repeats confirm or withdraw it.
docs/JUDGE.md explains the rules; `harness.belief` computes, `harness.adoption` decides.
"""

import random
from collections.abc import Sequence

from harness import adoption, belief
from harness.believed import beliefs_of, is_twin, noun, readings_of
from harness.contention import is_contended, is_slowed, wants_repeat
from harness.experiment import (
    BASELINE,
    Decision,
    Outcome,
    Reviewed,
    Trial,
    Verdict,
)
from harness.figures import probability
from harness.history import History, Record
from harness.noise import Noise

LOST_MOST = 3  # trials of one experiment that the machine may lose before it counts as a crash
SEEDS = 32  # drawn for a campaign; more than an experiment ever has trials
SLOWED = "other work slowed every trial of it: what they read is too low to tell"
FAILED = ("crash", "timeout", "out_of_memory", "no_checkpoint", "lost")


# ---------------------------------------------------------------------------
# Trials
# ---------------------------------------------------------------------------


def trials_wanted(history: History, running: Sequence[Trial] = ()) -> list[Trial]:
    """Trials of experiments without a verdict: the baseline's, then the others', oldest first."""
    wanted = []
    for number in history.open:
        record = history.records[number]
        if record.experiment.refused or _has_failed(record):
            continue
        first = seeds(history)[: _trials_for_verdict(history, record)]
        wanted += [Trial(number, seed) for seed in first if seed not in record.seeds]
        if number == BASELINE:  # what comes after it needs something to be compared with
            break
    return [trial for trial in wanted if trial not in running]


def repeat_wanted(history: History, running: Sequence[Trial] = ()) -> Trial | None:
    """One more trial of what could be adopted, where it may change that most; None for enough.

    In the closing the incumbent and the baseline come first, since what a person reads is the
    distance between them; then the largest gains that are not confirmed yet.
    """
    busy = {trial.experiment for trial in running}
    candidates = [
        number
        for number in history.line()
        if number not in busy and len(history.records[number].seeds) < adoption.MOST_TRIALS
    ]
    if not candidates:
        return None
    found, _ = beliefs_of(history)
    known = {n: (found[n], len(history.records[n].seeds)) for n in candidates if n in found}
    order = adoption.repeats(known)
    if history.closing:
        order = adoption.repeats(known, value=adoption.value_of_confirming)
        ends = [n for n in (history.line()[0], BASELINE) if n in candidates]
        order = [n for n in ends if len(history.records[n].seeds) < adoption.LEAST_TRIALS] + order
    order += sorted(candidates, key=lambda n: len(history.records[n].seeds))
    used = history.records[order[0]].seeds
    return Trial(order[0], next(seed for seed in seeds(history) if seed not in used))


def seeds(history: History) -> list[int]:
    """The seeds of trials, the same for every experiment: its first trial has the first of them."""
    assert history.started
    drawn = random.Random(f"{history.started.campaign}:seeds")
    return drawn.sample(range(1, 2**31), SEEDS)


def _trials_for_verdict(history: History, record: Record) -> int:
    is_baseline = record.experiment.id == BASELINE
    settings = history.settings
    again = any(map(wants_repeat, record.outcomes))  # once
    failed = len(_failures(record)) if is_baseline else 0
    return (settings.baseline_seeds if is_baseline else settings.seeds) + again + failed


def _has_failed(record: Record) -> bool:
    """One trial that failed is enough, two of the baseline, on which the campaign stands; those
    that the machine lost may be repeated."""
    lost = sum(outcome.status == "lost" for outcome in record.outcomes)
    most = 2 if record.experiment.id == BASELINE else 1
    return lost >= LOST_MOST or len(_failures(record)) >= most


def _failures(record: Record) -> list[Outcome]:
    """A time-out on a contended machine is none."""
    return [
        outcome
        for outcome in record.outcomes
        if outcome.status not in ("ok", "lost")
        and not (outcome.status == "timeout" and is_contended(outcome))
    ]


# ---------------------------------------------------------------------------
# Verdicts
# ---------------------------------------------------------------------------


def verdicts(history: History, running: Sequence[Trial] = ()) -> list[Verdict]:
    """The verdict on the oldest open experiment that no trial is missing of, if there is one."""
    busy = {trial.experiment for trial in running}
    for number in history.open:
        record = history.records[number]
        if number not in busy and not _is_waiting(history, record):
            return [_verdict(history, record)]  # it may change what the next is compared with
        if number == BASELINE:
            break
    return []


def _is_waiting(history: History, record: Record) -> bool:
    if record.experiment.refused or _has_failed(record):
        return False
    return len(record.seeds) < _trials_for_verdict(history, record)


def _verdict(history: History, record: Record) -> Verdict:
    number, refused = record.experiment.id, record.experiment.refused
    incumbent = history.incumbent if history.incumbent is not None else number
    bar = history.accuracy_of(incumbent) if incumbent != number else None
    readings = readings_of(record)
    accuracy = sum(readings) / len(readings) if readings else None
    if refused:
        broken: Decision = "crash" if record.experiment.broken else "discard"
        return Verdict(number, broken, refused, None, incumbent, bar)
    if _has_failed(record) or accuracy is None:
        failed = next((o for o in record.outcomes if o.status not in ("ok", "lost")), None)
        decision, said = _failure(failed or record.outcomes[-1])
        return Verdict(number, decision, said, accuracy, incumbent, bar)
    found, noise = beliefs_of(history, number)
    posterior, known = found[number], noun(found[number])
    if number == BASELINE:
        return Verdict(number, "keep", "the baseline", accuracy, incumbent, None, known)
    bar = found[incumbent].accuracy
    if is_twin(history, record):
        return _verdict_on_twin(history, record, accuracy, bar)
    if pinned := _pinned(record):
        return Verdict(number, "discard", pinned, accuracy, incumbent, bar, known)
    is_simpler = False
    if record.experiment.parent == incumbent:
        is_kept, reason = adoption.is_gain(posterior), _words(posterior.effect, posterior, noise)
        if not is_kept:
            nodes = record.experiment.nodes
            parent_nodes = history.records[incumbent].experiment.nodes
            is_simpler = adoption.is_simpler(
                posterior, noise.sd, nodes=nodes, parent_nodes=parent_nodes, debt=_debt(history)
            )
            if is_simpler:
                reason = f"about equal ({reason}) and {1 - nodes / parent_nodes:.0%} simpler"
    else:  # the incumbent moved, and this could not be merged onto it
        gain = posterior.accuracy - bar
        is_kept, reason = gain > 0, _words(gain, posterior, noise)
    if is_kept or is_simpler:
        return Verdict(number, "keep", reason, accuracy, incumbent, bar, known, is_simpler)
    if is_slowed(record):
        return Verdict(number, "discard", SLOWED, accuracy, incumbent, bar)  # and not believed
    return Verdict(number, "discard", reason, accuracy, incumbent, bar, known)


def _verdict_on_twin(
    history: History, record: Record, accuracy: float | None, bar: float
) -> Verdict:
    """Kept where it is simpler by as much as counts."""
    number, parent = record.experiment.id, record.experiment.parent
    incumbent = history.incumbent if history.incumbent is not None else parent
    nodes, before = record.experiment.nodes, history.records[parent].experiment.nodes
    is_simpler = parent == incumbent and nodes <= (1 - adoption.SIMPLER) * before
    reason = f"it trains the very same weights as experiment {parent}"
    reason += f", and is {1 - nodes / before:.0%} simpler" if is_simpler else ": it changes nothing"
    decision: Decision = "keep" if is_simpler else "discard"
    return Verdict(number, decision, reason, accuracy, incumbent, bar, None, is_simpler)


def _words(gain: float, posterior: belief.Posterior, noise: Noise) -> str:
    return (
        f"{gain:+z.4f} ± {posterior.effect_sd:.4f}, "
        f"P(real) {probability(posterior.p_real)}, noise {noise.sd:.4f}"
    )


def _debt(history: History) -> float:
    """What keeps for simplicity on the line cost since the last confirmed keep, in accuracy."""
    found, _ = beliefs_of(history)
    keeps = []
    for number in reversed(history.line()):
        record = history.records[number]
        is_simpler = record.verdict is not None and record.verdict.simpler
        if record.standing == "confirmed" or is_simpler:
            keeps.append((found[number], record.standing or "provisional"))
    return adoption.debt_of(keeps)


def _failure(outcome: Outcome) -> tuple[Decision, str]:
    said = f"{outcome.status.replace('_', ' ')}: {outcome.reason}"
    return ("crash" if outcome.status in FAILED else "discard"), said


# ---------------------------------------------------------------------------
# Reviews
# ---------------------------------------------------------------------------


def reviews(history: History) -> list[Reviewed]:
    """What an experiment counts as now, of one that it is another than the ledger says, if any is.

    First one that has another trial. Then any keep on which the trials of others, its parent's
    above all, throw another light: each event changes one standing, until all are what is believed.
    """
    if history.unreviewed:
        return [_review(history, history.records[next(iter(history.unreviewed))])]
    found: dict[int, belief.Posterior] = {}
    for number in history.judged:
        record = history.records[number]
        if record.standing is None or len(readings_of(record)) < adoption.LEAST_TRIALS:
            continue
        found = found or beliefs_of(history)[0]
        if number in found and not _pinned(record):
            review = _review(history, record)
            if review.standing != record.standing:
                return [review]
    return []


def is_due(history: History, running: Sequence[Trial]) -> bool:
    """There is a verdict or a review to be made."""
    return bool(verdicts(history, running) or reviews(history))


def _review(history: History, record: Record) -> Reviewed:
    number, trials, before = record.experiment.id, len(record.seeds), record.standing
    if not readings_of(record):
        return Reviewed(number, before, "no trial was ok", None, trials)
    found, noise = beliefs_of(history)
    if number not in found:
        return Reviewed(number, before, "nothing is believed of it", None, trials)
    posterior = found[number]
    if before is None:
        return Reviewed(number, None, "another trial", noun(posterior), trials)
    if pinned := _pinned(record):
        return Reviewed(number, "withdrawn", pinned, noun(posterior), trials)
    is_simpler = record.verdict is not None and record.verdict.simpler
    standing_of = adoption.standing_of_simpler if is_simpler else adoption.standing
    standing = standing_of(posterior, len(readings_of(record)), before)
    if before == "withdrawn" and number not in history.line():
        # To return is to be built on again, in the incumbent's place.
        assert history.incumbent is not None
        is_best = posterior.accuracy > found[history.incumbent].accuracy
        standing = standing if is_best else "withdrawn"
    return Reviewed(
        number, standing, _words(posterior.effect, posterior, noise), noun(posterior), trials
    )


def _pinned(record: Record) -> str:
    """Trials of different seeds that trained the very same weights: the seed is not used."""
    digests = [o.checkpoint for o in record.outcomes if o.status == "ok" and o.checkpoint]
    if len(digests) > len(set(digests)):
        return "its weights are the same whatever the seed: use the seed that it is given"
    return ""
