"""`thinker verify`: the accuracy of a run on fresh problems, with its controls."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.errors import Interrupted, Misuse

BUDGET_S = 900.0


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
