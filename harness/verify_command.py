"""`thinker verify`: the accuracy of a run on fresh problems, with its controls."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import Broken, Interrupted, Misuse
from harness.reading import RESULTS

if TYPE_CHECKING:
    from harness.evaluation import Evaluation
    from harness.history import History

BUDGET_S = 900.0
PROBLEMS = 500  # a level
DEPTH = 4  # folders between a campaign's and a run's, at most


def verify(args: argparse.Namespace) -> int:
    run = trained_run(args.path)
    if run is not None and args.budget_s is not None:
        raise Misuse(f"--budget-s is for a train.py, and {args.path} is trained already")
    device = available(args.device)
    if run is None:
        run = train(args.path, device=device, budget_s=args.budget_s or BUDGET_S)

    from rich.text import Text

    from harness.by_hand import asking
    from harness.evaluate import evaluate
    from harness.scored_table import say_drawn, scored_table, verify_command
    from harness.solver_process import Limits
    from harness.tasks import beside_the_ladder, ladder_of

    closed = campaign_of(Path.cwd(), args.seed) if args.seed else None
    campaign = closed or campaign_at(run)
    ladder = ladder_of(campaign.settings.tasks if campaign else None)
    problems = args.problems or (campaign.settings.problems if campaign else PROBLEMS)
    with asking() as ask:
        evaluation = evaluate(
            run,
            seed=args.seed,
            problems=problems,
            limits=Limits.of(problems),
            extra=beside_the_ladder(args.tasks, ladder),
            device=device,
            on_progress=ask,
            ladder=ladder,
        )
    command = verify_command(run, evaluation, device=device)
    told = same_problems(closed, evaluation) if closed else ""
    told = told or (asked_as(campaign, evaluation) if campaign else "")
    if args.json:
        result = {"run": str(run), **evaluation.as_dict(), "command": command}
        if campaign and campaign.started:
            result |= {"campaign": campaign.started.tag, "campaign_problems": told}
        print(json.dumps(result, indent=2, allow_nan=False))
    else:
        say_drawn(scored_table(evaluation, command=command))
        if told:
            say_drawn(Text(f"\n{told}"))
    return 0 if evaluation.status == "ok" else 1


def campaign_of(project: Path, seed: str) -> "History | None":
    """The campaign here whose secret this is, by the SHA-256 in its ledger."""
    from harness import campaign as campaigns
    from harness.ledger import Damaged
    from harness.state import sha256

    for path in sorted((project / RESULTS).glob("*/ledger.jsonl")):
        with contextlib.suppress(Damaged, Broken, OSError):
            found = campaigns.read(path)
            started = found.history.started if found else None
            if found and started and started.secret_sha256 == sha256(seed):
                return found.history
    return None


def campaign_at(run: Path) -> "History | None":
    """The campaign in whose folder this run lies."""
    from harness import campaign as campaigns
    from harness.ledger import Damaged

    for folder in run.resolve().parents[:DEPTH]:
        if (folder / "ledger.jsonl").is_file():
            with contextlib.suppress(Damaged, Broken, OSError):
                found = campaigns.read(folder / "ledger.jsonl")
                return found.history if found else None
    return None


def same_problems(history: "History", evaluation: "Evaluation") -> str:
    """Whether these are the very problems that a campaign's trials were asked, in words."""
    assert history.started
    tag = history.started.tag
    outcomes = [o for record in history.records.values() for o in record.outcomes]
    told = {o.problems for o in outcomes if o.problems}
    digest = evaluation.digest[:12]
    if not told:
        return f"drawn from the secret of {tag}, whose ledger has no digest to compare with"
    if evaluation.digest in told:
        return f"these are the validation problems of {tag}, as its ledger says ({digest})"
    asked, count = evaluation.problems, history.settings.problems
    why = f": {asked} a level, and there {count}" if asked != count else ""
    return f"drawn from the secret of {tag}, but not what its trials were asked{why} ({digest})"


def asked_as(history: "History", evaluation: "Evaluation") -> str:
    """What was asked, where a campaign asks something else than verify does by itself."""
    assert history.started
    tasks, problems = history.settings.tasks, evaluation.problems
    if tasks is None and problems == PROBLEMS:
        return ""
    there = history.settings.problems
    others = "" if problems == there else f" (there {there})"
    return (
        f"asked {tasks or 'all tasks'}, as the campaign {history.started.tag} does, {problems}"
        f" problems a level{others}; other problems than its trials were asked"
    )


def trained_run(path: Path) -> Path | None:
    """The run folder that PATH means, or None where it is a train.py that is yet to be trained."""
    if not path.exists():
        raise Misuse(f"{path} does not exist: name a run folder, its checkpoint.pt or a train.py")
    if path.suffix == ".py" and path.is_file():
        return None
    run = path if path.is_dir() else path.parent
    if path.is_file() and path.name != "checkpoint.pt":
        raise Misuse(f"{path} is no train.py and no checkpoint.pt; name one, or a run folder")
    if not (run / "checkpoint.pt").exists():  # an experiment's folder has one for each seed
        trials = sorted(each.parent for each in run.glob("*/checkpoint.pt"))
        if len(trials) > 1:
            raise Misuse(f"{run} has several trials: name one, {', '.join(map(str, trials))}")
        run = trials[0] if trials else run
    if not (run / "checkpoint.pt").exists() and (found := experiment_of(run)):
        tag, number = found
        raise Misuse(
            f"{run} has no checkpoint.pt any more: only what was kept has;"
            f" thinker reproduce {number} --tag {tag} trains it again"
        )
    for name in ("checkpoint.pt", "train.py"):
        if not (run / name).is_file():
            raise Misuse(f"{run} is no run folder: it holds no {name}")
    return run


def experiment_of(run: Path) -> tuple[str, int] | None:
    """The campaign's tag and the experiment whose folder, or trial's folder, this is."""
    for folder in (run.resolve(), run.resolve().parent):
        campaign = folder.parent.parent
        if folder.name.isdigit() and (campaign / "ledger.jsonl").is_file():
            return campaign.name, int(folder.name)
    return None


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


def _left(run: Path) -> str:
    is_saved = (run / "checkpoint.pt").is_file()
    return f"; what was trained so far is in {run}" if is_saved else "; nothing was trained yet"


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
        raise Interrupted(_left(run)) from None
    finally:
        kill_tree(process)
    if code == 130:
        raise Interrupted(_left(run))
    if code or not (run / "checkpoint.pt").is_file():
        raise Refused(f"the training of {source} failed with exit code {code}, see above")
    return run
