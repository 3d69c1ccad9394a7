"""Beginning a campaign, or taking an unfinished one up again: what is written before the loop.

Nothing here trains. A campaign that is resumed must be the one that was begun: its budget, problems
and sandbox are the ledger's, and asking for others is refused.
"""

import os
import platform
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from harness import ledger as ledger_file
from harness.errors import Misuse
from harness.experiment import Settings, Started
from harness.history import Contradiction, History
from harness.repo import FILES, Repo, check_tag
from harness.state import State, sha256

RESEARCHER = ("offline",)  # where none is named
HOURS = 8.0  # where no limit is given
RESULTS = Path("results")


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


@dataclass(frozen=True, slots=True)
class Found:
    """A campaign that has begun: its tag, its ledger's path, its history."""

    tag: str
    path: Path
    history: History


def read_person_files(project: Path) -> dict[str, str]:
    """train.py and program.md as they are in the working tree. Raises Misuse."""
    texts = {}
    for name in FILES:
        path = project / name
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise Misuse(
                f"there is no {name} in {project}; run thinker in the project's folder"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise Misuse(f"{path} cannot be read ({error}); save it as UTF-8 text") from error
    return texts


def find(project: Path, wanted: Wanted, texts: Mapping[str, str]) -> Found | None:
    """The campaign to take up again, None to begin one. Raises Misuse, ledger.Damaged."""
    if wanted.tag is not None:
        if problem := check_tag(wanted.tag):
            raise Misuse(f"--tag {problem}")
        path = ledger_of(project, wanted.tag)
        restore(project, wanted.tag, path)
        found = read(path) if path.is_file() and path.stat().st_size else None
        if found is None:
            return None
        if found.history.is_finished or is_over(found.history):
            why = found.history.stopped.reason if found.history.stopped else "its deadline"
            raise Misuse(
                f"the campaign {wanted.tag} is finished ({why}); thinker board {wanted.tag} shows"
                " it, another --tag begins another"
            )
        return found
    for found in unfinished(project):
        started = found.history.started
        assert started
        changed = [
            name
            for name, digest in zip(
                FILES, (started.train_sha256, started.program_sha256), strict=True
            )
            if sha256(texts[name]) != digest
        ]
        if changed:
            raise Misuse(
                f"the unfinished campaign {found.tag} began with another {' and '.join(changed)};"
                f" --tag {found.tag} resumes it with what it began with, --tag NEW begins another"
            )
        return found
    return None


def unfinished(project: Path) -> list[Found]:
    """Newest first. A ledger that cannot be read is passed over."""
    found = []
    for path in (project / RESULTS).glob("*/ledger.jsonl"):
        try:
            campaign = read(path)
        except (ledger_file.Damaged, Contradiction, OSError):
            continue
        if campaign and not campaign.history.is_finished and not is_over(campaign.history):
            found.append(campaign)
    return sorted(found, key=lambda f: f.history.started_at, reverse=True)


def read(path: Path) -> Found | None:
    """None for a ledger without a first event. Raises ledger.Damaged, Contradiction."""
    history = History.of(ledger_file.read(path))
    return Found(path.parent.name, path, history) if history.started else None


def ledger_of(project: Path, tag: str) -> Path:
    return project / RESULTS / tag / "ledger.jsonl"


def restore(project: Path, tag: str, path: Path) -> None:
    """Put back a ledger that was wiped with results/, from its copy in git."""
    if path.exists():
        return
    stored = Repo(project, tag).stored_ledger()
    if stored is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name("ledger.tmp")
        unfinished.write_text(stored, encoding="utf-8", newline="")
        unfinished.rename(path)


def is_over(history: History) -> bool:
    deadline = history.settings.deadline
    return deadline is not None and seconds_left(deadline, history.last_at) <= 0


def seconds_left(deadline: str, last_event: str) -> float:
    """Until the deadline. A clock that was set back does not give time that has passed again."""
    now = max(datetime.now(UTC), datetime.fromisoformat(last_event))
    return (datetime.fromisoformat(deadline) - now).total_seconds()


def new_tag(project: Path) -> str:
    """The date, then date-2 and so on."""
    today = datetime.now().strftime("%Y%m%d")
    tags = [today, *(f"{today}-{n}" for n in range(2, 1000))]
    return next(t for t in tags if not is_used(project, t))


def is_used(project: Path, tag: str) -> bool:
    return (project / RESULTS / tag).exists() or Repo(project, tag).is_used()


def new_settings(wanted: Wanted, *, device: str, sandbox: str, slots: int) -> Settings:
    """The defaults filled in. Raises Misuse."""
    budget_s = wanted.budget_s or 900.0
    has_limit = wanted.experiments or wanted.hours or wanted.until
    hours = wanted.hours if has_limit else HOURS
    return Settings(
        budget_s=budget_s,
        max_steps=wanted.max_steps,
        problems=wanted.problems or (500 if budget_s >= 300 else 100),
        seeds=wanted.seeds or 1,
        slots=slots,
        device=device,
        preset="cpu" if device == "cpu" else "gpu",
        sandbox=sandbox,
        researcher=wanted.researcher or RESEARCHER,
        experiments=wanted.experiments,
        deadline=deadline_of(hours, wanted.until),
    )


def deadline_of(hours: float | None, until: str | None) -> str | None:
    """UTC, ISO 8601. Raises Misuse for a time that is none."""
    if until is not None:
        now = datetime.now().astimezone()
        try:
            clock = datetime.strptime(until, "%H:%M")
        except ValueError as error:
            raise Misuse(f"--until {until}: it takes a time of day such as 07:30") from error
        moment = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
        moment += timedelta(days=moment <= now)
        return moment.astimezone(UTC).isoformat(timespec="seconds")
    if hours is None:
        return None
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


def check_same(settings: Settings, wanted: Wanted, tag: str) -> None:
    """What a resumed campaign may not change. Raises Misuse, naming the difference."""
    asked: dict[str, Any] = {
        "--budget-s": (wanted.budget_s, settings.budget_s),
        "--max-steps": (wanted.max_steps, settings.max_steps),
        "--problems": (wanted.problems, settings.problems),
        "--seeds": (wanted.seeds, settings.seeds),
        "--device": (wanted.device, settings.device),
        "--researcher": (wanted.researcher, settings.researcher),
    }
    for flag, (now, then) in asked.items():
        if now is not None and now != then:
            shown = " ".join(then) if isinstance(then, tuple) else then
            raise Misuse(
                f"the campaign {tag} runs with {flag} {shown}, and {flag} {now} was asked for;"
                " leave it out to resume, or begin another campaign with --tag"
            )


def started(
    tag: str, campaign: str, settings: Settings, head: str, texts: Mapping[str, str]
) -> Started:
    secret = State(campaign).secret()
    return Started(
        tag,
        campaign,
        settings,
        head,
        sha256(texts["train.py"]),
        sha256(texts["program.md"]),
        sha256(secret),
        machine(),
        version(),
    )


def new_campaign() -> str:
    return str(uuid.uuid4())


def machine() -> str:
    """What figures of this campaign may be compared with: machine, cores, Python, torch."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = [
        platform.system(),
        platform.machine(),
        f"{cores} cores",
        f"Python {sys.version.split()[0]}",
    ]
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        found.append(f"torch {version_of('torch')}")
    except PackageNotFoundError:
        found.append("no torch")
    return ", ".join(found)


def version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of("thinker")
    except PackageNotFoundError:
        return "unknown"


def monotonic_deadline(history: History) -> float | None:
    deadline = history.settings.deadline
    if deadline is None:
        return None
    return time.monotonic() + seconds_left(deadline, history.last_at)
