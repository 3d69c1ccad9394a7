"""Where a campaign may begin but at the working tree: at what another campaign kept."""

import contextlib
from pathlib import Path

from harness import campaign as campaigns
from harness import ledger as ledger_file
from harness.believed import posteriors
from harness.errors import Contradiction, Misuse
from harness.experiment import Settings
from harness.figures import share
from harness.reading import RESULTS, Found, ledger_of
from harness.repo import Repo, check_tag


def based_on(project: Path, asked: str) -> tuple[str, str]:
    """A kept experiment named TAG[:ID] in full, by default the incumbent, and its train.py.

    Raises Misuse.
    """
    tag, _, number = asked.partition(":")
    found = None
    if check_tag(tag) is None:
        path = ledger_of(project, tag)
        campaigns.restore(project, tag, path)
        found = campaigns.read(path) if path.is_file() else None
    if found is None:
        raise Misuse(
            f"--from {asked}: there is no campaign {tag}; thinker board shows what there is"
        )
    history = found.history
    kept = [n for n, r in history.records.items() if r.verdict and r.verdict.decision == "keep"]
    if number and not (number.isdecimal() and int(number) in kept):
        raise Misuse(
            f"--from {asked}: {number} is no kept experiment of {tag}; there is"
            f" {', '.join(map(str, kept)) or 'none'}"
        )
    if history.incumbent is None:
        raise Misuse(f"--from {asked}: {tag} has kept nothing yet")
    chosen = int(number) if number else history.incumbent
    source = Repo(project, tag).source(history.records[chosen].commit)
    return f"{tag}:{chosen}", source


def offer(project: Path, tag: str, settings: Settings) -> str:
    """Of the newest other campaign with the same tasks and budget: what it kept and nobody took
    over; of the newest rehearsal in a rehearsal. Empty where nothing."""
    newest: Found | None = None
    for path in (project / RESULTS).glob("*/ledger.jsonl"):
        with contextlib.suppress(ledger_file.Damaged, Contradiction, OSError):
            found = campaigns.read(path) if path.parent.name != tag else None
            if found and _kind(found.history.settings) != _kind(settings):
                continue
            if found and (newest is None or found.history.started_at > newest.history.started_at):
                newest = found
    if newest is None or not newest.history.incumbent:
        return ""
    history, incumbent = newest.history, newest.history.incumbent
    repo = Repo(project, newest.tag)
    try:
        source = repo.source(history.records[incumbent].commit)
    except repo.failure:  # results/ of another repository
        return ""
    if source == (project / "train.py").read_text(encoding="utf-8"):
        return ""
    accuracy = posteriors(history)[incumbent].accuracy
    return (
        f"{newest.tag} kept experiment {incumbent} ({share(accuracy)}), which train.py does not"
        f" have; --from {newest.tag} would start from it"
    )


def _kind(settings: Settings) -> tuple[object, ...]:
    return settings.rehearse, settings.tasks, settings.budget_s, settings.max_steps
