"""Beginning a campaign, or taking an unfinished one up again: what is written before the loop.

Nothing here trains. A campaign that is resumed must be the one that was begun: its budget, problems
and sandbox are the ledger's, and asking for others is refused.
"""

import os
import platform
import sys
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from harness import ledger as ledger_file
from harness.deadline import is_over
from harness.errors import Contradiction, Misuse, in_words
from harness.experiment import Gpu, Settings, Started
from harness.history import History
from harness.provenance import package_digest, torch_version, version
from harness.reading import RESULTS, Found, ledger_of, state_of
from harness.repo import FILES, Repo, check_tag
from harness.settings import Wanted
from harness.state import PACKAGE, State, sha256


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
            raise Misuse(
                f"{path} cannot be read ({in_words(error)}); save it as UTF-8 text"
            ) from error
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
        check_open(found)
        state, words = state_of(found.history, None, None)
        if state == "finished":
            raise Misuse(
                f"the campaign {wanted.tag} is {words}; thinker board {wanted.tag} shows it, --from"
                f" {wanted.tag} with another --tag begins with what it kept"
            )
        return found
    same = [f for f in unfinished(project) if f.history.settings.rehearse == wanted.rehearse]
    if len(same) > 1:
        raise Misuse(
            f"{len(same)} campaigns are unfinished: {', '.join(f.tag for f in same)}; --tag T goes"
            " on with one of them, --tag NEW begins another"
        )
    for found in same:
        if changed := changed_files(found, texts):
            raise Misuse(
                f"the unfinished campaign {found.tag} began with another {changed};"
                f" --tag {found.tag} resumes it with what it began with, --tag NEW begins another"
            )
        return found
    return None


def changed_files(found: Found, texts: Mapping[str, str]) -> str:
    """Those of the person's that are not what the campaign began with, in words."""
    started = found.history.started
    assert started
    digests = zip(FILES, (started.train_sha256, started.program_sha256), strict=True)
    return " and ".join(name for name, digest in digests if sha256(texts[name]) != digest)


def unfinished(project: Path) -> list[Found]:
    """Newest first. A ledger that cannot be read is passed over."""
    found = []
    for path in (project / RESULTS).glob("*/ledger.jsonl"):
        try:
            campaign = read(path)
        except (ledger_file.Damaged, Contradiction, OSError):
            continue
        if campaign and is_unfinished(campaign.history):
            found.append(campaign)
    return sorted(found, key=lambda f: f.history.started_at, reverse=True)


def read(path: Path) -> Found | None:
    """None for a ledger without a first event. Raises ledger.Damaged, Contradiction."""
    history = History.of(ledger_file.read(path))
    return Found(path.parent.name, path, history) if history.started else None


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


def check_open(found: Found) -> None:
    """Raises Misuse where the campaign is closed: its problems are no secret any more."""
    if found.history.revealed:
        raise Misuse(
            f"the campaign {found.tag} is closed: its secret stands in the ledger, so that anyone"
            " can draw its problems, and no figure of an edit made since would mean anything; begin"
            " another with --tag"
        )


def is_unfinished(history: History) -> bool:
    return not (history.revealed or history.is_finished or is_over(history))


def new_tag(project: Path) -> str:
    """The date, then date-2 and so on."""
    today = datetime.now().strftime("%Y%m%d")
    tags = [today, *(f"{today}-{n}" for n in range(2, 1000))]
    return next(t for t in tags if not is_used(project, t))


def is_used(project: Path, tag: str) -> bool:
    return (project / RESULTS / tag).exists() or Repo(project, tag).is_used()


def started(
    tag: str,
    campaign: str,
    settings: Settings,
    head: str,
    texts: Mapping[str, str],
    gpus: tuple[Gpu, ...] = (),
    based_on: str = "",
) -> Started:
    """`texts` are the person's files, by which an unfinished campaign is known again."""
    secret = State(campaign).secret()
    return Started(
        tag,
        campaign,
        settings,
        head,
        sha256(texts["train.py"]),
        sha256(texts["program.md"]),
        sha256(secret),
        machine(gpus),
        version(),
        gpus,
        based_on,
        package_digest(PACKAGE),
    )


def new_campaign() -> str:
    return str(uuid.uuid4())


def machine(gpus: tuple[Gpu, ...] = ()) -> str:
    """What figures of this campaign may be compared with: machine, cores, GPUs, Python, torch."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = [
        platform.system(),
        platform.machine(),
        f"{cores} cores",
        *(gpu.name for gpu in gpus),
        f"Python {sys.version.split()[0]}",
    ]
    torch = torch_version()
    found.append(f"torch {torch}" if torch else "no torch")
    return ", ".join(found)
