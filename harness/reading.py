"""Campaigns as they lie in results/, read without disturbing them."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import ledger as ledger_file
from harness.deadline import is_over
from harness.errors import Misuse
from harness.history import History
from harness.scene import State

if TYPE_CHECKING:
    from harness.status import Status

RESULTS = Path("results")


@dataclass(frozen=True, slots=True)
class Found:
    """A campaign that has begun: its tag, its ledger's path, its history."""

    tag: str
    path: Path
    history: History


def ledger_of(project: Path, tag: str) -> Path:
    return project / RESULTS / tag / "ledger.jsonl"


def stored_tags(project: Path) -> list[str]:
    """Of campaigns whose ledgers git holds, whether or not their folders are still there."""
    import subprocess

    command = ["git", "for-each-ref", "--format=%(refname)", "refs/autoresearch/"]
    listed = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    names = [name.split("/") for name in listed.stdout.splitlines()]
    return sorted({parts[2] for parts in names if len(parts) == 4 and parts[3] == "ledger"})


def ledgers(project: Path) -> list[Path]:
    """Those of all campaigns, the one that was begun last first, whatever was copied or touched
    since; rehearsals come after all others. One whose first line cannot be read is the oldest."""
    paths = (project / RESULTS).glob("*/ledger.jsonl")
    return sorted(paths, key=lambda path: (*_beginning(path), path.parent.name), reverse=True)


def read(tag: str | None) -> tuple[Found, str]:
    """The campaign, by default the newest, and what is wrong with its ledger. Raises Misuse."""
    project = Path.cwd()
    if tag is None:
        path = next(iter(ledgers(project)), None)
        if path is None:
            raise Misuse(
                f"there is no campaign in {project / RESULTS}; thinker run begins one,"
                " in the project's folder"
            )
    else:
        path = ledger_of(project, tag)
        if not path.is_file():
            from harness.campaign import restore

            restore(project, tag, path)
        if not path.is_file():
            tags = sorted(p.parent.name for p in ledgers(project))
            there = f"; there is {', '.join(tags)}" if tags else ""
            raise Misuse(f"there is no campaign {tag} in {project / RESULTS}{there}")
    return read_at(path)


def read_at(path: Path) -> tuple[Found, str]:
    """The same of the ledger at `path`. Raises Misuse where it has not begun."""
    try:
        entries, damage = ledger_file.read(path), ""
    except ledger_file.Damaged as damaged:
        entries, damage = damaged.readable, str(damaged)
    history = History.of(entries)
    if history.started is None:
        raise Misuse(damage or f"the campaign {path.parent.name} has not begun yet")
    return Found(path.parent.name, path, history), damage


def state_of(history: History, writer: int | None, status: "Status | None") -> tuple[State, str]:
    """How a campaign stands, and the words for it. `writer` is the process that writes its ledger,
    `status` what that tells of itself, or without one what the last one told before it was gone."""
    assert history.started
    again = f"thinker run --tag {history.started.tag} goes on"
    if history.revealed:
        return "closed", "closed"
    if writer is not None:
        if history.sealed.pending is not None:
            return "running", f"running; asking sealed set {history.sealed.pending.number}"
        if history.stopped:
            state: State = "finished" if history.is_finished else "stopped"
            end = f"{state}: {history.stopped.reason}"
            return state, f"{end}; at work on it still: ablate, seal, or its own end"
        if history.closing:
            return "running", f"running the closing repeats ({history.closing.reason})"
        return "running", "running" if status else "running, and does not tell what"
    if history.is_finished and history.stopped:
        return "finished", f"finished: {history.stopped.reason}"
    if is_over(history):
        why = f" ({history.stopped.reason})" if history.stopped else ""
        return "finished", f"finished: its time is over{why}"
    if history.stopped:
        return "stopped", f"unfinished: {history.stopped.reason}; {again}"
    cut = ", ".join(f"#{number}" for number in _cut_off(history, status))
    return "away", f"unfinished: {f'cut off amid {cut}' if cut else 'its process is gone'}; {again}"


def _cut_off(history: History, status: "Status | None") -> list[int]:
    """Experiments whose trial ended with the process; it runs again."""
    return sorted(
        trial.experiment
        for trial in (status.running if status else ())
        if (record := history.records.get(trial.experiment)) and trial.seed not in record.seeds
    )


def state_now(found: Found) -> tuple[State, str]:
    """The same of a campaign as it stands right now."""
    from harness.status import read_status

    writer = ledger_file.writer_of(found.path)
    state, words = state_of(found.history, writer, read_status(found.path.parent))
    return state, words if writer is None else f"{words} (process {writer})"


def at_work(project: Path) -> dict[str, int]:
    """Campaigns that are worked on right now, whose trials want the machine to themselves, each
    with the process that does."""
    paths = sorted((project / RESULTS).glob("*/ledger.jsonl"))
    found = {path.parent.name: ledger_file.writer_of(path) for path in paths}
    return {tag: pid for tag, pid in found.items() if pid is not None}


def refuse_beside(project: Path, tag: str = "") -> None:
    """Two trainings at a time would take each other's cores, and both read less. Raises Misuse
    where a campaign but `tag` is at work here."""
    for name, pid in at_work(project).items():
        if name != tag:
            raise Misuse(
                f"{name} is running (process {pid}) and would be held up; wait, or thinker stop"
                f" {name}"
            )


def check_folder(here: Path) -> None:
    """Raises Misuse in a folder within a project: its campaigns are not to be found there."""
    if (here / "train.py").exists():
        return
    for above in here.parents:
        if (above / "train.py").is_file() and (above / ".git").exists():
            raise Misuse(f"{here} is a folder within the project {above}; cd there, and repeat")


def _beginning(path: Path) -> tuple[bool, str]:
    """Of its first line: whether it trains, and the time as it is written: they sort as times."""
    with contextlib.suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        first = json.loads(file.readline(1_000_000))
        if isinstance(first, dict) and isinstance(first.get("time"), str):
            settings = first.get("settings")
            is_rehearsed = isinstance(settings, dict) and settings.get("rehearse") is True
            return not is_rehearsed, first["time"]
    return False, ""


def running(found: Found) -> tuple[int, ...]:
    """Experiments that have a trial on a slot right now, as the harness that runs them says."""
    from harness.status import read_status

    status = read_status(found.path.parent)
    if status is None or ledger_file.writer_of(found.path) != status.pid:
        return ()
    return tuple(trial.experiment for trial in status.running)
