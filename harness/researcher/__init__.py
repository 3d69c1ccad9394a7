"""Who proposes: the interface of a researcher, and the names under which they are chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.desk import Desk
from harness.errors import Misuse
from harness.experiment import Proposal, Trial
from harness.history import History
from harness.money import Model
from harness.researcher.gatekeeper import Gatekeeper

NAMES = "claude, offline, mixed, list FILE.jsonl, command -- ARGV…"


@dataclass(frozen=True, slots=True)
class Brief:
    """All that a researcher is shown: the person's program, the incumbent's source, the history.

    `source_of` gives the train.py of any experiment; below `results` lie their curves and logs.
    `gates` try an edit before it is submitted, `desk` is where the campaign is asked for things,
    and `running` what slots work at.
    """

    program: str
    source: str
    incumbent: int
    history: History
    preset: str
    source_of: Callable[[int], str]
    results: Path
    gates: Gatekeeper
    desk: Desk
    running: tuple[Trial, ...] = ()


class Exhausted(Exception):
    """The researcher has nothing more to propose; the campaign ends when its trials have."""


class Researcher(Protocol):
    """May be asked from a thread of its own, one question at a time."""

    name: str

    def propose(self, brief: Brief) -> Proposal:
        """The next proposal. Raises Exhausted."""

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        """A proposal that a gate refused, mended; None to give it up."""

    def mend(self, brief: Brief, number: int) -> Proposal | None:
        """A proposal in place of an experiment that crashed at once; None for a researcher that
        cannot."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a researcher is made in: the project's folder, the language model that is asked, and the
    campaign's state folder, None before there is one: then nothing is run yet."""

    project: Path
    model: Model | None = None
    state: Path | None = None


def make(words: tuple[str, ...], where: Where) -> Researcher:
    """The researcher of `--researcher NAME [ARGUMENT…]`. A language model's key leaves the
    environment for it. Raises Misuse."""
    match words:
        case ("offline",):
            from harness.researcher.offline import Offline

            return Offline()
        case ("list", file):
            from harness.researcher.listed import Listed

            return Listed.read(file)
        case ("claude",):
            assert where.model
            return _claude(where.model, where.project)
        case ("mixed",):
            from harness.researcher.mixed import Mixed
            from harness.researcher.offline import Offline

            assert where.model
            return Mixed(_claude(where.model, where.project), Offline())
        case ("list", *_):
            raise Misuse("--researcher list takes one file: --researcher list FILE.jsonl")
        case ("offline" | "claude" | "mixed" as name, *_):
            raise Misuse(f"--researcher {name} takes nothing more")
        case ("command", _, *_):
            from harness.researcher.brief_text import page
            from harness.researcher.command import Command

            return Command(words[1:], where, page)
        case ("command",):
            raise Misuse("--researcher command takes a command line: --researcher command -- ARGV…")
    raise Misuse(f"no researcher is called {words[0]!r}; there are: {NAMES}")


def check(words: tuple[str, ...], where: Where) -> str:
    """What can be checked before anything is begun; what a person is to know then, mostly nothing.

    Raises Misuse: for a key that its server refuses, too.
    """
    if words[0] not in ("claude", "mixed"):
        make(words, where)
        return ""
    from harness.researcher import access

    assert where.model
    return access.check(access.access(forget=False), where.model.name)


def _claude(model: Model, project: Path) -> Researcher:
    from harness.pricing import price_of
    from harness.researcher.access import access
    from harness.researcher.api import Api
    from harness.researcher.claude import Claude

    found = access(forget=True)
    price = price_of(model.name, model.price)
    api = Api(found.client(), model.name, model.effort, price, found.scrub)
    return Claude(api, project / "inspirations")


__all__ = ["Brief", "Exhausted", "Proposal", "Researcher", "Where", "check", "make"]
