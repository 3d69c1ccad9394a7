"""The flags of `thinker watch`, and those of `thinker run` that tell somebody who is elsewhere."""

import argparse
from typing import Any


def add_watch(commands: "argparse._SubParsersAction[Any]") -> None:
    """`commands` are the parser's."""
    command = commands.add_parser(
        "watch",
        help="what a campaign is doing, from any terminal",
        description="The picture that thinker run shows: slots with their curves, researcher,"
        " verdicts, machine. It writes nothing, and may be begun before, during and after the"
        " campaign's own harness. q or Ctrl-C leaves. Without a terminal: a line a verdict, until"
        " the campaign is finished.",
        epilog="example: thinker watch 20260131",
    )
    command.add_argument("tag", nargs="?", metavar="TAG", help="(default: the one that runs)")
    command.add_argument("--once", action="store_true", help="one picture as text, then leave")


def add_notify(command: argparse.ArgumentParser) -> None:
    """`command` is that of `run`."""
    command.add_argument(
        "--notify",
        metavar="URL",
        help="tell this address of keeps, trouble and the end: Slack, Discord, ntfy, or JSON for"
        " any other. Not recorded: give it again on resume, or set THINKER_NOTIFY",
    )
    command.add_argument(
        "--notify-command",
        metavar="CMD",
        help="run this command for the same, the text on its standard input, THINKER_EVENT in its"
        " environment. Not recorded either: or set THINKER_NOTIFY_COMMAND",
    )
