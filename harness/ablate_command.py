"""`thinker ablate`: train the incumbent again without each of its keeps, and name passengers."""

import json
import math
import sys
from pathlib import Path

from harness import campaign as campaigns
from harness import schedule
from harness.ablating import Ablation, Bench, has_failed, wanted
from harness.ablation import WHOLE, Study
from harness.ablation_table import ablation_table
from harness.ablation_words import ablation_dict
from harness.awake import awake
from harness.deadline import seconds, seconds_left
from harness.errors import Broken, Interrupted, Misuse
from harness.experiment import BASELINE
from harness.history import History
from harness.ledger import Ledger
from harness.messages import Inbox
from harness.paint import tell
from harness.reading import Found, refuse_beside
from harness.repo import Repo
from harness.room import lacking
from harness.scored_table import say_drawn
from harness.seal_command import refuse_rehearsed, whole
from harness.settings import deadline_of, local_time
from harness.state import State
from harness.survivors import end_survivors
from harness.untrusted import remove

COPY = "harness/ablation.py"  # a harness without it cannot read a ledger that has a study


class Voice:
    """Lines on standard error, and none once the terminal is gone: the trials go on."""

    def __init__(self) -> None:
        self.is_silent = False

    def line(self, text: str) -> None:
        if not self.is_silent:
            try:
                tell(text)
            except OSError:
                self.detach()

    def detach(self) -> None:
        self.is_silent = True


def ablate(
    tag: str | None, seeds: int, hours: float | None, until: str | None, as_json: bool
) -> int:
    """0 done, or the time that was given is over; 1 the incumbent itself failed. Raises Misuse,
    Broken, Interrupted."""
    from harness.score import hide

    found = whole(tag)
    done = found.history.ablations.studies.get(found.history.incumbent or BASELINE)
    if found.history.revealed and done and done.outcomes:  # what is closed can still be read
        return _tell(found, done, is_complete=True, as_json=as_json)
    campaigns.check_open(found)
    refuse_rehearsed(found)
    assert found.history.started
    state = State(found.history.started.campaign)
    state.check()
    refuse_beside(Path.cwd())
    _check_goes_on(found, state)
    moment = deadline_of(hours, until)
    hide()
    repo = Repo(Path.cwd(), found.tag)
    with Ledger(found.path) as ledger, awake() as sleepy:
        history = History.of(ledger.entries)
        if history.incumbent in (None, BASELINE):
            raise Misuse(
                f"{found.tag} has kept nothing but the baseline: there is nothing to leave out"
            )
        ablation = _prepare(history, ledger, repo, state, seeds, moment)
        if sleepy:
            tell(f"sleep: {sleepy}")
        try:
            history = ablation.run()
        except repo.failure as error:
            raise Broken(f"git failed: {' '.join(str(error).split())[:600]}") from error
        finally:
            remove(state.scratch)
            state.scratch.mkdir()
    found = Found(found.tag, found.path, history)
    code = _tell(found, ablation.study, is_complete=ablation.is_complete, as_json=as_json)
    if ablation.ending:
        raise Interrupted("; the same command goes on")
    if not ablation.is_complete and not code:
        tell("the time is over; the same command goes on")
    return code


def _prepare(
    history: History, ledger: Ledger, repo: Repo, state: State, seeds: int, moment: str | None
) -> Ablation:
    from dataclasses import replace

    from harness.executor.local import Local
    from harness.session import answer_signals, gpus_of, sandbox_of

    results = ledger.path.parent / "ablated" / f"{history.incumbent:04d}"
    settings = replace(history.settings, slots=history.slots)
    sandbox, gpus = sandbox_of(settings, False), gpus_of(history, False)
    end_survivors(state)
    remove(state.scratch)
    state.scratch.mkdir()
    inbox: Inbox = Inbox()
    executor = Local(settings, sandbox, state, results, gpus, inbox.put)
    voice = Voice()
    left_s = None if moment is None else seconds_left(moment, history.last_at)
    deadline = None if left_s is None else seconds() + left_s
    bench = Bench(
        ledger,
        repo,
        executor,
        inbox,
        results,
        deadline,
        lambda: lacking(ledger.path.parent, state.scratch),
        voice.line,
    )
    ablation = Ablation(bench, history, seeds)
    answer_signals(inbox, voice)
    voice.line(_plan(ablation, seeds, moment))
    return ablation


def _plan(ablation: Ablation, seeds: int, moment: str | None) -> str:
    """What is going to be trained, and how long that takes."""
    history, study = ablation.history, ablation.study
    keeps = len(ablation.line.numbers) - 1
    count = len(wanted(study, ablation.seeds)) if study.variants else seeds * (keeps + 1)
    if not count:
        return f"experiment {ablation.incumbent}: all {len(study.outcomes)} trials are done"
    hours = count * schedule.trial_s(history) / history.slots / 3600
    took = f"{hours:.1f} hours" if hours >= 1 else f"{math.ceil(hours * 60)} min"
    until = f", until {local_time(moment)} at the latest" if moment else ""
    done = f" ({len(study.outcomes)} done)" if study.outcomes else ""
    trials = f"{count} more trial{'' if count == 1 else 's'}" if done else _number(count, "trial")
    return (
        f"experiment {ablation.incumbent}, and without {_each(keeps)}, with"
        f" {_number(seeds, 'seed')}: {trials}{done}, about {took} on"
        f" {_number(history.slots, 'slot')}{until}"
    )


def _each(keeps: int) -> str:
    return "its one keep" if keeps == 1 else f"each of its {keeps} keeps"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _check_goes_on(found: Found, state: State) -> None:
    """A campaign that could go on does so with its own copy of the harness, which must know what
    its ledger holds. Raises Misuse."""
    if campaigns.is_unfinished(found.history) and not (state.package_home / COPY).is_file():
        raise Misuse(
            f"{found.tag} is unfinished and would go on with a harness that knows no ablation;"
            f" finish it first (thinker run --tag {found.tag})"
        )


def _tell(found: Found, study: Study, *, is_complete: bool, as_json: bool) -> int:
    """1 where the incumbent itself failed."""
    if as_json:
        told = ablation_dict(found.history, found.tag, study, is_complete=is_complete)
        print(json.dumps(told, indent=2, allow_nan=False))
    else:
        say_drawn(ablation_table(found.history, found.tag, study))
    sys.stdout.flush()
    if is_complete or not has_failed(study, WHOLE):
        return 0
    last = study.of(WHOLE)[-1]
    tell(f"experiment {study.incumbent} itself failed: {last.status}: {last.reason}")
    return 1
