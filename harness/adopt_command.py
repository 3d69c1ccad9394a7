"""`thinker adopt`: what a campaign kept, onto the branch that is checked out, as commits."""

import argparse
import contextlib
import json
import re
import sys
from collections.abc import Collection
from pathlib import Path

from harness import adopt_message
from harness.adopt_words import Adoption
from harness.adopting import (
    Branch,
    Plan,
    check_out,
    check_withdrawn,
    plan,
    target,
)
from harness.believed import posteriors
from harness.board_command import read
from harness.checkout import (
    Checkout,
    check_identity,
    checkout_of,
    commit_all,
    refuse_work,
    take_over,
)
from harness.errors import Broken, Misuse
from harness.history import History
from harness.kept_line import Line, read_line
from harness.paint import columns_if_terminal, fit_lines, say
from harness.reading import RESULTS, Found
from harness.repo import Repo
from harness.seal_command import refuse_rehearsed

LEDGERS = "refs/autoresearch/*/ledger"
REVERTED = re.compile(r"^This reverts commit ([0-9a-f]{40,64})", re.MULTILINE)  # by git revert
COMMITS = 5000  # of a branch that are looked through for what was adopted before


def adopt(args: argparse.Namespace) -> int:
    """0 done, or there already. Raises Misuse, Broken."""
    if sys.platform == "win32":
        raise Misuse("thinker adopt needs Linux or macOS; on Windows run it inside WSL2")
    found = _campaign(args.tag)
    refuse_rehearsed(found)
    repo = Repo(Path.cwd(), found.tag)
    try:
        return adopt_into(found, repo, args)
    except repo.failure as error:
        raise Broken(f"git failed: {' '.join(str(error).split())[:600]}") from error


def _campaign(tag: str | None) -> Found:
    """The one that is named, else the newest; without results/, as in another work tree, the only
    one that git has. Raises Misuse, Broken."""
    here = Path.cwd() / RESULTS
    if tag is None and not any(here.glob("*/ledger.jsonl")):
        listed = Repo(Path.cwd(), "any").run("for-each-ref", "--format=%(refname)", LEDGERS)
        tags = [ref.split("/")[2] for ref in listed.splitlines()]
        if len(tags) > 1:
            raise Misuse(f"there are several campaigns here; --tag takes {', '.join(tags)}")
        tag = tags[0] if tags else None
    found, damage = read(tag)
    if damage:
        raise Broken(damage)
    return found


def adopt_into(found: Found, repo: Repo, args: argparse.Namespace) -> int:
    """What `repo` has checked out. Raises Misuse, Broken."""
    history, out = found.history, set(args.without)
    number = target(history, args.id, repo.refs)
    checkout = checkout_of(repo)
    line = read_line(history, repo, number)
    check_out(line, out)
    if not args.withdrawn:
        check_withdrawn(history, line, out)
    adopted = _adopted(repo, checkout)
    branch = _branch(found, line, checkout, adopted)
    made = plan(line, branch, out, _trained(history, repo, line))
    if made.is_merged and made.steps:
        _check_origin(history, repo, adopted, checkout)
    commits: list[str] = []
    if made.steps:
        check_identity(repo)
        if args.dry_run:
            refuse_work(checkout, "")
        else:
            refuse_work(checkout, repo.store(made.steps[-1].text))
            commits = commit_all(checkout, _texts(history, made, line, args.squash))
            why = f"thinker adopt: {found.tag} up to experiment {number}"
            take_over(checkout, commits[-1], why)
    is_dry, is_squashed, left = args.dry_run, args.squash, frozenset(out)
    adoption = Adoption(
        found, checkout, line, branch, made, left, tuple(commits), is_dry, is_squashed
    )
    if args.json:
        print(json.dumps(adoption.as_dict(), indent=2, allow_nan=False))
    else:
        say(fit_lines(adoption.words(), columns_if_terminal()))
    return 0


def _trained(history: History, repo: Repo, line: Line) -> frozenset[str]:
    """Texts of train.py that a trial has read: the line's, and what a study left of others."""
    found = set(line.texts)
    for study in history.ablations.studies.values():
        right = {outcome.experiment for outcome in study.outcomes if outcome.status == "ok"}
        with contextlib.suppress(repo.failure):  # a clone may have no refs of studies
            found |= {repo.source(v.commit) for v in study.variants if v.number in right}
    return frozenset(found)


def _adopted(repo: Repo, checkout: Checkout) -> dict[str, str]:
    """Experiments' commits that the branch's history says it has, and its own that say so; without
    what `git revert` took off since."""
    key = f"%(trailers:key={adopt_message.ADOPTED},valueonly,separator=%x20)"
    form = f"--format=%H%x1f{key}%x1f%b%x1e"
    log = repo.run("log", f"--max-count={COMMITS}", form, checkout.tip)
    found: dict[str, str] = {}
    reverted: set[str] = set()
    for entry in log.split("\x1e"):  # the newest first, so that a revert may be reverted itself
        own, theirs, body = (entry.strip("\n").split("\x1f", 2) + ["", ""])[:3]
        if own in reverted:
            continue
        reverted.update(REVERTED.findall(body))
        found |= {commit: own for commit in theirs.split() if commit not in found}
    return found


def _branch(found: Found, line: Line, checkout: Checkout, adopted: dict[str, str]) -> Branch:
    assert found.history.started
    commits = dict(zip(line.numbers, line.commits, strict=True))
    there = {n: adopted[commit] for n, commit in commits.items() if commit in adopted}
    side = f"{found.tag}-kept"
    remedy = (
        f"git switch -c {side} {found.history.started.head[:12]}, thinker adopt there, git switch"
        f" {checkout.branch_name} and git merge {side} let you choose"
    )
    return Branch(checkout.branch_name, checkout.text, there, remedy)


def _check_origin(
    history: History, repo: Repo, adopted: Collection[str], checkout: Checkout
) -> None:
    """A campaign that began with another's keep is not merged onto a branch without that. Raises
    Misuse."""
    assert history.started
    if not (origin := history.started.based_on):
        return
    tag, _, number = origin.partition(":")
    ref = f"refs/autoresearch/{tag}/{int(number):04d}"
    if repo.run("for-each-ref", "--format=%(objectname)", ref) not in adopted:
        raise Misuse(
            f"the campaign began with experiment {number} of {tag}, which {checkout.branch_name}"
            f" does not have; adopt that first: thinker adopt {number} --tag {tag}"
        )


def _texts(history: History, made: Plan, line: Line, squash: bool) -> list[tuple[str, str]]:
    beliefs = posteriors(history)
    commits = dict(zip(line.numbers, line.commits, strict=True))
    if squash:
        own = [commits[step.number] for step in made.steps]
        return [(made.steps[-1].text, adopt_message.squashed(history, beliefs, made.steps, own))]
    return [
        (
            step.text,
            adopt_message.message(history, beliefs, step.number, step, commits[step.number]),
        )
        for step in made.steps
    ]
