"""What can be typed after `thinker`: commands, flags, and how their values are read."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from harness.parser_adopt import add_adopt
from harness.parser_board import add_board
from harness.parser_proof import add_proof
from harness.parser_report import add_report
from harness.parser_watch import add_notify, add_watch
from harness.values import count, percent, positive, problems, seconds, sizes, tasks


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """What a command does not know is refused by that command, with what may have been meant;
        argparse leaves it to the parser above."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._meant(rest[0])}")
        return found, rest

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse does, with what may have been meant."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            from difflib import get_close_matches

            near = get_close_matches(str(value), list(map(str, action.choices or ())), 1)
            said = f"{error.message}; is {near[0]} meant?" if near else error.message
            raise argparse.ArgumentError(action, said) from None

    def _meant(self, unknown: str) -> str:
        from difflib import get_close_matches

        flag = unknown.partition("=")[0]
        if flag == "--tag" and any(action.dest in ("tag", "tags") for action in self._actions):
            return f"; the campaign stands by itself here, as in {self.prog} 20260131"
        known = [flag for action in self._actions for flag in action.option_strings]
        near = get_close_matches(flag, known, 1)
        return f"; is {near[0]} meant?" if near else ""


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is typed after `thinker run`, and, from the first `--` on, a command line of the
    person's own, which argparse is not to look at."""
    if words[:1] != ["run"] or "--" not in words:
        return list(words), []
    place = words.index("--")
    return list(words[:place]), list(words[place:])


def make_parser() -> Parser:
    parser = Parser(
        prog="thinker",
        description="Improve train.py overnight, and measure what was trained. Trainings by hand"
        " are train.py's: see its --help.",
        epilog="example: thinker run --hours 8",
    )
    parser.add_argument("--version", action="store_true", help="the version, and no more")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    _add_run(commands)
    add_board(commands)
    add_watch(commands)
    _add_verify(commands)
    add_adopt(commands)
    add_proof(commands)
    add_report(commands)
    _add_doctor(commands)
    return parser


def _add_run(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = commands.add_parser(
        "run",
        help="begin a campaign of experiments, or go on with the unfinished one",
        description="Try edits of train.py, one after another: train each for the budget, score it"
        " on secret problems, and keep it on the branch autoresearch/TAG or drop it. May be killed"
        " at any time; the same command goes on.",
        epilog="example: thinker run --hours 8, or thinker run --researcher list edits.jsonl",
    )
    command.add_argument(
        "--tag",
        metavar="T",
        help="the campaign's name (default: the unfinished one, else today's date)",
    )
    command.add_argument(
        "--researcher",
        nargs="+",
        metavar="NAME",
        help="who proposes: claude, a language model (default where ANTHROPIC_API_KEY is set);"
        " offline, which tunes train.py's constants (default without); mixed, both; list"
        " FILE.jsonl, the edits in FILE; command -- ARGV, a command-line agent",
    )
    _add_model(command)
    limits = command.add_mutually_exclusive_group()
    limits.add_argument(
        "--hours",
        metavar="H",
        type=positive,
        help="end after so many hours (default 8 where there is no other limit)",
    )
    limits.add_argument("--until", metavar="07:30", help="end at this time of day")
    command.add_argument(
        "--experiments", metavar="N", type=count, help="end after N experiments, the baseline aside"
    )
    command.add_argument(
        "--budget-s", metavar="S", type=positive, help="seconds of each training (default 900)"
    )
    command.add_argument(
        "--max-steps", metavar="N", type=count, help="end each training after N steps"
    )
    command.add_argument(
        "--seeds",
        metavar="K",
        type=count,
        help="trials of each experiment before its verdict (default 1, and 2 of the baseline)",
    )
    command.add_argument(
        "--tasks",
        metavar="LIST",
        type=tasks,
        help="train and score on these alone, such as add:1-4,copy (default all: the ladder)",
    )
    command.add_argument(
        "--reserve",
        metavar="PERCENT",
        type=percent,
        help="share of the trials that repeat what was kept at the end (default 10; 0: none)",
    )
    command.add_argument(
        "--problems",
        metavar="N",
        type=count,
        help="problems a level (default 500, and 100 under a budget of 300 s)",
    )
    command.add_argument(
        "--slots",
        metavar="N",
        type=count,
        help="trials at a time (default: one for each GPU, else each core less one)",
    )
    command.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), help="where trials run (default auto)"
    )
    command.add_argument(
        "--sandbox",
        choices=("auto", "require", "none"),
        help="auto (or require, its other name) takes the best that works here and stops where none"
        " does; none must be asked for",
    )
    command.add_argument(
        "--from",
        dest="based_on",
        metavar="TAG[:ID]",
        help="begin with what another campaign kept: its incumbent, or experiment ID",
    )
    command.add_argument(
        "--rehearse",
        action="store_true",
        help="train nothing and invent every outcome, to see that a list is read and applied",
    )
    add_notify(command)
    command.add_argument("--inside", help=argparse.SUPPRESS)


def _add_model(command: Parser) -> None:
    command.add_argument(
        "--model", metavar="M", help="the language model (default claude-opus-5-5)"
    )
    command.add_argument(
        "--effort",
        choices=("low", "medium", "high", "xhigh", "max"),
        help="how much it thinks (default medium)",
    )
    command.add_argument(
        "--max-usd",
        metavar="D",
        type=positive,
        help="dollars that its calls may cost together in this campaign (default 20)",
    )
    command.add_argument(
        "--price",
        metavar="IN/OUT",
        help="dollars a million tokens, for a model whose price is not known; 0/0 for your own",
    )


def _add_verify(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = commands.add_parser(
        "verify",
        help="the accuracy of a run, on fresh problems and with controls",
        description="Pose fresh problems to a trained run and print its accuracy per task and "
        "level, with controls that only learned weights can pass.",
        epilog="example: thinker verify results/by-hand/20260131T220000Z --problems 100",
    )
    command.add_argument(
        "path",
        metavar="PATH",
        type=Path,
        help="a run folder, its checkpoint.pt, or a train.py, which is trained first",
    )
    command.add_argument(
        "--seed",
        metavar="N",
        help="ask the problems of this seed, a number or text, such as an earlier table names "
        "(default: fresh secret ones)",
    )
    command.add_argument(
        "--problems",
        metavar="N",
        type=problems,
        help="problems a level (default 500, or as the campaign that trained it)",
    )
    command.add_argument(
        "--tasks",
        metavar="LIST",
        type=sizes,
        default={},
        help="ask sizes beside these too, the largest of each task named, such as add:10",
    )
    command.add_argument(
        "--budget-s",
        metavar="S",
        type=seconds,
        help="with a train.py: seconds to train (default 900)",
    )
    command.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="where the solver runs (default auto: a GPU if there is one)",
    )
    command.add_argument(
        "--json", action="store_true", help="print the result as one JSON object, not as a table"
    )


def _add_doctor(commands: "argparse._SubParsersAction[Parser]") -> None:
    command = commands.add_parser(
        "doctor",
        help="what this machine lacks for a campaign, and what to do about it",
        description="Try what a campaign needs: Python, torch, GPU, git, each sandbox level, cores,"
        " memory, disk, clock, key. Exit code 1 where something would stop or spoil it.",
        epilog="example: thinker doctor",
    )
    command.add_argument("--json", action="store_true", help="a list of checks")
