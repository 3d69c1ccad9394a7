"""One experiment as the tool `read_experiment` shows it: figures, diff, curve, log or source."""

import difflib
from typing import Literal, get_args

from harness.believed import beliefs_of
from harness.experiment import BASELINE, Outcome
from harness.history import Record
from harness.leaderboard import rows
from harness.researcher import Brief
from harness.researcher.brief_figures import pooled, share
from harness.researcher.brief_scene import Scene, entry, read_text
from harness.researcher.curve_text import curve, frontiers, pace, telemetry, trial_folder
from harness.researcher.quoting import MARGIN, first_of, numbered, one_line, quoted, size
from harness.tasks import ladder_of

What = Literal["summary", "diff", "curve", "log", "source"]
MOST_BYTES = 24_000  # of an answer
SOURCE_BYTES = 130_000  # of a source
DIFFED_LINES = 8_000  # of both sources; a longer one is not compared
POINTS = 20  # moments of a curve
MARK_BYTES = 500  # beside what is quoted


def experiment_text(brief: Brief, number: int, what: str) -> str:
    """Always an answer: what cannot be shown is said."""
    records = brief.history.records
    if number not in records:
        last = brief.history.next_id - 1
        there = f"they go from 0 to {last}" if last >= 0 else "there is none yet"
        return f"error: there is no experiment {number}; {there}"
    if what not in get_args(What):
        known = ", ".join(get_args(What))
        return f"error: nothing is called {one_line(what, 40)!r}; what may be {known}"
    record = records[number]
    match what:
        case "diff":
            return _diff(brief, record)
        case "curve":
            return _curves(brief, record)
        case "log":
            return _logs(brief, record)
        case "source":
            head = f"train.py of experiment {number}; it is data:\n"
            return head + numbered(brief.source_of(number), SOURCE_BYTES - size(head))
        case _:
            return _summary(brief, record)


def _summary(brief: Brief, record: Record) -> str:
    history, experiment = brief.history, record.experiment
    _, noise = beliefs_of(history)
    listed = rows(history, {trial.experiment for trial in brief.running})
    scene = Scene(brief, listed, noise.sd, history.last_at)
    lines = [entry(scene, listed[experiment.id])]
    if record.verdict:
        lines.append(quoted(record.verdict.reason, 1_000, "the verdict's reason"))
    if experiment.refused:
        lines.append(quoted(experiment.refused, 6_000, "why a gate refused it"))
    for outcome in record.outcomes:
        accuracy = f", accuracy {outcome.accuracy:.4f}" if outcome.status == "ok" else ""
        lines.append(f"seed {outcome.seed}: {outcome.status}{accuracy}, {pace(outcome)}")
        lines += [
            f"  {MARGIN}{one_line(text, 300)}" for text in (*outcome.flags, outcome.reason) if text
        ]
    lines += _levels(brief, record)
    return "\n".join(first_of(lines, MOST_BYTES, "lines"))


def _levels(brief: Brief, record: Record) -> list[str]:
    """Each trial's right answers, level by level, beside all trials' of its parent."""
    right = [outcome for outcome in record.outcomes if outcome.status == "ok"]
    parent = record.experiment.parent
    base = pooled(brief.history.records[parent].outcomes)
    if not right:
        return []
    lines = [f"{'level':12}" + "".join(f" {f'seed {o.seed}':>16}" for o in right) + "   parent"]
    lines[0] = lines[0] if record.experiment.id != BASELINE else lines[0].removesuffix("   parent")
    for name in pooled(right):
        cells = "".join(f" {_cell(outcome, name):>16}" for outcome in right)
        before = f"   {share(base[name]):.3f}" if name in base else ""
        lines.append(f"{name:12}{cells}{before if record.experiment.id != BASELINE else ''}")
    return lines


def _cell(outcome: Outcome, name: str) -> str:
    level = next((level for level in outcome.levels if level.name == name), None)
    return f"{level.correct}/{level.total}" if level else "-"


def _diff(brief: Brief, record: Record) -> str:
    number, parent = record.experiment.id, record.experiment.parent
    if number == BASELINE:
        return "experiment 0 is the baseline: it has no parent to differ from"
    old, new = brief.source_of(parent).split("\n"), brief.source_of(number).split("\n")
    if len(old) + len(new) > DIFFED_LINES:
        return (
            f"the sources of {number} and {parent} are too long to compare; read them by `source`"
        )
    names = f"experiment {parent}", f"experiment {number}"
    text = "\n".join(difflib.unified_diff(old, new, *names, n=3, lineterm=""))
    return quoted(text, MOST_BYTES, f"diff of experiment {number} to its parent {parent}")


def _curves(brief: Brief, record: Record) -> str:
    parts = []
    for outcome in record.outcomes:
        told = telemetry(trial_folder(brief.results, record.experiment.id, outcome.seed))
        ladder = ladder_of(brief.history.settings.tasks)
        lines = curve(told, POINTS, ladder) or ["no curve was left"]
        ends = [f"frontiers, begin → middle → end: {frontiers(told)}"] if frontiers(told) else []
        head = f"seed {outcome.seed}, {outcome.status}: {pace(outcome)}"
        parts.append("\n".join([head, *lines, *ends]))
    if not parts:
        return f"experiment {record.experiment.id} has had no trial{_why(record)}"
    return "\n\n".join(first_of(parts, MOST_BYTES, "trials"))


def _logs(brief: Brief, record: Record) -> str:
    """The end of what a training printed is where its traceback is."""
    number = record.experiment.id
    parts = []
    for outcome in record.outcomes:
        folder = trial_folder(brief.results, number, outcome.seed)
        for name in ("log.txt", "harness-error.txt"):
            if text := read_text(folder, name):
                parts.append((f"{name} of experiment {number}, seed {outcome.seed}", text))
    if record.experiment.refused:
        parts.append((f"why a gate refused experiment {number}", record.experiment.refused))
    if not parts:
        return f"experiment {number} left no log{_why(record)}"
    room = MOST_BYTES // len(parts) - MARK_BYTES
    return "\n\n".join(quoted(text, max(0, room), label) for label, text in parts)


def _why(record: Record) -> str:
    return "; a gate refused it, see its summary" if record.experiment.refused else ""
