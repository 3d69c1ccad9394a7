"""Try the corpus: `python -m redteam`, or `make redteam`. The table is on standard output.

Exit code 1 where a cheat that is not listed as a known gap passed, an honest edit did not, or
something got out of a sandbox; else 0. What gets out is tried as an ordinary user, too.
"""

import argparse
import os
import pwd
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from harness import sandbox
from harness.sandbox import LEVELS, Level
from redteam.attempt import Baselines, Runner, Tried
from redteam.edits import Edit, corpus
from redteam.ordinary import become, try_as_ordinary_user
from redteam.table import as_json, header, row, summary, user
from redteam.traps import planted


@dataclass(frozen=True, slots=True)
class Job:
    """`level` None: the gates alone. `is_scored`: all the way, not only to see what it gets at."""

    edit: Edit
    level: Level | None
    is_scored: bool

    def run(self, runner: Runner) -> Tried:
        if self.level is None:
            return runner.gates(self.edit)
        go = runner.all if self.is_scored else runner.walls
        return go(self.edit, self.level)


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    args = parser.parse_args(words)
    edits = corpus()
    if args.only:
        unknown = sorted(set(args.only) - {edit.name for edit in edits})
        if unknown:
            parser.error(f"there is no edit {unknown[0]!r}; redteam/ has the names")
        edits = [edit for edit in edits if edit.name in args.only]
    if args.user:
        try:
            pwd.getpwnam(args.user)
        except KeyError:
            parser.error(f"--user {args.user}: there is no such user here")
        if problem := become(args.user):
            print(f"as {args.user}: {problem}", file=sys.stderr)
            return 1
    works: list[Level] = [args.level] if args.level else []
    if not works and not args.fast:
        works = [level for level in LEVELS if level != "none" and sandbox.probe(level)[0]]
        if not works:
            print("no sandbox works here: thinker doctor says why", file=sys.stderr)
            return 1
    jobs = _jobs(edits, works, is_fast=args.fast, is_walls=args.walls)
    began, tried, who = time.monotonic(), [], user()
    if not args.json:
        print(header(), flush=True)
    side_by_side = 1 if "none" in works else args.jobs  # without walls they meet each other's traps
    for one in _try_all(jobs, side_by_side, args.train_s):
        tried.append(one)
        text = as_json(one, who) if args.json else row(one, who, with_accuracy=bool(args.train_s))
        print(text, flush=True)
    bad = [one for one in tried if one.is_bad and not (args.fast and _is_for_later(one))]
    if not args.json:
        print(summary(tried, bad, time.monotonic() - began), flush=True)
    is_whole = not (args.fast or args.user or args.only or args.level or args.train_s)
    others = try_as_ordinary_user(words) if is_whole and os.getuid() == 0 else 0
    return int(bool(bad) or others != 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m redteam",
        description="Try edits that cheat, and honest ones that look like them.",
        epilog="example: python -m redteam --only fork_bomb weights_look_right --level landlock",
    )
    parser.add_argument(
        "--level",
        choices=LEVELS,
        help="at this level alone (default: cheats at each sandbox that works here, honest edits at"
        " the best)",
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these edits alone")
    parser.add_argument(
        "--walls",
        action="store_true",
        help="cheats alone, and scored only those that a sandbox has to stop: what gets out",
    )
    parser.add_argument("--fast", action="store_true", help="only the gates that need no process")
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        default=os.cpu_count() or 1,
        help="edits at a time (default: one a core)",
    )
    parser.add_argument(
        "--train-s",
        metavar="S",
        type=float,
        help="train honest edits, and cheats that pay once trained, for S seconds and not two"
        " steps, so that controls have something to judge",
    )
    parser.add_argument("--user", metavar="NAME", help="as this user; only root can")
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    return parser


def _jobs(
    edits: Sequence[Edit], works: Sequence[Level], *, is_fast: bool, is_walls: bool
) -> list[Job]:
    if is_walls:
        edits = [edit for edit in edits if edit.is_cheat]
    if is_fast:
        return [Job(edit, None, is_scored=False) for edit in edits]
    return [
        Job(edit, level, is_scored=_reaches_out(edit) or (level == works[0] and not is_walls))
        for edit in edits
        for level in (works if edit.is_cheat else works[:1])
    ]


def _try_all(jobs: Sequence[Job], side_by_side: int, train_s: float | None) -> Iterator[Tried]:
    """In the order of the jobs, each as soon as it and those before it are known."""
    baselines = Baselines()
    with planted(side_by_side) as traps:
        free: SimpleQueue[Runner] = SimpleQueue()
        for one in traps:
            free.put(Runner(one, train_s, baselines))

        def attempt(job: Job) -> Tried:
            runner = free.get()
            try:
                return job.run(runner)
            finally:
                free.put(runner)

        with ThreadPoolExecutor(side_by_side) as pool:
            try:
                yield from pool.map(attempt, jobs)
            finally:
                pool.shutdown(cancel_futures=True)


def _reaches_out(edit: Edit) -> bool:
    """What it wants, a sandbox has to keep from it, as far as is known."""
    expected = {*edit.catchers, *edit.behind}
    is_unknown = edit.is_blind and not edit.pays_once_trained
    return edit.is_cheat and (is_unknown or bool({"sandbox", "limits"} & expected))


def _is_for_later(one: Tried) -> bool:
    """The fast run sees the gates alone."""
    return one.edit.is_cheat and not one.caught


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(main())
