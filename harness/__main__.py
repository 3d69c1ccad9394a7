"""The command line: `thinker COMMAND`, or `python -m harness COMMAND`.

Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed,
2 misuse, 130 interrupted. Heavy libraries are imported where a command needs them, never before,
so that --help answers at once.
"""

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from harness.problems import Level

BUDGET_S = 900.0


class Misuse(Exception):
    """The command cannot mean what was typed; says what was wrong and what to type instead."""


class Interrupted(KeyboardInterrupt):
    """Somebody ended the work: Ctrl-C, a closed terminal, or kill. The text says what is left."""


class Parser(argparse.ArgumentParser):
    """argparse, with errors of one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = make_parser()
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help(sys.stderr)
        return 2
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)

    from harness.evaluation import Refused

    try:
        return verify(args)
    except Misuse as error:
        return complain(str(error), 2)
    except Refused as refused:
        if args.json:
            result = {"status": refused.status, "accuracy": None, "reason": refused.reason}
            print(json.dumps({"run": str(args.path), **result}, indent=2))
        return complain(f"refused: {refused.reason}", 1)
    except Interrupted as error:
        return complain(f"interrupted{error}", 130)


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="thinker",
        description="Measure trained Thinkers. Trainings by hand are train.py's: see its --help.",
        epilog="example: thinker verify results/by-hand/20260131T220000Z",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
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
        "--problems", metavar="N", type=problems, default=500, help="problems a level (default 500)"
    )
    command.add_argument(
        "--tasks",
        metavar="LIST",
        type=levels,
        default=(),
        help="ask sizes beside the ladder too, the largest of each task named, such as add:10",
    )
    command.add_argument(
        "--budget-s",
        metavar="S",
        type=seconds,
        help=f"with a train.py: seconds to train (default {BUDGET_S:.0f})",
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
    return parser


def problems(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} problems a level: ask for 1 or more")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0")
    return value


def levels(text: str) -> "tuple[Level, ...]":
    """The largest size of each task named, as train.py does, where it is not on the ladder."""
    from harness.problems import BadTasks, beside_the_ladder, parse_tasks

    try:
        return beside_the_ladder(parse_tasks(text))
    except BadTasks as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def verify(args: argparse.Namespace) -> int:
    run = trained_run(args.path)
    if run is not None and args.budget_s is not None:
        raise Misuse(f"--budget-s is for a train.py, and {args.path} is trained already")
    device = available(args.device)
    if run is None:
        run = train(args.path, device=device, budget_s=args.budget_s or BUDGET_S)

    from harness.by_hand import asking
    from harness.evaluate import evaluate
    from harness.scored_table import results_console, scored_table, verify_command

    with asking() as ask:
        evaluation = evaluate(
            run,
            seed=args.seed,
            problems=args.problems,
            extra=args.tasks,
            device=device,
            on_progress=ask,
        )
    command = verify_command(run, evaluation, device=device)
    if args.json:
        result = {"run": str(run), **evaluation.as_dict(), "command": command}
        print(json.dumps(result, indent=2, allow_nan=False))
    else:
        results_console().print(scored_table(evaluation, command=command))
    return 0 if evaluation.status == "ok" else 1


def trained_run(path: Path) -> Path | None:
    """The run folder that PATH means, or None where it is a train.py that is yet to be trained."""
    if not path.exists():
        raise Misuse(f"{path} does not exist: name a run folder, its checkpoint.pt or a train.py")
    if path.suffix == ".py" and path.is_file():
        return None
    run = path if path.is_dir() else path.parent
    if path.is_file() and path.name != "checkpoint.pt":
        raise Misuse(f"{path} is no train.py and no checkpoint.pt; name one, or a run folder")
    for name in ("checkpoint.pt", "train.py"):
        if not (run / name).is_file():
            raise Misuse(f"{run} is no run folder: it holds no {name}")
    return run


def available(device: str) -> str:
    import torch

    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return next(name for name, is_present in present.items() if is_present)
    if not present[device]:
        raise Misuse(f"--device {device}: torch finds none on this machine; use --device auto")
    return device


def train(source: Path, *, device: str, budget_s: float) -> Path:
    """Train a train.py for the budget; its folder. What it prints is progress here."""
    from harness.evaluation import Refused
    from harness.process_tree import kill_tree

    run = Path("results/by-hand") / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    command = [sys.executable, str(source), "--no-score", "--out", str(run)]
    command += ["--budget-s", f"{budget_s:g}", "--device", device]
    package_home = str(Path(__file__).resolve().parent.parent)
    paths = [package_home, *filter(None, [os.environ.get("PYTHONPATH")])]
    # A session of its own, so that Ctrl-C reaches it once, from here: a second would stop its save.
    process = subprocess.Popen(
        command,
        stdout=sys.stderr,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,
    )
    try:
        code = process.wait()
    except Interrupted:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise Interrupted(f"; what was trained so far is in {run}") from None
    finally:
        kill_tree(process)
    if code == 130:
        raise Interrupted(f"; what was trained so far is in {run}")
    if code or not (run / "checkpoint.pt").is_file():
        raise Refused(f"the training of {source} failed with exit code {code}, see above")
    return run


def interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


def complain(text: str, code: int) -> int:
    print(f"thinker: {' '.join(text.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
