"""leaderboard.tsv and leaderboard.md in results/<tag>: the board for a spreadsheet and for a pull
request, whole after every verdict."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.board_table import word_of
from harness.figures import change, probability, share, short
from harness.history import History
from harness.leaderboard import Row, notes, rows, summary
from harness.paint import LONGEST, MORE
from harness.plain import plain

TSV = (
    "id", "parent", "verdict", "standing", "status", "accuracy", "accuracy_sd", "raw_accuracy",
    "effect", "effect_sd", "p_real", "trials", "kind", "researcher", "expected", "parameters",
    "samples_s", "memory_mb", "seconds", "usd", "sealed", "commit", "hypothesis",
)  # fmt: skip
MD_MOST = 56_000  # characters of the table's lines: GitHub takes 65,536 in all
MD_LINE = 600  # characters of one such line at most
MD_TEXT = 200  # characters of a hypothesis in the table that people paste


def write_leaderboard(folder: Path, history: History) -> None:
    """Both files in `folder`, each by atomic rename. Raises OSError, and leaves the old ones."""
    shown = rows(history)
    _write(folder / "leaderboard.tsv", tsv({folder.name: shown}))
    _write(folder / "leaderboard.md", markdown(history, shown))


def tsv(campaigns: Mapping[str, Sequence[Row]]) -> str:
    """A head and a line for each row, the campaign first; unknown figures are empty."""
    lines = ["\t".join(("campaign", *TSV))]
    for tag, shown in campaigns.items():
        lines += ["\t".join((tag, *(_cell(getattr(row, name)) for name in TSV))) for row in shown]
    return "\n".join(lines) + "\n"


def markdown(history: History, shown: Sequence[Row]) -> str:
    """A title, a line of summary, and a table that GitHub shows; no text in it is markup.

    Where it would be too long for a pull request, what was kept stands in it alone.
    """
    assert history.started
    head = ("id", "verdict", "accuracy", "change", "P(real)", "trials", "parameters", "hypothesis")
    lines = [f"## {quoted(history.started.tag)}", "", f"{summary(history)}.", ""]
    if said := notes(history):
        lines += [*(f"- {quoted(note)}" for note in said), ""]
    lines += ["| " + " | ".join(head) + " |", "|" + " --: |" + " --- |" + " --: |" * 5 + " --- |"]
    chosen = [_line(row) for row in shown]
    if sum(map(len, chosen)) > MD_MOST:
        chosen = [_line(row) for row in shown if row.verdict == "keep"]
    if sum(map(len, chosen)) > MD_MOST:
        chosen = chosen[: MD_MOST // MD_LINE]
    lines += [*chosen, ""]
    if len(chosen) < len(shown):
        lines += [f"{len(shown) - len(chosen)} more are in `leaderboard.tsv`.", ""]
    lines.append("± is one standard deviation; bold is the incumbent.")
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    cells = (
        f"**{row.id}**" if row.is_incumbent else str(row.id),
        word_of(row),
        share(row.accuracy, row.accuracy_sd),
        change(row.effect, row.effect_sd),
        probability(row.p_real).replace(">", "&gt;").replace("<", "&lt;"),
        str(row.trials or ""),
        short(row.parameters),
        quoted(row.hypothesis),
    )
    return "| " + " | ".join(cells) + " |"


def quoted(text: str, most: int = MD_TEXT) -> str:
    """Any text as a code span for a table's cell, in which GitHub sees no markup, no link and
    nobody's name; empty where it is."""
    shown = plain(text[:LONGEST])
    if len(shown) > most or len(text) > LONGEST:
        shown = shown[: most - 1].rstrip() + MORE
    if not shown:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    room = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{room}{shown}{room}{fence}".replace("|", "\\|")


def _cell(value: object) -> str:
    """One cell: a text is one line, and none begins a formula in a spreadsheet."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = plain(str(value)[:LONGEST])
    return f"'{text}" if isinstance(value, str) and text.startswith(("=", "+", "-", "@")) else text


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
