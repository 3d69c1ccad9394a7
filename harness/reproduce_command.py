"""`thinker reproduce`: train an experiment again from its commit, and say whether its figures hold.

What can be compared without a training is compared first, and where it disagrees nothing is
trained: the ledger's figures are not what they were.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from harness import campaign as campaigns
from harness import cross_check
from harness.contention import MARK, flags_of
from harness.errors import Broken, Interrupted, Misuse
from harness.experiment import BASELINE, Gpu, Outcome, Trial
from harness.history import History, Record
from harness.paint import columns_if_terminal, fit_lines, say, tell
from harness.plain import plain
from harness.provenance import package_digest, torch_version, version
from harness.reading import Found, refuse_beside
from harness.repo import Repo
from harness.reproducing import Found as Answered
from harness.reproducing import differences, judge, prediction_of
from harness.sandbox import Place
from harness.seal_command import refuse_rehearsed, secret_of, whole
from harness.state import PACKAGE, home


def reproduce(tag: str | None, number: int, seed: int | None, as_json: bool) -> int:
    """0 yes, 1 no. Raises Misuse, Broken, Interrupted."""
    from harness.score import hide

    found = whole(tag)
    refuse_rehearsed(found)
    refuse_beside(Path.cwd())
    history = found.history
    if number not in history.records:
        raise Misuse(f"there is no experiment {number}; they go from 0 to {history.next_id - 1}")
    record = history.records[number]
    right = [outcome for outcome in record.outcomes if outcome.status == "ok"]
    if record.verdict is None or not right:
        raise Misuse(f"experiment {number} has no accuracy that could be reproduced")
    chosen = right[0].seed if seed is None else seed
    told = next((o for o in record.outcomes if o.seed == chosen), None)
    hide()
    secret, repo = secret_of(history), Repo(Path.cwd(), found.tag)
    try:
        disagreeing = cross_check.disagreements(found, record, repo, secret)
        source = repo.source(record.commit)
    except repo.failure as error:
        raise Broken(
            f"git does not have the commit of experiment {number} ({record.commit[:12]}); fetch"
            f" {repo.refs}/* from where the campaign ran"
        ) from error
    if disagreeing:
        reason = "the records disagree, so that nothing was trained; the ledger as git has it: "
        reason += f"git show {repo.refs}/ledger"
        answered = Answered("no", reason, tuple(disagreeing), ())
    else:
        answered = _train(found, record, chosen, told, source, secret)
    _tell(found, number, chosen, answered, as_json)
    return 0 if answered.answer == "yes" else 1


def _train(
    found: Found, record: Record, seed: int, told: Outcome | None, source: str, secret: str
) -> Answered:
    from harness.executor.local import places_of_slots
    from harness.session import sandbox_of
    from harness.trial import Order, memory_for_each, run_trial

    history, number = found.history, record.experiment.id
    settings, slots = history.settings, history.slots
    prediction = prediction_of(history, number)
    if prediction is None:
        raise Misuse(f"nothing is believed of experiment {number} that could be compared with")
    gpus = _gpus(history)
    places = places_of_slots(sandbox_of(settings, False), slots, gpus, memory_for_each(slots))
    slot = told.slot if told and told.slot < len(places) else 0
    place = places[slot]
    results = found.path.parent / "reproduced" / f"{number:04d}" / str(seed)
    steps = f" or {settings.max_steps} steps" if settings.max_steps is not None else ""
    tell(
        f"training experiment {number} of {found.tag} with seed {seed} for {settings.budget_s:g} s"
        f"{steps} ({place.sandbox.level}), then scoring; it leaves {results}"
    )
    home().mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="reproduce-", dir=home()) as folder:
        order = Order(
            Trial(number, seed),
            source,
            settings,
            results,
            Path(folder) / f"{number:04d}-{seed}",
            secret,
            place,
            slot,
        )
        try:
            again = run_trial(order, Event())
        except Interrupted:
            raise Interrupted("; nothing was answered") from None
    if again.status == "lost":
        raise Broken(f"no answer, since the machine lost the trial: {again.reason}; repeat it")
    flags = flags_of(history, again)
    by_others = [flag for flag in flags if flag.startswith(MARK)]  # and not by its own account
    unlike = _circumstances(history, told, place, gpus)
    return judge(
        prediction,
        told,
        again,
        [*unlike, *(flag for flag in flags if flag not in by_others)],
        device=settings.device,
        contended=by_others,
    )


def _circumstances(
    history: History, told: Outcome | None, place: Place, gpus: Sequence[Gpu]
) -> list[str]:
    """What is not as it was recorded."""
    from harness.gpu import driver

    assert history.started
    started = history.started
    package = f" ({started.package[:12]})" if started.package else ""
    ours = f" ({package_digest(PACKAGE)[:12]})" if started.package else ""
    then = {"harness": started.version + package, "machine": started.machine}
    if told:
        then |= {"torch": told.torch, "gpu": told.gpu, "driver": told.driver}
        then |= {"sandbox": told.sandbox}
    now = {
        "harness": version() + ours,
        "machine": campaigns.machine(tuple(gpus)),
        "torch": torch_version(),
        "gpu": place.gpu.name if place.gpu else "",
        "driver": driver() if place.gpu else "",
        "sandbox": place.sandbox.level,
    }
    return differences(then, now)


def _gpus(history: History) -> tuple[Gpu, ...]:
    """The campaign's where they are here, else what is. Raises Misuse where there is none."""
    from harness.gpu import detect

    if history.settings.device != "cuda":
        return ()
    assert history.started
    here = {gpu.uuid: gpu for gpu in detect().gpus}
    if not here:
        raise Misuse("the campaign ran on a GPU, and torch finds none here")
    same = tuple(here[gpu.uuid] for gpu in history.started.gpus if gpu.uuid in here)
    return same or tuple(here.values())


def _tell(found: Found, number: int, seed: int, answered: Answered, as_json: bool) -> None:
    if as_json:
        head = {"tag": found.tag, "experiment": number, "seed": seed}
        print(json.dumps(head | answered.as_dict(), indent=2, allow_nan=False))
        return
    told = [
        f"experiment {number} of {found.tag}, seed {seed}: {answered.answer}, {answered.reason}"
    ]
    told += [f"disagrees: {said}" for said in answered.disagreements]
    if prediction := answered.prediction:
        told.append(
            f"predicted {prediction.accuracy:.4f} ± {prediction.accuracy_sd:.4f}, a trial's noise"
            f" {prediction.noise_sd:.4f}"
        )
        told += without_its_edit(found, number, answered)
    told += beside_its_trial(found, number, seed, answered)
    told += [f"differs: {said}" for said in answered.differences]
    say(fit_lines(map(plain, told), columns_if_terminal()))


def without_its_edit(found: Found, number: int, answered: Answered) -> list[str]:
    """What a yes does not tell: that the parent would have got it, too."""
    parent = found.history.records[number].experiment.parent
    before = prediction_of(found.history, parent)
    if number == BASELINE or answered.answer != "yes" or not before or not answered.prediction:
        return []
    low, high = answered.prediction.interval
    if not low <= before.accuracy <= high:
        return []
    return [
        f"its parent, {parent}, is believed at {before.accuracy:.4f}, within that, too: this yes"
        " does not tell the edit from none"
    ]


def beside_its_trial(found: Found, number: int, seed: int, answered: Answered) -> list[str]:
    """What the ledger's trial with this seed read, and whether these are its weights; nothing where
    nothing was read."""
    if answered.reading is None:
        return []
    outcomes = found.history.records[number].outcomes
    told = [
        f"the ledger's trial with this seed read {outcome.accuracy:.4f}"
        for outcome in outcomes
        if outcome.seed == seed and outcome.status == "ok"
    ]
    if answered.is_identical:
        told.append("the weights are bit for bit those of the ledger's trial")
    elif answered.is_identical is not None:
        is_timed = found.history.settings.max_steps is None
        why = ", as is usual where the clock ends a training" if is_timed else ""
        told.append(f"the weights are not those of the ledger's trial{why}")
    return told
