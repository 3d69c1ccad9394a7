"""Try the corpus: `python -m redteam`, or `make redteam`. The table is on standard output.

Exit code 1 where a cheat that is not listed as a known gap passed, an honest edit did not, or
something got out of a sandbox; else 0.
"""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from harness import sandbox
from harness.sandbox import LEVELS, Level
from redteam.attempt import Runner, Tried
from redteam.edits import Edit, corpus
from redteam.traps import planted


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m redteam",
        description="Try edits that cheat, and honest ones that look like them.",
        epilog="example: python -m redteam --only fork_bomb weights_look_right --level landlock",
    )
    parser.add_argument(
        "--level",
        choices=LEVELS,
        help="try everything at this level (default: at the best one; what a sandbox is to stop, at"
        " each sandbox that works here)",
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these edits alone")
    parser.add_argument("--fast", action="store_true", help="only the gates that need no process")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    args = parser.parse_args(argv)
    edits = corpus()
    if args.only:
        unknown = sorted(set(args.only) - {edit.name for edit in edits})
        if unknown:
            parser.error(f"there is no edit {unknown[0]!r}; redteam/ has the names")
        edits = [edit for edit in edits if edit.name in args.only]
    works: list[Level] = [args.level] if args.level else []
    if not works and not args.fast:
        works = [level for level in LEVELS if level != "none" and sandbox.probe(level)[0]]
    if not works and not args.fast:
        print("no sandbox works here: thinker doctor says why", file=sys.stderr)
        return 1
    began, tried = time.monotonic(), []
    with planted() as traps:
        runner = Runner(traps)
        for edit in edits:
            for level in [None] if args.fast else works if _reaches_out(edit) else works[:1]:
                one = runner.gates(edit) if level is None else runner.all(edit, level)
                tried.append(one)
                print(_json(one) if args.json else _row(one), flush=True)
    bad = [one for one in tried if one.is_bad and not (args.fast and _is_for_later(one))]
    if not args.json:
        print(_summary(tried, bad, time.monotonic() - began))
    return int(bool(bad))


def _reaches_out(edit: Edit) -> bool:
    """To be tried at every level: what it wants, a sandbox has to keep from it."""
    expected = {*edit.catchers, *edit.behind}
    is_unknown = edit.is_blind and not edit.pays_once_trained
    return edit.is_cheat and (is_unknown or bool({"sandbox", "limits"} & expected))


def _is_for_later(one: Tried) -> bool:
    """The fast run sees the gates alone."""
    return one.edit.is_cheat and not one.caught


def verdict(one: Tried) -> str:
    if not one.edit.is_cheat:
        return f"REFUSED by {one.caught[0]}" if one.caught else "passes"
    if one.caught:
        expected = one.edit.catchers
        odd = (
            f" (expected: {', '.join(expected)})"
            if expected and one.caught[0] not in expected
            else ""
        )
        return ", ".join(one.caught) + odd
    if one.level == "gates":
        return "-"
    if one.edit.known_gap:
        return "known gap"
    return "open: got out" if one.is_open else "PASSED"


def _row(one: Tried) -> str:
    behind = (
        f"; behind it {', '.join(one.behind) or 'nothing'}" if one.caught and one.behind else ""
    )
    kind = "cheat" if one.edit.is_cheat else "honest"
    cells = (
        f"{kind:6} {one.edit.name:34} {one.edit.family[:38]:38}"
        f" {one.level:8} {one.seconds:6.1f} s  {verdict(one)}{behind}"
    )
    touched = "".join(f"\n       {'!!' if one.is_walled else '..'} {text}" for text in one.touched)
    bad = f"\n       {one.said[:300]}" if one.is_bad else ""
    return cells + touched + bad


def _json(one: Tried) -> str:
    found = {"name": one.edit.name, "is_cheat": one.edit.is_cheat, "family": one.edit.family}
    rest = dataclasses.asdict(one) | {"verdict": verdict(one), "is_bad": one.is_bad}
    return json.dumps(found | {k: v for k, v in rest.items() if k != "edit"})


def _summary(tried: Sequence[Tried], bad: Sequence[Tried], seconds: float) -> str:
    cheats = {one.edit.name for one in tried if one.edit.is_cheat}
    honest = {one.edit.name for one in tried if not one.edit.is_cheat}
    lines = ["", f"{len(cheats)} cheats, {len(honest)} honest edits, {seconds:.0f} s"]
    gaps = {one.edit.name: one.edit for one in tried if one.edit.known_gap}
    lines += [f"known gap: {name}: {edit.known_gap}" for name, edit in gaps.items()]
    lines += [f"BAD: {one.edit.name} at {one.level}: {verdict(one)}" for one in bad]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(main())
