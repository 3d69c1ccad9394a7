"""The project around a made-up campaign: commits, learning curves, logs, transcripts, notebook."""

import json
import math
import random
import re
import subprocess
from pathlib import Path

from benchmarks.project import make_project
from benchmarks.thousand import BEGAN, HOSTILE, make_ledger
from harness.commit_message import message
from harness.experiment import Outcome
from harness.history import History, Record
from harness.ledger import read
from harness.notebook import write

ROOT = Path(__file__).parents[1]
SKILLS = ("copy", "reverse", "rotate", "sort", "cumsum", "add", "mul", "factor")
STEPS, LINES = 60_000, 60  # of a training, and of its metrics


def make_campaign(
    project: Path, n: int, *, tag: str = "thousand", seed: int = 0, hostile: bool = True
) -> Path:
    """A new repository in the folder `project` with results/<tag>/ of n experiments; the latter's
    path. Each experiment has its commit and ref, what was kept is on the branch, and `thinker
    board`, `show` and `diff` work in it."""
    make_project(project, (ROOT / "train.py").read_text(encoding="utf-8"))
    (project / ".git" / "info" / "exclude").write_text("results/\n")
    results = project / "results" / tag
    path = make_ledger(results, n, seed=seed, hostile=hostile)
    commits = _commit(project, tag, History.of(read(path)))
    history = History.of(read(make_ledger(results, n, seed=seed, commits=commits, hostile=hostile)))
    for number, record in history.records.items():
        folder = results / "experiments" / f"{number:04d}"
        for outcome in record.outcomes:
            _trial(folder / str(outcome.seed), outcome, hostile)
        if number in history.spending.by_experiment:
            _transcript(folder, record, hostile)
    write(results, history)
    tip = history.incumbent or 0
    for ref in (f"refs/heads/autoresearch/{tag}", f"refs/autoresearch/{tag}/incumbent"):
        _git(project, "update-ref", ref, commits[tip])
    return results


def _commit(project: Path, tag: str, history: History) -> list[str]:
    """Each experiment's commit on its parent's, all in one git process."""
    base, head = (project / "train.py").read_text(), _git(project, "rev-parse", "HEAD")
    sources: list[str] = []
    stream: list[str] = []
    for number, record in history.records.items():
        parent = record.experiment.parent
        source = _edited(sources[parent], record) if number else base
        sources.append(source)
        words = message(record.experiment, record.verdict, record.outcomes)
        when = f"{int(BEGAN.timestamp()) + 1000 * number} +0000"
        stream += [
            f"commit refs/autoresearch/{tag}/{number:04d}",
            f"mark :{number + 1}",
            f"committer bench <bench@localhost> {when}",
            _data(words),
            f"from {f':{parent + 1}' if number else head}",
            "M 100644 inline train.py",
            _data(source),
        ]
    marks = project / ".git" / "marks"
    subprocess.run(
        ["git", "fast-import", "--quiet", f"--export-marks={marks}"],
        cwd=project,
        input="\n".join(stream).encode(),
        check=True,
    )
    found = dict(line.split() for line in marks.read_text().splitlines())
    return [found[f":{number + 1}"] for number in history.records]


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"


def _edited(source: str, record: Record) -> str:
    """A constant moved, and a comment with the hypothesis, some lines of it."""
    number = record.experiment.id
    lines = source.split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith("LEARNING_RATE"))
    rate = f"{1 + number % 7}e-3"
    lines[place] = re.sub(r'("cpu": )[^,]+', rf"\g<1>{rate}", lines[place])
    said = " ".join(record.experiment.hypothesis[:400].split())
    note = [f"# {said}"] + [f"# tried as {number}.{i}" for i in range(number % 5)]
    at = 60 + number * 37 % (len(lines) - 80)
    while lines[at].startswith((" ", ")", "]", "}", "#", '"')):
        at += 1
    return "\n".join(lines[:at] + note + lines[at:])


def _trial(folder: Path, outcome: Outcome, hostile: bool) -> None:
    """metrics.jsonl and log.txt, as a training leaves them."""
    folder.mkdir(parents=True)
    drawn = random.Random(f"{outcome.experiment}:{outcome.seed}")
    last = LINES if outcome.steps else LINES // 20
    rows = []
    for line in range(1, last + 1):
        share = line / LINES
        loss = 2.6 * math.exp(-3.2 * share) + 0.12 + drawn.gauss(0.0, 0.03)
        row: dict[str, object] = {
            "step": round(STEPS * share),
            "seconds": round(outcome.train_s * line / last, 3),
            "samples": 13 * round(STEPS * share),
            "loss": round(loss, 5),
            "lr": 0.002 * (1 - share),
            "progress": round(share, 4),
            "frontier": {skill: round(4 + 28 * share) for skill in SKILLS},
        }
        if line % 6 == 0:
            row["exact_match"] = {
                level.name: round(level.correct / level.total * min(1.0, share * 1.1), 3)
                for level in outcome.levels
            }
        rows.append(json.dumps(row))
    (folder / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    log = [f"step {row}" for row in range(0, 400, 20)]
    if hostile:
        log += [HOSTILE[outcome.experiment % len(HOSTILE)]]
    if outcome.status == "crash":
        log += ["Traceback (most recent call last):", '  File "train.py", line 412, in main']
        log += ["    loss.backward()", outcome.reason]
    (folder / "log.txt").write_text("\n".join(log) + "\n", encoding="utf-8")


def _transcript(folder: Path, record: Record, hostile: bool) -> None:
    said = record.experiment.hypothesis[:2000]
    if hostile:
        said += HOSTILE[record.experiment.id % len(HOSTILE)]
    entries = [
        {"kind": "system", "model": "claude-opus-5-5", "parts": ["rules", "history"]},
        {
            "kind": "reply",
            "stop_reason": "tool_use",
            "usd": 0.02,
            "content": [
                {"type": "thinking", "thinking": "What has not been tried yet?"},
                {"type": "text", "text": said},
                {"type": "tool_use", "name": "submit", "input": {"hypothesis": said}},
            ],
        },
    ]
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"time": record.proposed_at} | entry) for entry in entries]
    (folder / "transcript.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _git(project: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=project, check=True, capture_output=True, text=True)
    return done.stdout.strip()
