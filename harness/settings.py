"""What the command line asks of a campaign, defaults filled in, and what may not change later."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.errors import Misuse
from harness.experiment import Settings
from harness.money import Model
from harness.pricing import price_of
from harness.researcher.access import CAP_USD, EFFORT, MODEL, has_key

MODEL_RESEARCHERS = ("claude", "mixed")  # those that a language model works in
HOURS = 8.0  # where no limit is given
BASELINE_SEEDS = 2  # everything is compared with it, and they tell how large the noise is
SAME_END_S = 60.0  # between naming the end and the ledger's first line it looked for a sandbox
MOST_SEEDS = 16  # of each experiment: more would leave no trials for others
RESERVE = 10.0  # per cent of the trials that are repeats at the end


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for; None: as recorded, else the default."""

    tag: str | None
    hours: float | None
    until: str | None
    experiments: int | None
    budget_s: float | None
    max_steps: int | None
    slots: int | None
    seeds: int | None
    problems: int | None
    researcher: tuple[str, ...] | None
    sandbox: str | None
    device: str | None
    based_on: str | None  # TAG[:ID] of a kept experiment to start from
    tasks: str | None
    reserve: float | None  # per cent of the trials that are repeats at the end
    model: str | None = None
    effort: str | None = None
    max_usd: float | None = None
    price: str | None = None  # IN/OUT
    rehearse: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Who proposes: as named, else claude where there is a key for it."""
        return self.researcher or (("claude",) if has_key() else ("offline",))


def new_settings(wanted: Wanted, *, device: str, sandbox: str, slots: int) -> Settings:
    """The defaults filled in. Raises Misuse."""
    budget_s = wanted.budget_s or 900.0
    has_limit = wanted.experiments or wanted.hours or wanted.until
    hours = wanted.hours if has_limit else HOURS
    deadline = deadline_of(hours, wanted.until)
    if wanted.max_steps is None:
        when = f"until {wanted.until}" if wanted.until else f"within {hours or 0:g} hours"
        _check_fits(deadline, budget_s, when)
    if wanted.seeds and wanted.seeds > MOST_SEEDS:
        raise Misuse(f"--seeds {wanted.seeds}: {MOST_SEEDS} at most; give fewer")
    model = model_of(wanted)
    return Settings(
        budget_s=budget_s,
        max_steps=wanted.max_steps,
        problems=wanted.problems or (500 if budget_s >= 300 else 100),
        seeds=wanted.seeds or 1,
        baseline_seeds=wanted.seeds or BASELINE_SEEDS,
        tasks=None if wanted.tasks in (None, "all") else wanted.tasks,
        reserve=(RESERVE if wanted.reserve is None else wanted.reserve) / 100,
        slots=slots,
        device=device,
        preset="cpu" if device == "cpu" else "gpu",
        sandbox=sandbox,
        researcher=wanted.words,
        experiments=wanted.experiments,
        deadline=deadline,
        model=model,
        max_usd=_cap(wanted, model),
        rehearse=wanted.rehearse,
    )


def _check_fits(deadline: str | None, budget_s: float, when: str) -> None:
    """Raises Misuse where not even one training would end in time."""
    if deadline is None:
        return
    left = datetime.fromisoformat(deadline) - datetime.now(UTC)
    if left.total_seconds() + 2 < budget_s:  # the deadline has whole seconds
        raise Misuse(f"no training of {budget_s:g} s ends {when}; give a smaller --budget-s")


def model_of(wanted: Wanted) -> Model | None:
    """The language model that is asked, None where none is. Raises Misuse."""
    asked = (wanted.model, wanted.effort, wanted.max_usd, wanted.price)
    if wanted.words[0] not in MODEL_RESEARCHERS:
        if any(value is not None for value in asked):
            raise Misuse(
                "--model, --effort, --max-usd and --price are for --researcher claude and mixed,"
                f" and here {wanted.words[0]} proposes; leave them out, or name another researcher"
            )
        return None
    name, price = wanted.model or MODEL, wanted.price or ""
    price_of(name, price)
    effort = "" if price else EFFORT  # a server of one's own may not know the word
    return Model(name, wanted.effort or effort, price)


def _cap(wanted: Wanted, model: Model | None) -> float | None:
    """Dollars. A model that costs something never runs without one."""
    if model is None or (wanted.max_usd is None and price_of(model.name, model.price).is_free):
        return None
    return CAP_USD if wanted.max_usd is None else wanted.max_usd


def deadline_of(hours: float | None, until: str | None) -> str | None:
    """UTC, ISO 8601. Raises Misuse for a time that is none."""
    if until is not None:
        return next_at(until, datetime.now()).isoformat(timespec="seconds")
    if hours is None:
        return None
    try:
        return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")
    except OverflowError as error:
        raise Misuse(f"--hours {hours:g}: no calendar goes so far; give fewer") from error


def next_at(until: str, now: datetime) -> datetime:
    """The next time, in UTC, at which a clock on the wall shows that; `now` is what it shows now.
    It may be changed in between. Raises Misuse."""
    hour, minute = _clock(until)
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    moment += timedelta(days=moment <= now)
    return moment.astimezone(UTC)


def _clock(until: str) -> tuple[int, int]:
    """Hour and minute. Raises Misuse for a time that is none."""
    try:
        found = datetime.strptime(until, "%H:%M")
    except ValueError as error:
        raise Misuse(f"--until {until}: it takes a time of day such as 07:30") from error
    return found.hour, found.minute


def trial_words(settings: Settings) -> str:
    """What each trial is: its budget, tasks and seeds."""
    steps = f", at most {settings.max_steps} steps" if settings.max_steps is not None else ""
    tasks = f" on {settings.tasks}" if settings.tasks else ""
    seeds = f"{settings.seeds} seed{'s' if settings.seeds > 1 else ''}"
    return (
        f"{settings.budget_s:g} s each{tasks}{steps}, {seeds}, scored on {settings.problems}"
        " problems a level"
    )


def local_time(moment: str) -> str:
    """07:30, with the date where that is not today's or the next."""
    local = datetime.fromisoformat(moment).astimezone()
    days = (local.date() - datetime.now().astimezone().date()).days
    return f"{local:%H:%M}" if days in (0, 1) else f"{local:%Y-%m-%d %H:%M}"


def check_same(settings: Settings, began: str, wanted: Wanted, tag: str) -> None:
    """What a resumed campaign may not change; `began`: when, UTC. Raises Misuse, naming it."""
    _check_end(settings.deadline, began, wanted, tag)
    if wanted.rehearse != settings.rehearse:
        what = "a rehearsal" if settings.rehearse else "no rehearsal"
        raise Misuse(f"the campaign {tag} is {what}; begin another one with another --tag")
    model = settings.model or Model("none", "none", "none")
    reserve = wanted.reserve
    if reserve is not None and reserve / 100 == settings.reserve:
        reserve = None  # the same, and 100 times that need not be
    asked: dict[str, Any] = {
        "--budget-s": (wanted.budget_s, settings.budget_s),
        "--max-steps": (wanted.max_steps, settings.max_steps),
        "--problems": (wanted.problems, settings.problems),
        "--seeds": (wanted.seeds, settings.seeds),
        "--tasks": (wanted.tasks, settings.tasks or "all"),
        "--reserve": (reserve, 100 * settings.reserve),
        "--device": (None if wanted.device == "auto" else wanted.device, settings.device),
        "--researcher": (wanted.researcher, settings.researcher),
        "--model": (wanted.model, model.name),
        "--effort": (wanted.effort, model.effort),
        "--price": (wanted.price, model.price),
    }
    if wanted.max_usd is not None and not settings.model:
        raise Misuse(f"the campaign {tag} asks no language model; leave --max-usd out")
    for flag, (now, then) in asked.items():
        if now is not None and now != then:
            raise Misuse(
                f"the campaign {tag} runs with {flag} {_said(then)}, and {flag} {_said(now)} was"
                " asked for; leave it out to resume, or begin another campaign with --tag"
            )


def _check_end(deadline: str | None, began: str, wanted: Wanted, tag: str) -> None:
    """The end is fixed at the first start; the words that it was given by may be said again."""
    if wanted.hours is None and wanted.until is None:
        return
    asked = f"--until {wanted.until}" if wanted.until else f"--hours {wanted.hours:g}"
    if deadline is None:
        raise Misuse(
            f"the campaign {tag} began without a time to end at, and {asked} was asked for; leave"
            " it out to resume, and end it with --experiments N or thinker stop"
        )
    end = datetime.fromisoformat(deadline)
    if wanted.until:
        local = end.astimezone()
        is_same = _clock(wanted.until) == (local.hour, local.minute)
    else:
        took = (end - datetime.fromisoformat(began)).total_seconds()
        is_same = abs(took - 3600 * (wanted.hours or 0)) < SAME_END_S
    if not is_same:
        raise Misuse(
            f"the campaign {tag} ends at {local_time(deadline)}, as fixed when it began, and"
            f" {asked} was asked for; leave it out to resume, or begin another campaign with --from"
            f" {tag} --tag NEW"
        )


def _said(value: Any) -> str:
    """As it would be typed."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return " ".join(value) if isinstance(value, tuple) else str(value)
