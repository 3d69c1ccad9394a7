"""Adopted keeps as commit messages: what was tried, what is believed of it, where that stands.

Figures are what is believed now, after all trials, and are the campaign's: of its edit, on its own
train.py. What was put together otherwise for the branch was never trained, and the message says so.
"""

import re
import textwrap
from collections.abc import Sequence

from harness.ablation_words import ablation_words
from harness.commit_message import WIDTH, title_of
from harness.experiment import Posterior
from harness.figures import probability
from harness.history import History
from harness.kept_line import Step
from harness.plain import plain

MOST = 2000  # characters of a hypothesis
MEANT = ("#", "fixup!", "squash!", "amend!")  # what git's editor and autosquash would act on
ADOPTED = "Adopted"  # the trailer by which a later adoption knows what is there


def message(
    history: History, beliefs: dict[int, Posterior], number: int, step: Step, commit: str
) -> str:
    """Of one keep. `commit` is the experiment's own."""
    told = _told(history, number)
    title = _title(told, number)
    body = [] if title == told else [_fill(told)]
    body += [_fill(_figures(history, beliefs, number))]
    body += _untrained([step])
    return _joined(title, body, history, [(number, commit)])


def squashed(
    history: History, beliefs: dict[int, Posterior], steps: Sequence[Step], commits: Sequence[str]
) -> str:
    """Of several, the oldest first."""
    numbers = [step.number for step in steps]
    if len(steps) == 1:
        return message(history, beliefs, numbers[0], steps[0], commits[0])
    title = f"Adopt what the campaign {_tag(history)} kept: {len(steps)} edits of train.py"
    body = [
        _fill(
            f"{number}: {_told(history, number)} ({_belief(history, beliefs, number)})",
            "- ",
            "  ",
        )
        for number in numbers
    ]
    body += _untrained(steps[-1:])
    return _joined(title, body, history, list(zip(numbers, commits, strict=True)))


def _joined(title: str, body: Sequence[str], history: History, of: list[tuple[int, str]]) -> str:
    trailers = [f"Campaign: {_tag(history)}"]
    trailers += [f"Experiment: {number}" for number, _ in of]
    trailers += [f"{ADOPTED}: {commit}" for _, commit in of]
    return "\n\n".join([title, *body, "\n".join(trailers)]) + "\n"


def _fill(text: str, first: str = "", rest: str = "") -> str:
    """At WIDTH columns, no number parted from its unit; `first` and `rest` begin the lines."""
    glued = re.sub(r"(\d) s\b", "\\1\u00a0s", text)
    filled = textwrap.fill(glued, WIDTH, initial_indent=first, subsequent_indent=rest)
    return filled.replace("\u00a0", " ")


def _tag(history: History) -> str:
    assert history.started
    return history.started.tag


def _told(history: History, number: int) -> str:
    """With no number that a forge would close an issue by: "fixes #1" is a model's own word."""
    told = re.sub(r"#(?=\d)", "# ", plain(history.records[number].experiment.hypothesis))
    return told[: MOST - 3] + "..." if len(told) > MOST else told or "no hypothesis"


def _title(told: str, number: int) -> str:
    if told.lower().startswith(MEANT):
        told = f"Experiment {number}: {told}"
    return title_of(told)


def _belief(history: History, beliefs: dict[int, Posterior], number: int) -> str:
    record, found = history.records[number], beliefs.get(number)
    said = f"effect {found.effect:+z.4f} ± {found.effect_sd:.4f}, " if found else ""
    said += f"P(real) {probability(found.p_real)}, " if found else ""
    trials = len(record.seeds)
    counted = f"{trials} trial{'s' if trials > 1 else ''}"
    return f"{said}{record.standing or 'kept'} after {counted} of {history.settings.budget_s:g} s"


def _figures(history: History, beliefs: dict[int, Posterior], number: int) -> str:
    parent = history.records[number].experiment.parent
    text = (
        f"Experiment {number} of the campaign {_tag(history)}, on top of experiment {parent}:"
        f" {_belief(history, beliefs, number)}."
    )
    if said := ablation_words(history, number):
        text += f" Ablation: {said}."
    return text


def _untrained(steps: Sequence[Step]) -> list[str]:
    if all(step.is_trained for step in steps):
        return []
    said = (
        "The figures are of the campaign's own train.py; this one was put together from it and was"
        " not trained."
    )
    return [_fill(said)]
