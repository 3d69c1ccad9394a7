"""What became of the corpus, as rows of text or of JSON, and in the end a summary."""

import dataclasses
import getpass
import json
import os
from collections.abc import Sequence

from redteam.attempt import Tried


def user() -> str:
    """Who tries: what a sandbox can keep from an edit depends on it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        return str(os.getuid())


def header() -> str:
    return (
        f"{'':6} {'edit':34} {'family':38} {'level':8} {'user':8} {'time':>8}  caught by\n"
        f"{'':6} {'-' * 34} {'-' * 38} {'-' * 8} {'-' * 8} {'-' * 8}  {'-' * 9}"
    )


def verdict(one: Tried) -> str:
    """In a few words."""
    if not one.edit.is_cheat:
        return f"REFUSED by {one.caught[0]}" if one.caught else "honest: passes"
    if one.caught:
        expected = one.edit.catchers
        is_odd = bool(expected) and one.caught[0] not in expected
        return ", ".join(one.caught) + (f" (expected: {', '.join(expected)})" if is_odd else "")
    if not one.is_scored:
        return "got out" if one.touched else "not scored here: nothing got out"
    if one.level == "gates":
        return "-"
    if one.edit.known_gap:
        return "known gap"
    return "open: got out" if one.is_open else "PASSED"


def row(one: Tried, who: str, *, with_accuracy: bool = False) -> str:
    """A line, and below it what was touched and, of a bad one, why."""
    kind = "cheat" if one.edit.is_cheat else "honest"
    text = (
        f"{kind:6} {one.edit.name:34} {one.edit.family[:38]:38}"
        f" {one.level:8} {who:8} {one.seconds:6.1f} s  {verdict(one)}"
    )
    if one.caught and one.behind:
        text += f"; behind it {', '.join(one.behind)}"
    if with_accuracy and one.accuracy is not None:
        text += f"; accuracy {one.accuracy:.3f}"
    text += "".join(f"\n       {'!!' if one.is_walled else '..'} {what}" for what in one.touched)
    return text + (f"\n       {one.said[:300]}" if one.is_bad else "")


def as_json(one: Tried, who: str) -> str:
    """One object, on one line."""
    found = {"name": one.edit.name, "is_cheat": one.edit.is_cheat, "family": one.edit.family}
    rest = dataclasses.asdict(one) | {"user": who, "verdict": verdict(one), "is_bad": one.is_bad}
    return json.dumps(found | {k: v for k, v in rest.items() if k != "edit"})


def summary(tried: Sequence[Tried], bad: Sequence[Tried], seconds: float) -> str:
    """Counts, the gaps with their reasons, and all that is bad."""
    cheats = {one.edit.name for one in tried if one.edit.is_cheat}
    honest = {one.edit.name for one in tried if not one.edit.is_cheat}
    gaps = {
        one.edit.name: one.edit
        for one in tried
        if one.edit.known_gap and one.is_scored and not one.caught
    }
    levels = ", ".join(dict.fromkeys(one.level for one in tried))
    refused = sum(not one.edit.is_cheat and bool(one.caught) for one in tried)
    out = sum(bool(one.touched) and one.is_walled for one in tried)
    lines = [
        "",
        f"{len(cheats)} cheats and {len(honest)} honest edits, {len(tried)} attempts at {levels} as"
        f" {user()} in {seconds:.0f} s: {len(gaps)} cheats pass as known gaps, {refused} honest"
        f" edits were refused, {out} attempts got at something through a sandbox",
    ]
    lines += [f"known gap: {name}: {edit.known_gap}" for name, edit in gaps.items()]
    lines += [f"BAD: {one.edit.name} at {one.level}: {verdict(one)}" for one in bad]
    return "\n".join(lines)
