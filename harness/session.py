"""One process's work at a campaign, from the copy of the harness that it began with.

It takes the ledger, says what it is going to do, and runs the loop until that ends.
"""

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Protocol, cast

from harness import campaign as campaigns
from harness.awake import awake
from harness.commits import Base
from harness.deadline import end_of
from harness.doing import Doing
from harness.errors import Broken, Misuse
from harness.executor import Note
from harness.experiment import Gpu, Resumed, Settings, Started
from harness.farewell import farewell
from harness.gpu import check_inside, detect
from harness.history import History
from harness.ledger import Ledger
from harness.listeners import Listeners
from harness.live import View, plan
from harness.loop import Loop
from harness.messages import Inbox, Signal
from harness.notify import Notifier, Teller, take_from_environment
from harness.origin import offer
from harness.preflight import Flight, preflight
from harness.published import published
from harness.reading import ledger_of
from harness.repo import Repo
from harness.researcher import Where
from harness.researcher import make as make_researcher
from harness.sandbox import Level, Place, Sandbox, choose, probe
from harness.score import hide
from harness.settings import Wanted, local_time, new_settings
from harness.stage import Stage
from harness.state import State
from harness.status import Publisher
from harness.survivors import end_survivors
from harness.untrusted import remove


@dataclass(frozen=True, slots=True)
class Session:
    """A campaign whose ledger this process holds."""

    project: Path
    state: State
    repo: Repo
    ledger: Ledger
    settings: Settings
    sandbox: Sandbox
    gpus: tuple[Gpu, ...]
    rehearse: bool
    tellers: tuple[Teller, ...]


def work_at(project: Path, wanted: Wanted, tag: str, campaign: str, rehearse: bool) -> int:
    """Begin the campaign or go on with it; the exit code. Raises Misuse, Broken, OSError."""
    state = State(campaign)
    state.check()
    hide()
    tellers = take_from_environment()
    path = ledger_of(project, tag)
    path.parent.mkdir(parents=True, exist_ok=True)
    repo = Repo(project, tag)
    with Ledger(path) as ledger, awake() as sleepy:
        history = History.of(ledger.entries)
        resumed = history.started is not None
        history = history.after(
            ledger.append(_resumed(history, wanted))
            if resumed
            else ledger.append(_started(project, wanted, repo, state, rehearse))
        )
        settings = replace(history.settings, slots=history.slots)
        session = Session(
            project,
            state,
            repo,
            ledger,
            settings,
            sandbox_of(settings, rehearse),
            gpus_of(history, rehearse),
            rehearse,
            tellers,
        )
        end_survivors(state)
        remove(state.scratch)
        state.scratch.mkdir()
        more = {
            "offer": "" if resumed else offer(project, tag, settings),
            "notify": ", ".join(teller.host for teller in tellers),
            "sleep": "" if rehearse else sleepy,
        }
        said = plan(history, session.sandbox.detail, more, resumed=resumed, ends=ends(history))
        print(said, file=sys.stderr, flush=True)
        try:
            return _work(session, history)
        except repo.failure as error:
            raise Broken(f"git failed: {' '.join(str(error).split())[:600]}") from error


def _started(project: Path, wanted: Wanted, repo: Repo, state: State, rehearse: bool) -> Started:
    settings, gpus = _first_settings(wanted, rehearse)
    texts = campaigns.read_person_files(project)
    return campaigns.started(
        repo.tag, state.folder.name, settings, repo.head(), texts, gpus, wanted.based_on or ""
    )


def _resumed(history: History, wanted: Wanted) -> Resumed:
    total = wanted.experiments if wanted.experiments is not None else history.total
    max_usd = history.max_usd if wanted.max_usd is None else wanted.max_usd
    return Resumed(total, wanted.slots or history.slots, max_usd)


def _work(session: Session, history: History) -> int:
    from harness.executor.local import Local, harness_cores_and_rest
    from harness.executor.rehearsal import Rehearsal
    from harness.trial import memory_for_each

    inbox: Inbox = Inbox()
    halt = Event()
    settings, state = session.settings, session.state
    results = session.ledger.path.parent
    executor: Rehearsal | Local
    if session.rehearse:
        executor = Rehearsal(settings.slots, inbox.put)
    else:
        executor = Local(settings, session.sandbox, state, results, session.gpus, inbox.put)
        for place in executor.places[: len(session.gpus)]:
            check_inside(place, state.scratch / "gpu-check")
    cores = tuple(harness_cores_and_rest()[0]) if sys.platform == "linux" else ()

    def try_out(source: str) -> Flight:
        if session.rehearse:
            return Flight("unproven", "a rehearsal")
        memory_mb = memory_for_each(settings.slots + 1)
        place = Place(session.sandbox, cores, memory_mb=memory_mb)
        with doing.trying():
            return preflight(source, settings, state.scratch / "preflight", place, halt)

    assert history.started
    base = Base(
        history.started.head,
        state.read("train.py"),
        state.read("program.md"),
        history.started_at,
        history.started.based_on,
    )
    if cores:
        os.sched_setaffinity(0, cores)  # the others are the slots'
    doing = Doing(executor.busy)
    listeners = listeners_of(session, history, doing)
    view = View(Stage(results, state.scratch), doing.status, history, session.gpus)

    def show(history: History, note: Note | None) -> None:
        doing.heard(history, note)
        view.show(history, note)
        listeners.tell(history, again=note is not None)

    with Publisher(results, doing.status), view:
        answer_signals(inbox, view)
        loop = Loop(
            ledger=session.ledger,
            history=history,
            repo=session.repo,
            base=base,
            researcher=make_researcher(
                settings.researcher, Where(session.project, settings.model, state.folder)
            ),
            executor=executor,
            inbox=inbox,
            try_out=try_out,
            deadline=end_of(history),
            show=show,
            halt=halt,
            scratch=state.scratch,
        )
        doing.thinking_since = lambda: loop.agenda.preparing_since
        try:
            stopped = loop.run()
        except Exception as error:
            doing.died = f"{type(error).__name__}: {error}"
            listeners.tell(loop.history, again=True)
            raise
        finally:
            listeners.end()
    # Asked to end once more, or its terminal closed, when it has ended: no other exit code.
    for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return farewell(loop.history, stopped)


def listeners_of(session: Session, history: History, doing: Doing) -> Listeners:
    """Who is told of each new history, by a name for what they do; the slow ones last."""
    heard = published(session.ledger.path.parent, session.project)
    if session.tellers:  # a server may let one wait
        heard["notify"] = Notifier(session.tellers, doing.status, history)
    errors = session.ledger.path.with_name("harness-error.txt")
    doing.listeners = Listeners(heard, errors)
    return doing.listeners


def _first_settings(wanted: Wanted, rehearse: bool) -> tuple[Settings, tuple[Gpu, ...]]:
    from harness.executor.local import default_slots

    device = wanted.device or "auto"
    gpus: tuple[Gpu, ...] = ()
    if rehearse:
        device = "cpu" if device == "auto" else device
    elif device != "cpu":
        device, gpus = _device(device)
    asked = wanted.sandbox or "auto"
    level = "none" if rehearse or asked == "none" else choose().level
    slots = wanted.slots or default_slots(device, len(gpus))
    return new_settings(wanted, device=device, sandbox=level, slots=slots), gpus


def _device(asked: str) -> tuple[str, tuple[Gpu, ...]]:
    """What `--device auto` means here, and the GPUs. Raises Misuse where what is asked is none."""
    found = detect()
    is_there = {"cuda": bool(found.gpus), "mps": found.has_mps, "cpu": True}
    device = next(name for name in is_there if is_there[name]) if asked == "auto" else asked
    if not is_there[device]:
        raise Misuse(f"--device {device}: torch finds none on this machine; use --device auto")
    return device, found.gpus if device == "cuda" else ()


def gpus_of(history: History, rehearse: bool) -> tuple[Gpu, ...]:
    """Those of the campaign, which must be here still: figures of others do not compare."""
    assert history.started
    recorded = history.started.gpus
    if rehearse or not recorded:
        return ()
    here = {gpu.uuid: gpu for gpu in detect().gpus}
    missing = [gpu.name for gpu in recorded if gpu.uuid not in here]
    if missing:
        names = ", ".join(gpu.name for gpu in here.values()) or "none"
        raise Misuse(
            f"the campaign ran on {', '.join(missing)}, and here torch finds {names}; figures of"
            " other GPUs do not compare: begin another campaign with --tag"
        )
    return tuple(replace(gpu, device=here[gpu.uuid].device) for gpu in recorded)


def ends(history: History) -> str:
    parts = []
    if history.total is not None:
        many = "s" if history.total != 1 else ""
        parts.append(f"after {history.total} experiment{many} ({history.decided} done)")
    if history.settings.deadline:
        parts.append(f"at {local_time(history.settings.deadline)}")
    return " or ".join(parts) or "when the researcher has nothing more to propose"


class Speaks(Protocol):
    """Something that writes to the terminal."""

    def detach(self) -> None:
        """It is gone: nothing more is written."""


def answer_signals(inbox: Inbox, view: Speaks) -> None:
    """Ctrl-C once, SIGUSR1: let what runs end; twice, SIGTERM: end it. A closed terminal: go on."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        inbox.put(Signal(number == signal.SIGTERM, is_patient=number == signal.SIGUSR1))

    def hang_up(number: int, frame: FrameType | None) -> None:
        view.detach()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGUSR1, interrupt)
    signal.signal(signal.SIGHUP, hang_up)


def sandbox_of(settings: Settings, rehearse: bool) -> Sandbox:
    """The level of the campaign, which must work still. Raises Misuse."""
    if rehearse:
        return Sandbox("none", "none needed: a rehearsal trains nothing")
    if settings.sandbox == "none":
        return choose("none")
    works, detail = probe(level := cast(Level, settings.sandbox))  # if there is a better one, too
    if not works:
        raise Misuse(
            f"the campaign's trials run in {level}, which does not work here ({detail});"
            " mend that, or begin another campaign with --tag"
        )
    return Sandbox(level, detail)
