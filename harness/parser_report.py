"""The flags of `thinker report`."""

import argparse
from typing import Any


def add_report(commands: "argparse._SubParsersAction[Any]") -> None:
    """`commands` are the parser's."""
    command = commands.add_parser(
        "report",
        help="the campaign as one page of HTML, to read in a browser and to show",
        description="Write results/TAG/report.html, one file that needs no other and no network,"
        " and print its path: progress, kept line, accuracy by level, kinds of ideas, learning"
        " curves, time and cost, and every experiment with its difference, log and transcript."
        " A running campaign writes it after each verdict, too.",
        epilog="example: thinker report --open",
    )
    command.add_argument("tag", nargs="?", metavar="TAG", help="(default: the newest)")
    command.add_argument("--open", action="store_true", help="in the browser, too")
