"""results/<tag>/report.html: a campaign on one page that needs no other file and no network.

`Report` writes it again and again and renders anew only what has changed; it touches nothing but
its own folder and git's objects, so that it may work in a thread of its own. What is hostile in a
campaign (hypotheses, reasons, logs, differences, transcripts) is text there: Jinja2 escapes it, and
the page's policy lets no script run but its own.
Not covered: more than some 3,000 experiments; the page then grows beyond 10 MB.
"""

import base64
import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.believed import beliefs_of, posteriors
from harness.experiment import BASELINE, Posterior
from harness.figures import probability
from harness.history import History, Record
from harness.leaderboard import rows
from harness.repo import Repo
from harness.report import charts, figures, progress, text
from harness.report.ablated import ablated
from harness.report.curves import Curves
from harness.report.diffs import Difference, Diffs, marked
from harness.report.experiment import facts_of, log_of, moment, transcript_of
from harness.report.svg import Scale
from harness.report.text import Long
from harness.researcher.brief_figures import kind_of, yields
from harness.sealed_words import board_lines

HERE = Path(__file__).parent
NAME = "report.html"
DIFFS, TRANSCRIPTS, LOGS = 3_500_000, 1_500_000, 500_000  # bytes that all of them may take


def write_report(folder: Path, history: History, repo: Repo | None = None) -> Path:
    """Write folder/report.html once, by atomic rename; its path. Raises OSError."""
    return Report(folder, repo).write(history)


@dataclass(frozen=True, slots=True)
class Caps:
    """Bytes that one difference, one transcript, one log may take."""

    diff: int
    transcript: int
    log: int


class Known(NamedTuple):
    """What was made of an experiment, and of what: the same records give the same text."""

    record: Record
    parent: Record
    difference: Difference
    caps: Caps
    body: Markup


class Report:
    """The page of the campaign in `folder`, results/<tag>/; without a repository it has no
    differences. Use it from one thread at a time."""

    def __init__(self, folder: Path, repo: Repo | None) -> None:
        self.folder = folder
        self.diffs, self.curves = Diffs(repo), Curves(folder)
        self.longs: dict[int, tuple[Record, Long, Long]] = {}
        self.bodies: dict[int, Known] = {}

    def write(self, history: History, damage: str = "") -> Path:
        """`damage` is what is wrong with the ledger, if anything. Raises OSError."""
        path, unfinished = self.folder / NAME, self.folder / f".report.{os.getpid()}.tmp"
        page = self.page(history, damage)
        for left in self.folder.glob(".report.*.tmp"):  # by one that was killed at this
            writer = left.name.split(".")[2]
            if not (writer.isdecimal() and psutil.pid_exists(int(writer))):
                left.unlink(missing_ok=True)
        try:
            unfinished.write_text(page, encoding="utf-8", newline="")
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        return path

    def page(self, history: History, damage: str = "") -> str:
        assert history.started, "a campaign begins with its first event"
        bodies = self._bodies(history)
        told = _told(history, damage, self.curves)
        style, start, script = (_read(name) for name in ("style.css", "start.js", "page.js"))
        return (
            environment()
            .get_template("page.html")
            .render(
                **told,
                bodies=bodies,
                style=Markup(style),
                start=Markup(start),
                script=Markup(script),
                policy=policy(style, start, script),
            )
        )

    def _bodies(self, history: History) -> dict[int, Markup]:
        records = history.records
        diffs = self.diffs.of(records)
        longs = {number: self._long(record) for number, record in records.items()}
        caps = Caps(
            text.cap((diff.long.weight for diff in diffs.values()), DIFFS),
            text.cap((said.weight for said, _ in longs.values()), TRANSCRIPTS),
            text.cap((log.weight for _, log in longs.values()), LOGS),
        )
        found = {}
        for number, record in records.items():
            parent, diff = records[record.experiment.parent], diffs[number]
            known = self.bodies.get(number)
            if known is None or known[:4] != (record, parent, diff, caps):
                facts = facts_of(history, record)
                shown = _shown(facts.commands, diff, *longs[number], caps)
                body = environment().get_template("experiment.html").render(e=facts, **shown)
                known = self.bodies[number] = Known(record, parent, diff, caps, Markup(body))
            found[number] = known.body
        return found

    def _long(self, record: Record) -> tuple[Long, Long]:
        """Transcript and log."""
        number = record.experiment.id
        known = self.longs.get(number)
        if known is None or known[0] is not record:
            said, log = transcript_of(self.folder, record), log_of(self.folder, record)
            known = self.longs[number] = (record, said, log)
        return known[1:]


@functools.cache
def environment() -> Environment:
    """The templates beside this file, in which every text is escaped that is no Markup."""
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"figure": figures.figure, "line": text.line, "points": figures.points}
    made.filters["probability"] = probability
    return made


def _shown(
    commands: tuple[str, ...], diff: Difference, said: Long, log: Long, caps: Caps
) -> dict[str, Any]:
    """Difference, transcript and log as they are cut."""
    show = commands[0]
    lines = text.first(diff.long, caps.diff, show.replace(" show ", " diff "))
    return {
        "diff": text.joined(lines, marked),
        "changed": (diff.added, diff.removed),
        "transcript": "\n".join(text.first(said, caps.transcript, f"{show} --transcript")),
        "log": "\n".join(text.last(log, caps.log, "log.txt in its folder")),
    }


def _told(history: History, damage: str, curves: Curves) -> dict[str, Any]:
    """What the page's template is given, its texts of others made harmless."""
    started, found, noise = history.started, posteriors(history), beliefs_of(history)[1]
    assert started
    listed = rows(history)
    line = [row for n in reversed(history.line()) if (row := listed[n]).id != BASELINE]
    withdrawn = [row for row in listed if row.standing == "withdrawn" and row not in line]
    shown = charts.largest(line)
    kinds = yields(history, listed)
    columns, levels = figures.over_incumbents(history)
    panels, trials = curves.panels(history)
    read = progress.readings_of(history)
    y, below = progress.heights(history, read, found)
    scale = charts.effects_scale([*line, *withdrawn])
    drawn = _drawings(history, read, found, y)
    return {
        "tag": started.tag,
        "verdict": figures.verdict(history, found),
        "keys": figures.keys(history),
        "warnings": figures.warnings(history, listed, damage),
        "about": about(history),
        "sealed": board_lines(history),
        "rows": listed,
        "kinds_of": {row.id: kind_of(history.records[row.id]) for row in listed},
        "drawings": drawn,
        "below": below,
        "noise": noise.sd,
        "columns": columns,
        "levels": levels,
        "kinds": [(k, charts.kind_bar(k, max(each.tried for each in kinds))) for k in kinds],
        "panels": panels,
        "curve_trials": trials,
        "slots": charts.slot_parts(history),
        "slot_bar": charts.stack([(p.name, p.share) for p in charts.slot_parts(history)]),
        "money": charts.money(history),
        "is_doubtful": charts.is_doubtful,
        "line": [(row, charts.effect(row, scale)) for row in line if row in shown],
        "rest": [(row, charts.effect(row, scale)) for row in line if row not in shown],
        "ablated": ablated(history),
        "withdrawn": [(row, charts.effect(row, scale)) for row in withdrawn],
        "as_of": moment(history.last_at),
        "has_money": any(row.usd is not None for row in listed),
    }


def _drawings(
    history: History, read: Sequence[progress.Reading], found: Mapping[int, Posterior], y: Scale
) -> dict[str, Markup]:
    ways: dict[str, Callable[..., progress.Place]] = {
        "number": progress.by_number,
        "time": progress.by_time,
    }
    return {n: progress.draw(history, read, found, way(history, y)) for n, way in ways.items()}


def about(history: History) -> list[tuple[str, str]]:
    """What the campaign is and where its figures come from."""
    started, settings = history.started, history.settings
    assert started
    stopped = history.stopped
    state = f"ended: {stopped.reason}" if stopped else "not ended when this page was written"
    state = "closed" if history.revealed else state
    model = settings.model
    each = f"{settings.budget_s:g} s" + (
        f", at most {settings.max_steps} steps" if settings.max_steps is not None else ""
    )
    found = [
        ("began", moment(history.started_at)),
        ("state", state),
        ("researcher", " ".join(settings.researcher)),
        ("model", f"{model.name} {model.effort}".strip() if model else ""),
        ("a trial", f"{each}, {settings.problems} problems a level"),
        ("slots", f"{history.slots} on {settings.device}, preset {settings.preset}"),
        ("sandbox", settings.sandbox),
        ("machine", started.machine),
        ("based on", started.based_on or f"commit {started.head[:12]}"),
        ("harness", f"{started.version} {started.package[:12]}".strip()),
        ("campaign", started.campaign),
        ("secret", f"SHA-256 {started.secret_sha256[:16]}…" if started.secret_sha256 else ""),
    ]
    return [(key, text.line(said)) for key, said in found if said]


def policy(style: str, *scripts: str) -> str:
    """The page's Content-Security-Policy: what is inline in it, known by hash, and nothing else."""
    hashes = " ".join(f"'{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src '{_digest(style)}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


__all__ = ["Report", "policy", "write_report"]
