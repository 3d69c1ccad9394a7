"""What adopting a line would commit to a branch: pure but for the merges.

Where the branch's train.py is one of the line's, what was kept after that is put on it as it is.
Where it is another, each of the line's texts is merged with it, three-way: base is what the
campaign began with, or the last of its keeps that the branch has. Such a text was never trained.
"""

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from harness.believed import posteriors
from harness.errors import Misuse
from harness.experiment import BASELINE
from harness.figures import are_figures, probability
from harness.history import History
from harness.kept_line import Inseparable, Line, Step


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps` are what is to be committed, in order; none where the branch has it all. `present`
    are keeps whose edits the branch has already, those to be left out among them. `is_merged`:
    its train.py is none that the line has with these."""

    steps: tuple[Step, ...]
    present: tuple[int, ...]
    is_merged: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """Where it is to go. `train` is its train.py; `there` are experiments that its history says it
    has, with the commits that say so; `remedy` is for when they cannot be merged."""

    name: str
    train: str
    there: Mapping[int, str]
    remedy: str


def plan(line: Line, branch: Branch, out: Collection[int], trained: Collection[str]) -> Plan:
    """`trained` are texts that a trial has read. Raises Misuse."""
    kept = [step.number for step in _check_separable(line, out)[1:]]
    there = [number for number in line.numbers if number in branch.there]
    places = range(len(kept), -1, -1)
    same = (kept[:n] for n in places if _with(line, kept[:n]) == branch.train)
    have = next(same, None)
    for present in [have] if have is not None else [there, []]:
        missing = [number for number in kept if number not in present]
        try:
            base = _with(line, present)
            texts = [_with(line, [*present, *missing[: n + 1]]) for n in range(len(missing))]
        except Inseparable:
            continue  # its history says something else than what it is
        steps, more = _merged(line, branch, out, base, dict(zip(missing, texts, strict=True)))
        steps = [replace(step, is_trained=step.text in trained) for step in steps]
        return Plan(tuple(steps), (*present, *more), base != branch.train)
    raise AssertionError("without any of the line, nothing stands on what is left out")


def _with(line: Line, kept: Collection[int]) -> str:
    """train.py with these keeps and no others. Raises Inseparable."""
    return line.steps(set(line.numbers) - {BASELINE} - set(kept))[-1].text


def _merged(
    line: Line, branch: Branch, out: Collection[int], base: str, texts: Mapping[int, str]
) -> tuple[list[Step], list[int]]:
    """What is to be committed, and what changes nothing on the branch."""
    steps: list[Step] = []
    idle: list[int] = []
    before = branch.train
    for number, text in texts.items():
        merged = line.merge(branch.train, base, text)
        if merged is None:
            raise Misuse(_conflict(number, branch, out))
        if merged == before:
            idle.append(number)
            continue
        steps.append(Step(number, merged, merged == text))
        _check_parses(steps[-1], branch)
        before = merged
    return steps, idle


def _check_separable(line: Line, out: Collection[int]) -> list[Step]:
    try:
        return line.steps(out)
    except Inseparable:
        needed = line.standing_on(out)
        more = ", ".join(map(str, sorted(needed - set(out))))
        said, every = (",".join(map(str, sorted(numbers))) for numbers in (out, needed))
        raise Misuse(
            f"--without {said}: experiment {more} changes the same lines, and cannot stay without;"
            f" --without {every} leaves all of it out"
        ) from None


def still_there(branch: Branch, out: Collection[int]) -> str:
    """What is to be left out and was adopted before, with the way out."""
    return "; ".join(
        f"experiment {number} was adopted before: git revert {branch.there[number][:12]} takes it"
        " off"
        for number in sorted(set(out) & set(branch.there))
    )


def _conflict(number: int, branch: Branch, out: Collection[int]) -> str:
    if said := still_there(branch, out):
        return f"experiment {number} does not fit train.py on {branch.name}; {said}"
    return (
        f"train.py on {branch.name} is not what the campaign had, and both change the lines that"
        f" experiment {number} changes; {branch.remedy}"
    )


def _check_parses(step: Step, branch: Branch) -> None:
    try:
        ast.parse(step.text)
    except SyntaxError as error:
        raise Misuse(
            f"merged with experiment {step.number}, train.py on {branch.name} is no Python any more"
            f" (line {error.lineno}: {error.msg}); {branch.remedy}"
        ) from error


# ---------------------------------------------------------------------------
# What may be adopted
# ---------------------------------------------------------------------------


def target(history: History, number: int | None, repo_refs: str) -> int:
    """The experiment up to which is adopted, by default the incumbent. Raises Misuse."""
    assert history.started
    tag = history.started.tag
    if number is None:
        if history.incumbent is None or history.incumbent == BASELINE:
            raise Misuse(f"{tag} has kept nothing but the baseline: there is nothing to adopt")
        return history.incumbent
    if number not in history.records:
        raise Misuse(f"there is no experiment {number}; they go from 0 to {history.next_id - 1}")
    if number == BASELINE:
        raise Misuse(f"experiment {BASELINE} is what {tag} began with: there is nothing to adopt")
    record = history.records[number]
    if record.verdict is None or record.verdict.decision != "keep":
        said = "open"
        if verdict := record.verdict:
            then = " when it was judged" if are_figures(verdict.reason) else ""
            said = f"{verdict.decision}{then}: {verdict.reason}"
        raise Misuse(
            f"experiment {number} was not kept ({said}); to take it all the same:"
            f" git cherry-pick --no-commit {repo_refs}/{number:04d}"
        )
    return number


def check_out(line: Line, out: Collection[int]) -> None:
    """Raises Misuse for what is not there to be left out."""
    keeps = [n for n in line.numbers if n != BASELINE]
    for number in out:
        if number not in keeps:
            raise Misuse(
                f"--without {number}: it is no keep of the line to experiment {line.numbers[-1]};"
                f" those are {', '.join(map(str, keeps))}"
            )
    if set(keeps) <= set(out):
        raise Misuse("--without leaves nothing over: there is nothing to adopt then")


def check_withdrawn(history: History, line: Line, out: Collection[int]) -> None:
    """Raises Misuse where the line has a keep that was withdrawn since."""
    records, beliefs = history.records, posteriors(history)
    found = [n for n in line.numbers if records[n].standing == "withdrawn" and n not in out]
    if not found:
        return
    said = ", ".join(f"{n} (P(real) {probability(beliefs[n].p_real)})" for n in found)
    needed = line.standing_on({*found, *out})
    without = f"--without {','.join(map(str, sorted(needed)))} leaves them behind"
    if needed >= set(line.numbers[1:]):
        without = "all of the line stands on them"
    raise Misuse(
        f"withdrawn since they were kept: experiment {said}; {without}, --withdrawn takes them all"
        " the same"
    )
