"""`thinker show` and `thinker diff`: one experiment, read without disturbing its campaign."""

import gc
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.believed import posteriors
from harness.errors import Misuse
from harness.experiment import BASELINE, Outcome
from harness.history import History, Record
from harness.leaderboard import rows
from harness.paint import Paint, cut, facts_lines, paint_for, say, width_of_terminal, wrapped
from harness.plain import plain_lines
from harness.reading import Found, read, running
from harness.repo import Repo

DIFF_LINES, LOG_LINES, PLOT_ROWS = 40, 12, 6  # of each, without --full
LOG_BYTES = 64 * 1024  # of a log's end that are read, without --full
GAP = 2
SIDE_BY_SIDE = 72  # columns from which the two curves stand beside each other
COLOURS = {"+++": "bold", "---": "bold", "dif": "bold", "ind": "dim", "@@ ": "cyan"}


def show(tag: str | None, number: int, as_json: bool, transcript: bool, full: bool) -> int:
    """Raises Misuse."""
    gc.disable()  # as in `board`
    found, _ = read(tag)
    record = _record(found.history, number)
    if transcript:
        from harness.transcript_command import print_transcript

        return print_transcript(found.path.parent, number, as_json, full)
    if as_json:
        row = next(r for r in rows(found.history, running(found)) if r.id == number).as_dict()
        told = asdict(record) | {"provenance": row.pop("provenance"), "board": row}
        say(json.dumps(told, indent=2, allow_nan=False))
        return 0
    say("\n".join(_Page(found, record, full).lines()))
    return 0


def diff(tag: str | None, number: int, other: int | None) -> int:
    """What the experiment has that the other, or its parent, has not. Raises Misuse."""
    found, _ = read(tag)
    record = _record(found.history, number)
    against = record.experiment.parent if other is None else other
    held = _record(found.history, against)
    if other is None and number == BASELINE:
        say("experiment 0 is the baseline: it has no parent to differ from")
        return 0
    lines = _difference(found, held, record)
    if not lines:
        lines = [f"the train.py of experiment {number} is that of experiment {against}"]
    say("\n".join(_coloured(lines, paint_for(sys.stdout))))
    return 0


@dataclass(frozen=True, slots=True)
class _Page:
    found: Found
    record: Record
    full: bool

    def lines(self) -> Iterator[str]:
        from harness import show_words as words

        history, record = self.found.history, self.record
        number, parent = record.experiment.id, record.experiment.parent
        width, paint = width_of_terminal(), paint_for(sys.stdout)
        listed, believed = rows(history, running(self.found)), posteriors(history)
        row = listed[number]
        yield paint(wrapped(words.headline(history, row, record), width, 2), "bold")
        yield ""
        text = words.hypothesis(record, full=self.full)
        yield "  " + wrapped("x" * 2 + text, width, 2)[2:]
        yield ""
        for name, said in words.result(history, row, believed):
            yield from facts_lines(name, said, width, paint, "bold" if name == "result" else "")
        if "\n" in record.experiment.refused.strip():
            yield from self.gate(width, paint)
        if any(outcome.status == "ok" for outcome in record.outcomes):
            yield ""
            yield from self.levels(width, paint)
        if record.outcomes:
            yield ""
            head, *rest = words.trial_lines(record, width)
            yield paint(head, "dim")
            yield from rest
        if curves := self.curves(width):
            yield ""
            yield from curves
        if failed := next((o for o in record.outcomes if o.status not in ("ok", "lost")), None):
            yield from self.log(failed, width, paint)
        if number != BASELINE:
            yield ""
            yield paint("the line to it", "dim")
            head, *rest = words.lineage(history, listed, number, width, full=self.full)
            yield paint(head, "dim")
            yield from rest
            yield ""
            yield from self.diff(parent, width, paint)
        yield ""
        for name, said in words.origins(history, record, self.found.tag):
            yield from facts_lines(name, said, width, paint, "")
        folder = self.folder()
        if folder.is_dir():
            yield from facts_lines("files", str(_short(folder)), width, paint, "")

    def levels(self, width: int, paint: Paint) -> Iterator[str]:
        from harness.contention import counted
        from harness.level_table import level_table

        number, parent = self.record.experiment.id, self.record.experiment.parent
        theirs = self.found.history.records[parent].outcomes if number != BASELINE else ()
        mine = self.record.outcomes
        yield from level_table(number, mine, parent, theirs, width, paint)
        read = [[o for o in each if o.status == "ok"] for each in (mine, theirs)]
        left_out = any(len(counted(each)) < len(each) for each in read)
        trials = "trials, slowed ones aside" if left_out else "trials"
        note = (
            f"right: pooled over {trials}, #: the share; intervals: over the draw of problems, not"
            " over seeds"
        )
        yield paint(wrapped(note, width, 0), "dim")

    def folder(self) -> Path:
        return self.found.path.parent / "experiments" / f"{self.record.experiment.id:04d}"

    def curves(self, width: int) -> list[str]:
        """Loss and exact match of its first trial that left any."""
        from harness.metrics import mean_exact
        from harness.researcher.curve_text import telemetry
        from harness.tasks import ladder_of
        from harness.text_plot import beside, plot

        names = [level.name for level in ladder_of(self.found.history.settings.tasks)]
        for outcome in self.record.outcomes:
            told = telemetry(self.folder() / str(outcome.seed))
            if not told:
                continue
            is_wide = width >= SIDE_BY_SIDE
            columns = min(width // 2 if is_wide else width, 80) - GAP
            losses = [(row["seconds"], row["loss"]) for row in told if "loss" in row]
            means = [mean_exact(row.get("exact_match") or {}, names) for row in told]
            exact = [
                (row["seconds"], mean)
                for row, mean in zip(told, means, strict=True)
                if mean is not None
            ]
            title = f"loss (log), seed {outcome.seed}"
            end = told[-1]["seconds"]
            left = plot(title, losses, columns, PLOT_ROWS, end, is_log=True)
            right = plot("exact match while training", exact, columns, PLOT_ROWS, end)
            return beside(left, right, columns + GAP) if is_wide else [*left, *right]
        return []

    def gate(self, width: int, paint: Paint) -> Iterator[str]:
        """What it said of an edit that it refused, such as a preflight's traceback."""
        lines = plain_lines(self.record.experiment.refused.strip().expandtabs(4))
        yield ""
        yield paint("what the gate said", "dim")
        for line in lines if self.full else lines[-LOG_LINES:]:
            yield paint("│ ", "dim") + (line if self.full else _begun(line, width - 2))

    def log(self, outcome: Outcome, width: int, paint: Paint) -> Iterator[str]:
        path = self.folder() / str(outcome.seed) / "log.txt"
        try:
            with path.open("rb") as file:
                size = path.stat().st_size
                file.seek(0 if self.full else max(0, size - LOG_BYTES))
                said = file.read().decode(errors="replace")
        except OSError:
            return
        lines = plain_lines(said.rstrip("\n").expandtabs(4)) if said.strip() else []
        shown = lines if self.full else lines[-LOG_LINES:]
        is_whole = len(shown) == len(lines) and (self.full or size <= LOG_BYTES)
        yield ""
        where = f"{'' if is_whole else 'the end of '}{_short(path)}"
        yield paint(wrapped(where, width, 2), "dim")
        for line in shown:
            yield paint("│ ", "dim") + (line if self.full else _begun(line, width - 2))

    def diff(self, parent: int, width: int, paint: Paint) -> Iterator[str]:
        number = self.record.experiment.id
        yield paint(f"changed against experiment {parent}", "dim")
        try:
            lines = _difference(self.found, self.found.history.records[parent], self.record)
        except Misuse as error:
            yield wrapped(str(error), width, 0)
            return
        body = [line.expandtabs(4) for line in lines[4:]]
        shown = body if self.full else [_begun(line, width) for line in body[:DIFF_LINES]]
        yield from _coloured(shown, paint)
        if len(shown) < len(body):
            yield paint(f"… {len(body) - len(shown)} lines more: thinker diff {number}", "dim")
        if not body:
            is_unfit = self.record.experiment.refused.startswith("parse:")  # the parent does parse
            yield "nothing: the edit could not be applied" if is_unfit else "nothing"


def _begun(line: str, columns: int) -> str:
    return cut(line[: 4 * columns], columns)


def _difference(found: Found, old: Record, new: Record) -> list[str]:
    """Lines of git's, harmless to show; none where the two are the same."""
    repo = Repo(Path.cwd(), found.tag)
    try:
        text = repo.difference(old.commit, new.commit)
    except repo.failure as error:
        gone = f"git has not both commits any more ({old.commit[:12]}, {new.commit[:12]})"
        raise Misuse(gone) from error
    return plain_lines(text.rstrip("\n")) if text else []


def _coloured(lines: list[str], paint: Paint) -> Iterator[str]:
    for line in lines:
        style = COLOURS.get(line[:3]) or {"+": "green", "-": "red"}.get(line[:1], "")
        yield paint(line, style)


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _record(history: History, number: int) -> Record:
    if number not in history.records:
        last = history.next_id - 1
        raise Misuse(f"there is no experiment {number}; they go from 0 to {last}")
    return history.records[number]
