"""The flags of the commands that prove a campaign's figures: seal, close, reproduce."""

import argparse
from typing import Any

from harness.values import number


def add_proof(commands: "argparse._SubParsersAction[Any]") -> None:
    """`commands` are the parser's, where each is added by its name."""
    command = commands.add_parser(
        "seal",
        help="ask incumbent and baseline a set of problems that is opened once",
        description="Ask the checkpoints of incumbent and baseline 500 new problems a level, the"
        " same for both, and say how far apart they are. Each set is drawn anew from the campaign's"
        " secret and recorded before it is asked; what is chosen by one spends some of the honesty"
        " of the next, so they are counted.",
        epilog="example: thinker seal 20260131",
    )
    command.add_argument("tag", metavar="TAG", help="the campaign")
    command.add_argument("--json", action="store_true", help="one JSON object")
    command = commands.add_parser(
        "close",
        help="reveal a finished campaign's secret, so that anyone can ask its problems",
        description="Write the secret that drew the campaign's problems into its ledger. Nothing"
        " more can be run or sealed in it then; thinker verify RUN --seed SECRET asks the same"
        " problems again.",
        epilog="example: thinker close 20260131",
    )
    command.add_argument("tag", metavar="TAG", help="the campaign")
    command.add_argument(
        "--unfinished", action="store_true", help="one that could go on still: give it up"
    )
    command.add_argument("--json", action="store_true", help="one JSON object")
    command = commands.add_parser(
        "reproduce",
        help="train and score an experiment again, and say whether its figures hold",
        description="Compare the ledger with what git holds of it; then train the experiment from"
        " its commit, as its trials were, ask the same problems, and say whether the accuracy lies"
        " where the ledger's figures predict it. Exit code 0 yes, 1 no, 2 misuse.",
        epilog="example: thinker reproduce 7",
    )
    command.add_argument("id", metavar="ID", type=number, help="the experiment's number")
    command.add_argument("--tag", metavar="T", help="(default: the newest campaign)")
    command.add_argument(
        "--seed", metavar="N", type=number, help="(default: that of its first trial that was ok)"
    )
    command.add_argument("--json", action="store_true", help="one JSON object")
