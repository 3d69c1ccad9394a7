"""`thinker run`: begin a campaign or take one up again, from the copy of the harness it began with.

The first process finds out what is to be done and becomes a second one, which runs from the copy in
the campaign's state folder; that one holds the ledger and does the work.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import campaign as campaigns
from harness.errors import Misuse
from harness.experiment import Settings
from harness.origin import based_on
from harness.parser import split
from harness.reading import Found, ledger_of, refuse_beside
from harness.repo import Repo
from harness.researcher import Where
from harness.researcher import check as check_researcher
from harness.sandbox import choose
from harness.settings import Wanted, check_same, deadline_of, model_of
from harness.state import State, module_command

INSIDE = "--inside"  # hidden: the campaign whose copy this process runs from


def run(wanted: Wanted, inside: str | None, rehearse: bool, arguments: Sequence[str]) -> int:
    """Raises Misuse and all that is said to the person as misuse."""
    if sys.platform == "win32":
        raise Misuse("thinker run needs Linux or macOS; on Windows run it inside WSL2")
    deadline_of(wanted.hours, wanted.until)
    project = Path.cwd()
    texts = campaigns.read_person_files(project)
    found = campaigns.find(project, wanted, texts)
    if inside is None:
        return become_copy(project, wanted, found, texts, arguments)
    from harness.session import work_at

    tag = found.tag if found else wanted.tag
    assert tag is not None, "the first process names the tag"
    return work_at(project, wanted, tag, inside, rehearse)


def become_copy(
    project: Path,
    wanted: Wanted,
    found: Found | None,
    texts: dict[str, str],
    arguments: Sequence[str],
) -> int:
    """Check what can be checked at once, then run the campaign's own copy in place of this."""
    if not wanted.rehearse and not os.environ.get("CUDA_VISIBLE_DEVICES"):  # GPUs of its own
        refuse_beside(project, found.tag if found else wanted.tag or "")
    if found:
        assert found.history.started
        campaign, tag = found.history.started.campaign, found.tag
        state = State(campaign)
        state.check()
        check_same(found.history.settings, found.history.started_at, wanted, tag)
        _check_sandbox(found.history.settings, wanted, tag)
        began_from = found.history.started.based_on
        if wanted.based_on and wanted.based_on not in (began_from, began_from.partition(":")[0]):
            raise Misuse(
                f"the campaign {tag} has its baseline already; --from {wanted.based_on} begins"
                " another, with another --tag"
            )
        if changed := campaigns.changed_files(found, texts):
            _say("files", f"{changed} changed since: it goes on with what it began with")
        settings = found.history.settings
        _check_researcher(settings.researcher, Where(project, settings.model))
        words: list[str] = []
    else:
        tag = wanted.tag or campaigns.new_tag(project)
        if campaigns.is_used(project, tag) and not _is_begun(project, tag):
            raise Misuse(f"--tag {tag} is in use already; choose another")
        Repo(project, tag).head()
        if wanted.sandbox != "none":
            choose()
        _check_researcher(wanted.words, Where(project, model_of(wanted)))
        words = []
        if wanted.researcher is None:  # what the environment chose is not asked again
            words += ["--researcher", *wanted.words]
        if wanted.based_on:
            origin, source = based_on(project, wanted.based_on)
            texts = texts | {"train.py": source}
            words += ["--from", origin]
        campaign = campaigns.new_campaign()
        state = State(campaign)
        state.create(texts)
    if wanted.tag is None:
        words += ["--tag", tag]
    command = module_command("harness", state.package_home)
    flags, rest = split(arguments)
    sys.stderr.flush()
    os.execv(command[0], [*command, *flags, *words, INSIDE, campaign, *rest])


def _check_researcher(words: tuple[str, ...], where: Where) -> None:
    """Raises Misuse; what is no obstacle is said."""
    if note := check_researcher(words, where):
        _say("api", note)


def _say(name: str, words: str) -> None:
    """As a line of the plan that follows."""
    print(f"{name:11} {words}", file=sys.stderr)


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
    path = ledger_of(project, tag)
    return path.is_file() and path.stat().st_size == 0
