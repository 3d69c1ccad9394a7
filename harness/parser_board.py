"""The flags of the commands that show a campaign or end it: board, show, diff, stop."""

import argparse
from typing import Any

from harness.values import number

SORTS = ("id", "accuracy", "effect", "p-real", "seconds", "usd", "parameters")


def add_board(commands: "argparse._SubParsersAction[Any]") -> None:
    """`commands` are the parser's, where each is added by its name."""
    command = commands.add_parser(
        "stop",
        help="let what runs end, and begin nothing more",
        description="What Ctrl-C does in the campaign's terminal: running trials end, and what has"
        " had all of its trials is judged. Waits until the campaign has ended. `thinker run` goes"
        " on later.",
        epilog="example: thinker stop --now",
    )
    command.add_argument("tag", nargs="?", metavar="TAG", help="(default: the one that runs)")
    command.add_argument(
        "--now", action="store_true", help="end running trials too; they run again on resume"
    )
    _add_board(commands)
    _add_show(commands)
    command = commands.add_parser(
        "diff",
        help="what an experiment changed in train.py",
        description="What experiment A has that B has not, or its parent where no B is given.",
        epilog="example: thinker diff 7, or thinker diff 7 3",
    )
    command.add_argument("id", metavar="A", type=number, help="the experiment's number")
    command.add_argument(
        "other", metavar="B", nargs="?", type=number, help="held against (default: its parent)"
    )
    command.add_argument("--tag", metavar="T", help="(default: the newest campaign)")


def _add_board(commands: "argparse._SubParsersAction[Any]") -> None:
    command = commands.add_parser(
        "board",
        help="what was tried, and what was kept",
        description="A line for each experiment: verdict, accuracy and its standard deviation,"
        " change against its parent, and the probability that the change is real; more columns on a"
        " wider terminal. Several TAGs are put beside each other.",
        epilog="example: thinker board 20260131 --kept --sort effect",
    )
    command.add_argument("tags", nargs="*", metavar="TAG", help="(default: the newest campaign)")
    command.add_argument("--all", action="store_true", help="a line for each campaign there is")
    command.add_argument("--kept", action="store_true", help="only what was kept")
    command.add_argument(
        "--sort",
        choices=SORTS,
        default="id",
        help="by id, or the largest first (default id)",
    )
    forms = command.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="a list of rows, or of campaigns")
    forms.add_argument("--tsv", action="store_true", help="for a spreadsheet")
    forms.add_argument("--md", action="store_true", help="markdown, for a pull request")


def _add_show(commands: "argparse._SubParsersAction[Any]") -> None:
    command = commands.add_parser(
        "show",
        help="one experiment: what it hoped for, and what came of it",
        description="One experiment: its hypothesis against what happened, accuracy by task and"
        " level against its parent, curves, diff, cost, lineage, and how to reproduce it.",
        epilog="example: thinker show 7",
    )
    command.add_argument("id", metavar="ID", type=number, help="the experiment's number")
    command.add_argument("--tag", metavar="T", help="(default: the newest campaign)")
    command.add_argument("--full", action="store_true", help="no part is cut short")
    command.add_argument(
        "--transcript", action="store_true", help="what was said with the language model for it"
    )
    command.add_argument(
        "--json", action="store_true", help="one JSON object; of a transcript, a list"
    )
