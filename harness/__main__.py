"""The command line: `thinker COMMAND`, or `python -m harness COMMAND`.

Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed,
2 misuse, 130 interrupted. Heavy libraries are imported where a command needs them, never before,
so that --help answers at once.
"""

import argparse
import errno
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from harness.errors import Broken, Interrupted, Misuse
from harness.parser import make_parser, split

THE_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = make_parser()
    flags, rest = split(words)
    args = parser.parse_args(flags)
    if rest:
        if args.researcher != ["command"]:
            parser.error("what follows -- is a command line, for --researcher command")
        args.researcher += rest[1:]
    if args.version:
        from harness.provenance import version

        print(f"thinker {version()}")
        return 0
    if args.command is None:
        parser.print_help(sys.stderr)
        return 2
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)
    if hasattr(signal, "SIGUSR1"):  # thinker stop: what cannot end early goes on to its end
        signal.signal(signal.SIGUSR1, lambda number, frame: None)

    from harness.evaluation import Refused

    try:
        return dispatch(args, words)
    except Misuse as error:
        return complain(str(error), 2)
    except Broken as error:
        return complain(str(error), 1)
    except Refused as refused:
        if args.json:
            result = {"status": refused.status, "accuracy": None, "reason": refused.reason}
            print(json.dumps({"run": str(args.path), **result}, indent=2))
        return complain(f"refused: {refused.reason}", 1)
    except Interrupted as error:
        return complain(f"interrupted{error}", 130)
    except OSError as error:
        if error.errno not in THE_DISKS:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return complain(f"{where}{error.strerror}; make room, or let it be written, and repeat", 1)


def dispatch(args: argparse.Namespace, words: Sequence[str]) -> int:
    if args.command not in ("verify", "doctor"):
        from harness.reading import check_folder

        check_folder(Path.cwd())
    match args.command:
        case "verify":
            from harness.verify_command import verify

            return verify(args)
        case "ablate":
            from harness.ablate_command import ablate

            return ablate(args.tag, args.seeds, args.hours, args.until, args.json)
        case "adopt":
            from harness.adopt_command import adopt

            return adopt(args)
        case "seal":
            from harness.seal_command import seal

            return seal(args.tag, args.json)
        case "close":
            from harness.seal_command import close

            return close(args.tag, args.unfinished, args.json)
        case "reproduce":
            from harness.reproduce_command import reproduce

            return reproduce(args.tag, args.id, args.seed, args.json)
        case "report":
            from harness.report_command import report

            return report(args.tag, args.open)
        case "watch":
            from harness.watch_command import watch

            return watch(args.tag, args.once)
        case "doctor":
            from harness.doctor_command import doctor

            return doctor(args.json)
        case "run":
            from harness.notify import hide_in_environment
            from harness.run_command import run
            from harness.settings import Wanted

            words = hide_in_environment(words, args.notify, args.notify_command)

            wanted = Wanted(
                args.tag,
                args.hours,
                args.until,
                args.experiments,
                args.budget_s,
                args.max_steps,
                args.slots,
                args.seeds,
                args.problems,
                tuple(args.researcher) if args.researcher else None,
                args.sandbox,
                args.device,
                args.based_on,
                args.tasks,
                args.reserve,
                args.model,
                args.effort,
                args.max_usd,
                args.price,
                args.rehearse,
            )
            return run(wanted, args.inside, args.rehearse, words)
        case "board":
            from harness.board_command import Wanted as Shown
            from harness.board_command import board

            form = next((form for form in ("json", "tsv", "md") if getattr(args, form)), "")
            return board(Shown(tuple(args.tags), args.all, args.kept, args.sort, form))
        case "show":
            from harness.show_command import show

            return show(args.tag, args.id, args.json, args.transcript, args.full)
        case "diff":
            from harness.show_command import diff

            return diff(args.tag, args.id, args.other)
    from harness.stop_command import stop

    return stop(args.tag, args.now)


def interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted


def complain(text: str, code: int) -> int:
    from harness.paint import tell

    tell(f"thinker: {text}")
    return code


if __name__ == "__main__":
    sys.exit(main())
