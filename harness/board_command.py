"""`thinker board`: what a ledger says, read without disturbing it."""

import gc
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.board_table import table
from harness.board_words import facts, headline
from harness.errors import Broken, Misuse, in_words
from harness.leaderboard import Row, order, rows
from harness.paint import Paint, facts_lines, paint_for, say, width_of_terminal, wrapped
from harness.reading import RESULTS, Found, ledgers, read_at, running, state_now, stored_tags
from harness.reading import read as read

STYLES = {"accuracy": "bold", "sealed": "", "campaign": "", "tried": "", "incumbent": ""}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown: which campaigns, which rows in which order, and as what."""

    tags: tuple[str, ...] = ()
    every: bool = False
    kept: bool = False
    sort: str = "id"
    form: str = ""  # json, tsv or md; empty for a person


def board(wanted: Wanted) -> int:
    """1 where a ledger is damaged. Raises Misuse."""
    gc.disable()  # a thousand experiments are a million objects, all of which live to the end
    if wanted.every and wanted.tags:
        raise Misuse("--all lists every campaign; name none beside it")
    tags = tuple(dict.fromkeys(wanted.tags))
    if wanted.every or len(tags) > 1:
        return _several(wanted, tags)
    found, damage = read(tags[0] if tags else None)
    shown = _chosen(found, wanted)
    match wanted.form:
        case "json":
            say(json.dumps([row.as_dict() for row in shown], indent=2, allow_nan=False))
        case "tsv":
            from harness.board_files import tsv

            say(tsv({found.tag: shown}).rstrip("\n"))
        case "md":
            from harness.board_files import markdown

            say(markdown(found.history, shown).rstrip("\n"))
        case _:
            say("\n".join(_page(found, shown, damage, is_newest=not tags)))
    if damage and wanted.form:
        print(f"thinker: {damage}", file=sys.stderr)
    return 1 if damage else 0


def _chosen(found: Found, wanted: Wanted) -> list[Row]:
    shown = rows(found.history, running(found))
    if wanted.kept:
        shown = [row for row in shown if row.verdict == "keep"]
    return order(shown, wanted.sort)


def _page(found: Found, shown: Sequence[Row], damage: str, *, is_newest: bool) -> list[str]:
    width, paint = width_of_terminal(), paint_for(sys.stdout)
    tag, _, rest = wrapped(headline(found.history), width, 2).partition(" ")
    state, stands = state_now(found)
    lines = [f"{paint(tag, 'bold')} {rest}", "", *table(shown, width, paint), ""]
    stands = f"{found.tag} is {stands}"
    said = facts(found.history, stands, is_running=state == "running", now=datetime.now(UTC))
    last = ""
    for name, words in said:
        shown_name = "" if name == last else name
        lines += facts_lines(shown_name, words, width, paint, STYLES.get(name, "dim"))
        last = name
    if damage:
        lines.append(paint(wrapped(f"damaged: {damage}", width, 2), "red"))
    others = len(ledgers(Path.cwd())) - 1
    if is_newest and others > 0:
        word = "campaign is" if others == 1 else "campaigns are"
        more = f"{others} other {word} here: thinker board --all"
        lines += facts_lines("others", more, width, paint, "dim")
    return lines


def _several(wanted: Wanted, tags: Sequence[str]) -> int:
    """Campaigns beside each other; of those that were named also what each kept."""
    from harness.campaigns_table import campaign_dict, campaigns_table, unlike

    here = Path.cwd()
    found = [read(tag) for tag in tags] if tags else _readable(here)
    if not found:
        raise Misuse(
            f"there is no campaign in {here / RESULTS}; thinker run begins one,"
            " in the project's folder"
        )
    campaigns = [campaign for campaign, _ in found]
    chosen = {campaign.tag: _chosen(campaign, wanted) for campaign in campaigns}
    damages = [damage for _, damage in found if damage]
    match wanted.form:
        case "json":
            told: list[dict[str, Any]] = [campaign_dict(campaign) for campaign in campaigns]
            for each in told if tags else ():
                each["rows"] = [row.as_dict() for row in chosen[each["campaign"]]]
            say(json.dumps(told, indent=2, allow_nan=False))
        case "tsv":
            from harness.board_files import tsv

            say(tsv(chosen).rstrip("\n"))
        case "md":
            from harness.board_files import markdown

            pages = [markdown(each.history, chosen[each.tag]) for each in campaigns]
            say("\n".join(pages).rstrip("\n"))
        case _:
            width, paint = width_of_terminal(), paint_for(sys.stdout)
            lines = list(campaigns_table(campaigns, width))
            lines[0] = paint(lines[0], "dim")
            if differ := unlike([campaign.history for campaign in campaigns]):
                words = f"not to be compared by accuracy: they differ in {', '.join(differ)}"
                lines.append(paint(wrapped(words, width, 2), "yellow"))
            for campaign in campaigns if tags else ():
                kept = [row for row in chosen[campaign.tag] if row.verdict == "keep"]
                lines += ["", f"kept in {paint(campaign.tag, 'bold')}"]
                lines += table(kept, width, paint)
            if not tags:
                lines += _wiped(here, campaigns, width, paint)
            say("\n".join([*lines, *(paint(wrapped(d, width, 2), "red") for d in damages)]))
    return 1 if damages else 0


def _readable(project: Path) -> list[tuple[Found, str]]:
    """Every campaign that has begun, newest first."""
    found = []
    for path in ledgers(project):
        try:
            found.append(read_at(path))
        except (Misuse, Broken, OSError) as error:
            print(f"thinker: {path.parent.name} is left out: {in_words(error)}", file=sys.stderr)
    return found


def _wiped(project: Path, campaigns: Sequence[Found], width: int, paint: Paint) -> list[str]:
    """What git alone still holds, and how to be rid of a campaign."""
    there = {campaign.tag for campaign in campaigns}
    gone = [tag for tag in stored_tags(project) if tag not in there]
    lines = [""]
    if gone:
        words = f"in git alone: {', '.join(gone)}; thinker board TAG brings the ledger back"
        lines.append(paint(wrapped(words, width, 2), "dim"))
    words = "to delete one: rm -r results/TAG; git keeps its ledger and commits (docs/BOARD.md)"
    return [*lines, paint(wrapped(words, width, 2), "dim")]
