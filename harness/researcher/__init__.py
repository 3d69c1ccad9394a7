"""Who proposes: the interface of a researcher, and the names under which they are chosen."""

from dataclasses import dataclass
from typing import Protocol

from harness.errors import Misuse
from harness.experiment import Proposal
from harness.history import History


@dataclass(frozen=True, slots=True)
class Brief:
    """All that a researcher is shown: the person's program, the incumbent's source, the history."""

    program: str
    source: str
    incumbent: int
    history: History
    preset: str


class Exhausted(Exception):
    """The researcher has nothing more to propose; the campaign ends when its trials have."""


class Researcher(Protocol):
    """May be asked from a thread of its own, one question at a time."""

    name: str

    def propose(self, brief: Brief) -> Proposal:
        """The next proposal. Raises Exhausted."""

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        """A proposal that a gate refused, mended; None to give it up."""


def make(words: tuple[str, ...]) -> Researcher:
    """The researcher of `--researcher NAME [ARGUMENT…]`. Raises Misuse."""
    name, *arguments = words
    if name != "list":
        raise Misuse(f"no researcher is called {name!r}; there is: list FILE.jsonl")
    if len(arguments) != 1:
        raise Misuse("--researcher list takes one file: --researcher list FILE.jsonl")
    from harness.researcher.listed import Listed

    return Listed.read(arguments[0])


__all__ = ["Brief", "Exhausted", "Proposal", "Researcher", "make"]
