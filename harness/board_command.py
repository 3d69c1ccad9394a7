"""`thinker board`, `show`, `diff` and `stop`: what a ledger says, read without disturbing it."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from harness import campaign as campaigns
from harness import ledger as ledger_file
from harness.believed import posteriors
from harness.campaign import RESULTS, Found
from harness.costs import money, tokens_words
from harness.errors import Misuse
from harness.history import History
from harness.leaderboard import notes, rows, slot_time, summary
from harness.live import table
from harness.plain import plain
from harness.provenance import provenance, provenance_words
from harness.repo import Repo
from harness.scored_table import results_console
from harness.sealed_words import board_lines
from harness.transcript_command import print_transcript

STOP_S = 3600.0


def board(tag: str | None, as_json: bool) -> int:
    """Raises Misuse."""
    found, damage = read(tag)
    listed = rows(found.history)
    if as_json:
        print(json.dumps([row.as_dict() for row in listed], indent=2, allow_nan=False))
    else:
        parts: list[RenderableType] = [table(listed), Text(), Text(summary(found.history))]
        if used := slot_time(found.history).words():
            parts.append(Text(used, style="dim"))
        if spent := money(found.history):
            parts.append(Text(spent, style="dim"))
        parts += [Text(line) for line in board_lines(found.history)]
        parts += [Text(note, style="dim") for note in notes(found.history)]
        parts.append(Text(state_of(found), style="dim"))
        if damage:
            parts.append(Text(damage, style="red"))
        results_console().print(Group(*parts))
    return 1 if damage else 0


def show(tag: str | None, number: int, as_json: bool, transcript: bool) -> int:
    found, _ = read(tag)
    record = _record(found.history, number)
    if transcript:
        return print_transcript(found.path.parent, number, as_json)
    if as_json:
        from dataclasses import asdict

        told = asdict(record) | {"provenance": provenance(found.history, record)}
        print(json.dumps(told, indent=2, allow_nan=False))
        return 0
    experiment, verdict = record.experiment, record.verdict
    lines: list[tuple[str, Any]] = [
        ("experiment", experiment.id),
        ("hypothesis", experiment.hypothesis),
        ("researcher", f"{experiment.researcher}, {experiment.kind}"),
        ("parent", experiment.parent if number else "none"),
        ("commit", record.commit),
        ("proposed", record.proposed_at),
        ("preflight", experiment.preflight),
        ("verdict", f"{verdict.decision}: {verdict.reason}" if verdict else "none yet"),
    ]
    if posterior := posteriors(found.history).get(number):
        lines.append(("accuracy", f"{posterior.accuracy:.4f} ± {posterior.accuracy_sd:.4f}"))
        if number:
            effect = f"{posterior.effect:+.4f} ± {posterior.effect_sd:.4f}"
            lines.append(("effect", f"{effect}, P(real) {posterior.p_real:.2f}"))
    lines += provenance_words(found.history, record)
    if record.standing:
        lines.append(("standing", record.standing))
    if spent := found.history.spending.by_experiment.get(number):
        words = f"{spent.usd:.4f} dollars in {spent.calls} calls, {tokens_words(spent)}"
        lines.append(("cost", words))
    for outcome in record.outcomes:
        figures = f"{outcome.status}"
        if outcome.status == "ok":
            figures += f", accuracy {outcome.accuracy:.4f}"
        figures += f", {outcome.train_s:.1f} s training, {outcome.score_s:.1f} s scoring"
        if outcome.steps is not None:
            figures += f", {outcome.steps} steps"
        if outcome.memory_mb is not None:
            figures += f", {outcome.memory_mb:.0f} MB"
        figures += f", slot {outcome.slot}, {outcome.sandbox}"
        lines.append((f"seed {outcome.seed}", figures))
        lines += [("", flag) for flag in outcome.flags]
        if outcome.reason:
            lines.append(("", outcome.reason))
        for level in outcome.levels:
            lines.append(("", f"{level.name:12} {level.correct}/{level.total}"))
    folder = found.path.parent / "experiments" / f"{number:04d}"
    if folder.is_dir():
        lines.append(("files", folder))
    for key, value in lines:
        print(f"{key:16} {plain(str(value))}")
    return 0


def diff(tag: str | None, number: int, against: int | None) -> int:
    """Against its parent, or another experiment."""
    found, _ = read(tag)
    record = _record(found.history, number)
    other = _record(found.history, record.experiment.parent if against is None else against)
    repo = Repo(Path.cwd(), found.tag)
    text = repo.difference(other.commit, record.commit)
    if sys.stdout.isatty():
        from rich.syntax import Syntax

        Console().print(Syntax(text, "diff", theme="ansi_dark", background_color="default"))
    else:
        print(text)
    return 0


def stop(tag: str | None, now: bool) -> int:
    """Ask a running campaign to end, and wait until it has. Raises Misuse."""
    running = [
        (path, pid)
        for path in (Path.cwd() / RESULTS).glob("*/ledger.jsonl")
        if (pid := ledger_file.writer_of(path)) and tag in (None, path.parent.name)
    ]
    if not running:
        what = f"the campaign {tag}" if tag else "a campaign"
        raise Misuse(f"{what} is not running here; thinker board shows what there is")
    if len(running) > 1:
        tags = ", ".join(path.parent.name for path, _ in running)
        raise Misuse(f"several campaigns are running ({tags}); name one")
    path, pid = running[0]
    os.kill(pid, signal.SIGTERM if now else signal.SIGUSR1)
    what = "end at once" if now else "finish what runs, then end (thinker stop --now: at once)"
    print(f"asked {path.parent.name}, process {pid}, to {what}", file=sys.stderr, flush=True)
    deadline = time.monotonic() + STOP_S
    while ledger_file.writer_of(path) == pid and time.monotonic() < deadline:
        time.sleep(0.1)
    return 0


def read(tag: str | None) -> tuple[Found, str]:
    """The campaign, by default the newest, and what is wrong with its ledger. Raises Misuse."""
    project = Path.cwd()
    if tag is None:
        path = max(
            (project / RESULTS).glob("*/ledger.jsonl"),
            key=lambda p: p.stat().st_mtime,
            default=None,
        )
        if path is None:
            raise Misuse(f"there is no campaign in {project / RESULTS}; thinker run begins one")
    else:
        path = campaigns.ledger_of(project, tag)
        if not path.is_file():
            campaigns.restore(project, tag, path)
        if not path.is_file():
            tags = sorted(p.parent.name for p in (project / RESULTS).glob("*/ledger.jsonl"))
            there = f"; there is {', '.join(tags)}" if tags else ""
            raise Misuse(f"there is no campaign {tag} in {project / RESULTS}{there}")
    try:
        entries, damage = ledger_file.read(path), ""
    except ledger_file.Damaged as damaged:
        entries, damage = damaged.readable, str(damaged)
    history = History.of(entries)
    if history.started is None:
        raise Misuse(damage or f"the campaign {path.parent.name} has not begun yet")
    return Found(path.parent.name, path, history), damage


def state_of(found: Found) -> str:
    pid = ledger_file.writer_of(found.path)
    stopped = found.history.stopped
    if found.history.revealed:
        return f"{found.tag} is closed"
    if pid:
        return f"{found.tag} is running (process {pid})"
    if stopped and stopped.is_finished:
        return f"{found.tag} is finished: {stopped.reason}"
    return f"{found.tag} is unfinished; thinker run --tag {found.tag} goes on"


def _record(history: History, number: int) -> Any:
    if number not in history.records:
        last = history.next_id - 1
        raise Misuse(f"there is no experiment {number}; they go from 0 to {last}")
    return history.records[number]
