"""`thinker run`: begin a campaign or take one up again, from the copy of the harness it began with.

The first process finds out what is to be done and becomes a second one, which runs from the copy in
the campaign's state folder; that one holds the ledger and does the work.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import FrameType

from harness import campaign as campaigns
from harness.campaign import Found, Wanted
from harness.commits import Base
from harness.errors import Misuse
from harness.experiment import Resumed, Settings, Stopped
from harness.history import History
from harness.ledger import Ledger
from harness.live import View, plan
from harness.loop import Inbox, Loop, Signal
from harness.preflight import Flight, preflight
from harness.repo import Repo
from harness.researcher import make as make_researcher
from harness.sandbox import Place, Sandbox, choose
from harness.score import hide
from harness.state import State, module_command, remove
from harness.survivors import end_survivors

INSIDE = "--inside"  # hidden: the campaign whose copy this process runs from


def run(wanted: Wanted, inside: str | None, rehearse: bool, arguments: Sequence[str]) -> int:
    """Raises Misuse and all that is said to the person as misuse."""
    if sys.platform == "win32":
        raise Misuse("thinker run needs Linux or macOS; on Windows run it inside WSL2")
    project = Path.cwd()
    texts = campaigns.read_person_files(project)
    found = campaigns.find(project, wanted, texts)
    if inside is None:
        return become_copy(project, wanted, found, texts, arguments)
    state = State(inside)
    state.check()
    hide()
    tag = found.tag if found else wanted.tag
    assert tag is not None, "the first process names the tag"
    path = campaigns.ledger_of(project, tag)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Ledger(path) as ledger:
        return in_copy(project, wanted, tag, state, ledger, texts, rehearse)


def become_copy(
    project: Path,
    wanted: Wanted,
    found: Found | None,
    texts: dict[str, str],
    arguments: Sequence[str],
) -> int:
    """Check what can be checked at once, then run the campaign's own copy in place of this."""
    if found:
        assert found.history.started
        campaign, tag = found.history.started.campaign, found.tag
        state = State(campaign)
        state.check()
        campaigns.check_same(found.history.settings, wanted, tag)
        _check_sandbox(found.history.settings, wanted, tag)
    else:
        make_researcher(wanted.researcher or campaigns.RESEARCHER)
        tag = wanted.tag or campaigns.new_tag(project)
        if campaigns.is_used(project, tag) and not _is_begun(project, tag):
            raise Misuse(f"--tag {tag} is in use already; choose another")
        Repo(project, tag).head()
        campaigns.deadline_of(wanted.hours, wanted.until)
        if wanted.sandbox != "none":
            choose()
        campaign = campaigns.new_campaign()
        state = State(campaign)
        state.create(texts)
    words = [word for word in arguments if word != "run"]
    if wanted.tag is None:
        words += ["--tag", tag]
    command = module_command("harness", state.package_home)
    sys.stderr.flush()
    os.execv(command[0], [*command, "run", *words, INSIDE, campaign])


def in_copy(
    project: Path,
    wanted: Wanted,
    tag: str,
    state: State,
    ledger: Ledger,
    texts: dict[str, str],
    rehearse: bool,
) -> int:
    repo = Repo(project, tag)
    history = History.of(ledger.entries)
    resumed = history.started is not None
    if not resumed:
        settings = first_settings(wanted, rehearse)
        event = campaigns.started(tag, state.folder.name, settings, repo.head(), texts)
        history = history.after(ledger.append(event))
    else:
        total = wanted.experiments if wanted.experiments is not None else history.total
        slots = wanted.slots or history.slots
        history = history.after(ledger.append(Resumed(total, slots)))
    settings = replace(history.settings, slots=history.slots)
    sandbox = _sandbox_of(settings, rehearse)
    end_survivors(state)
    remove(state.scratch)
    state.scratch.mkdir()
    text = plan(tag, settings, sandbox.detail, resumed=resumed, ends=ends(history))
    print(text, file=sys.stderr, flush=True)
    return work(project, repo, ledger, history, settings, sandbox, state, rehearse)


def work(
    project: Path,
    repo: Repo,
    ledger: Ledger,
    history: History,
    settings: Settings,
    sandbox: Sandbox,
    state: State,
    rehearse: bool,
) -> int:
    from harness.executor.local import Local, harness_cores_and_rest
    from harness.executor.rehearsal import Rehearsal
    from harness.trial import memory_for_each

    inbox: Inbox = Inbox()
    halt = Event()
    results = ledger.path.parent
    executor = (
        Rehearsal(settings.slots, inbox.put)
        if rehearse
        else Local(settings, sandbox, state, results, inbox.put)
    )
    cores = tuple(harness_cores_and_rest()[0]) if sys.platform == "linux" else ()

    def try_out(source: str) -> Flight:
        if rehearse:
            return Flight("unproven", "a rehearsal")
        scratch = state.scratch / "preflight"
        memory_mb = memory_for_each(settings.slots + 1)
        return preflight(source, settings, scratch, Place(sandbox, cores), halt, memory_mb)

    assert history.started
    base = Base(
        history.started.head,
        state.read("train.py"),
        state.read("program.md"),
        history.started_at,
    )
    with View(executor.running) as view:
        answer_signals(inbox, view)
        loop = Loop(
            ledger=ledger,
            history=history,
            repo=repo,
            base=base,
            researcher=make_researcher(settings.researcher),
            executor=executor,
            inbox=inbox,
            try_out=try_out,
            deadline=campaigns.monotonic_deadline(history),
            show=view.show,
            halt=halt,
        )
        stopped = loop.run()
    return farewell(loop.history, stopped)


def farewell(history: History, stopped: Stopped) -> int:
    from harness.leaderboard import summary

    assert history.started
    tag = history.started.tag
    with contextlib.suppress(OSError):
        print(f"ended: {stopped.reason}. {summary(history)}", file=sys.stderr)
        more = "" if stopped.is_finished else f"; thinker run --tag {tag} goes on"
        print(f"thinker board {tag} shows it{more}", file=sys.stderr, flush=True)
    if not stopped.is_finished:
        return 130
    return 1 if stopped.reason.startswith("the baseline") else 0


def first_settings(wanted: Wanted, rehearse: bool) -> Settings:
    from harness.executor.local import default_slots

    device = wanted.device or "auto"
    if device == "auto" and not rehearse:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    device = "cpu" if device == "auto" else device
    asked = wanted.sandbox or "auto"
    level = "none" if rehearse or asked == "none" else choose().level
    slots = wanted.slots or default_slots(device)
    return campaigns.new_settings(wanted, device=device, sandbox=level, slots=slots)


def ends(history: History) -> str:
    parts = []
    if history.total is not None:
        parts.append(f"after {history.total} experiments ({history.proposals} done)")
    if history.settings.deadline:
        parts.append(f"at {history.settings.deadline}")
    return " or ".join(parts) or "when the researcher has nothing more to propose"


def answer_signals(inbox: Inbox, view: View) -> None:
    """Ctrl-C once: let what runs end; twice, or SIGTERM: end it now. A closed terminal: go on."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        inbox.put(Signal(at_once=number == signal.SIGTERM))

    def hang_up(number: int, frame: FrameType | None) -> None:
        view.detach()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, hang_up)


def _sandbox_of(settings: Settings, rehearse: bool) -> Sandbox:
    """The level of the campaign, which must work still. Raises Misuse."""
    if rehearse:
        return Sandbox("none", "none needed: a rehearsal trains nothing")
    if settings.sandbox == "none":
        return choose("none")
    found = choose()
    if found.level != settings.sandbox:
        raise Misuse(
            f"the campaign's trials run in {settings.sandbox}, and here only {found.level} works;"
            " mend that, or begin another campaign with --tag"
        )
    return found


def _check_sandbox(settings: Settings, wanted: Wanted, tag: str) -> None:
    asked = {"none": "none", "require": None, "auto": None}.get(wanted.sandbox or "auto")
    is_none = settings.sandbox == "none"
    if (asked == "none") != is_none and wanted.sandbox is not None:
        raise Misuse(
            f"the campaign {tag} runs with the sandbox {settings.sandbox}, and --sandbox"
            f" {wanted.sandbox} was asked for; leave it out to resume, or begin another with --tag"
        )


def _is_begun(project: Path, tag: str) -> bool:
    """A folder with an empty ledger: killed before the first line."""
    path = campaigns.ledger_of(project, tag)
    return path.is_file() and path.stat().st_size == 0
