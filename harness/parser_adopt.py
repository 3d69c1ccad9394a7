"""The flags of the commands that take over what a campaign kept: ablate, adopt."""

import argparse
from typing import Any

from harness.values import count, number, positive


def experiments(text: str) -> tuple[int, ...]:
    """3,5 or 3."""
    return tuple(number(part.strip()) for part in text.split(","))


def add_adopt(commands: "argparse._SubParsersAction[Any]") -> None:
    """`commands` are the parser's, where each is added by its name."""
    command = commands.add_parser(
        "ablate",
        help="train the incumbent without each of its keeps, and name passengers",
        description="For each kept experiment on the incumbent's line: take its edit out of the"
        " incumbent's train.py, train and score that with seeds that no trial used, the incumbent"
        " with the same, and say what the edit adds. An edit that adds nothing is a passenger;"
        " thinker adopt --without leaves it behind. May be killed at any time; the same command"
        " goes on.",
        epilog="example: thinker ablate 20260131 --hours 3",
    )
    command.add_argument("tag", nargs="?", metavar="TAG", help="(default: the newest)")
    command.add_argument(
        "--seeds", metavar="N", type=count, default=2, help="trials of each (default 2)"
    )
    limits = command.add_mutually_exclusive_group()
    limits.add_argument(
        "--hours", metavar="H", type=positive, help="end after so many hours, done or not"
    )
    limits.add_argument("--until", metavar="07:30", help="end at this time of day, done or not")
    command.add_argument("--json", action="store_true", help="one JSON object")
    command = commands.add_parser(
        "adopt",
        help="bring what was kept onto your branch, as commits of your own",
        description="Commit train.py as the campaign kept it to the branch that is checked out, one"
        " commit a keep, and nothing else. Other files and what is staged stay as they are; where"
        " it would overwrite work it says so and changes nothing. No hook is run.",
        epilog="example: thinker adopt --without 11 --dry-run",
    )
    command.add_argument(
        "id", nargs="?", metavar="ID", type=number, help="up to this keep (default: the incumbent)"
    )
    command.add_argument("--tag", metavar="T", help="(default: the newest campaign)")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--squash", action="store_true", help="one commit of all keeps")
    form.add_argument(
        "--one-a-keep", action="store_true", help="a commit for each keep (the default)"
    )
    command.add_argument(
        "--without",
        metavar="ID,…",
        type=experiments,
        default=(),
        help="leave these keeps out, passengers for instance",
    )
    command.add_argument(
        "--withdrawn", action="store_true", help="take withdrawn keeps of the line, too"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="say what would be committed, and change nothing"
    )
    command.add_argument("--json", action="store_true", help="one JSON object")
