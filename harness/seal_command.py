"""`thinker seal` and `thinker close`: ask what was never asked, and let others ask it again."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Event

from harness import campaign as campaigns
from harness.errors import Broken, Interrupted, Misuse
from harness.experiment import BASELINE
from harness.history import History
from harness.ledger import Ledger
from harness.paint import columns_if_terminal, fit_lines, say, tell
from harness.reading import Found, read
from harness.repo import Repo
from harness.sealed import Compared, Opened, Revealed
from harness.sealed_words import sealed_dict, sealed_lines
from harness.sealing import BY_HAND, Asking, IsStored, NothingToAsk, ask, opening
from harness.state import State, sha256


def seal(tag: str, as_json: bool) -> int:
    """Ask incumbent and baseline the next sealed set. Raises Misuse, Broken, Interrupted."""
    from harness.executor.local import places_of_slots
    from harness.score import hide
    from harness.session import gpus_of, sandbox_of
    from harness.trial import memory_for_each, trial_folder
    from harness.untrusted import remove

    found = whole(tag)
    campaigns.check_open(found)
    refuse_rehearsed(found)
    assert found.history.started
    settings, state = found.history.settings, State(found.history.started.campaign)
    state.check()
    hide()
    results, repo = found.path.parent, Repo(Path.cwd(), tag)
    with Ledger(found.path) as ledger:
        history = History.of(ledger.entries)
        sandbox, gpus = sandbox_of(settings, False), gpus_of(history, False)
        place = places_of_slots(sandbox, settings.slots, gpus, memory_for_each(settings.slots))[0]
        asking = Asking(settings, state.secret(), results, place, state.folder / "sealed")
        if pending := history.sealed.pending:
            tell(f"sealed set {pending.number} was cut short: it is asked again")
        try:
            history = unseal(
                ledger,
                repo,
                history,
                lambda trial: (trial_folder(results, trial) / "checkpoint.pt").is_file(),
                lambda opened: _said(opened, asking),
            )
        except NothingToAsk as nothing:
            raise Misuse(f"no set of {tag} was opened: {nothing}") from nothing
        except Interrupted:
            raise Interrupted("; the set stays open, and the same command asks it again") from None
        finally:
            remove(asking.scratch)
    opened, compared = history.sealed.opened[-1], history.sealed.compared[-1]
    if as_json:
        print(json.dumps(sealed_dict(history, opened, compared), indent=2, allow_nan=False))
    else:
        say(fit_lines(sealed_lines(history, opened, compared), columns_if_terminal()))
    return 0 if compared.levels else 1


def unseal(
    ledger: Ledger,
    repo: Repo,
    history: History,
    is_stored: IsStored,
    answer: Callable[[Opened], Compared],
) -> History:
    """Open a set, ask it, record what it says; one that was cut short is asked again.

    Raises NothingToAsk before anything is recorded.
    """
    opened = history.sealed.pending
    if opened is None:
        opened = opening(history, is_stored, BY_HAND)
        history = history.after(ledger.append(opened))
    history = history.after(ledger.append(answer(opened)))
    repo.store_ledger(ledger.path)
    return history


def _said(opened: Opened, asking: Asking) -> Compared:
    count = 2 * len(opened.seeds)
    tell(f"asking {count} checkpoints {opened.problems} problems a level")
    return ask(opened, asking, Event())


def close(tag: str, unfinished: bool, as_json: bool) -> int:
    """Reveal the secret. Raises Misuse, Broken."""
    found = whole(tag)
    if campaigns.is_unfinished(found.history) and not unfinished:
        raise Misuse(
            f"the campaign {tag} is unfinished, and a closed one cannot go on; thinker run"
            f" --tag {tag} finishes it, thinker close {tag} --unfinished gives it up"
        )
    with Ledger(found.path) as ledger:
        history = History.of(ledger.entries)
        history = reveal(ledger, Repo(Path.cwd(), tag), history, secret_of(history))
    _tell_closed(Found(tag, found.path, history), as_json)
    return 0


def secret_of(history: History) -> str:
    """From the ledger where it is revealed, else from the state folder. Raises Misuse."""
    if history.revealed:
        return history.revealed.secret
    assert history.started
    state = State(history.started.campaign)
    state.check()
    return state.secret()


def reveal(ledger: Ledger, repo: Repo, history: History, secret: str) -> History:
    """Raises Broken where it is not the secret that the campaign began with."""
    assert history.started
    if sha256(secret) != history.started.secret_sha256:
        raise Broken(
            "the secret in the state folder is not the one that the campaign began with: its"
            " SHA-256 is another than the ledger's; restore it"
        )
    if history.revealed is None:
        history = history.after(ledger.append(Revealed(secret)))
    repo.store_ledger(ledger.path)
    return history


def _tell_closed(found: Found, as_json: bool) -> None:
    history = found.history
    assert history.started
    assert history.revealed
    secret, sets = history.revealed.secret, len(history.sealed.opened)
    if as_json:
        said = {"tag": found.tag, "secret": secret, "secret_sha256": history.started.secret_sha256}
        print(json.dumps(said | {"sealed_sets": sets}, indent=2))
        return
    print(f"{found.tag} is closed: nothing more is run or asked in it")
    print(f"secret  {secret}")
    print(f"sealed sets opened: {sets}")
    trained = history.records[BASELINE].outcomes if history.records else ()
    seeds = [outcome.seed for outcome in trained if outcome.sandbox != "rehearsal"]
    if seeds:
        folder = f"results/{found.tag}/experiments/{BASELINE:04d}/{seeds[0]}"
        print(
            "whoever has a checkpoint can ask the same validation problems, as of the baseline's:"
        )
        print(f"  thinker verify {folder} --seed {secret}")


def whole(tag: str | None) -> Found:
    """The campaign, of which no line is damaged. Raises Misuse, Broken."""
    found, damage = read(tag)
    if damage:
        raise Broken(damage)
    return found


def refuse_rehearsed(found: Found) -> None:
    """Raises Misuse."""
    outcomes = [o for r in found.history.records.values() for o in r.outcomes]
    if any(outcome.sandbox == "rehearsal" for outcome in outcomes):
        raise Misuse(f"the campaign {found.tag} was rehearsed: there is no training behind it")
