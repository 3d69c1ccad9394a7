"""`make bench`: speed, accuracy and memory of train.py, beside a plain transformer's.

    python -m benchmarks                       everything, half an hour on two cores
    python -m benchmarks speed scoring         some of it, a minute or two

speed     samples per core-second of training, share of data generation, start to first step,
          problems per second
addition  exact match on ten-digit addition after 90 s of --tasks add:1-10, one thread
ladder    official accuracy after 120, 300 and 900 s: the last is `python train.py` by hand
slots     share of slot time in trials while a researcher thinks, beside a serial loop's
judge     simulated campaigns: which rule for keeping an edit ends at the best true accuracy
controls  questions of the controls beside a pass of the score; seconds of the gates
brief     what thirty proposals of a language model read from the cache, and cost
report    seconds and size of the report of 1,000 experiments
night     what a campaign costs beside its trials: ledger, gaps between trials, the harness itself
board     how long the board of 1,000 experiments takes, one of them in full, and the help
view      share of a core that the live view takes, on a campaign of 1,000 experiments
scoring   core-seconds of asking and scoring 20 levels x 500 problems, none of which ends early

One-thread trainings of the two models run at the same time, each pinned to a core of its own where
there are two, so that both see the same machine. Beside the wall time stands the CPU time used: a
core-second is one second of one core.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.board import board
from benchmarks.brief import brief
from benchmarks.controls import controls
from benchmarks.judge import judge
from benchmarks.night import night
from benchmarks.report import report
from benchmarks.slots import slots
from benchmarks.view import view

ROOT = Path(__file__).parents[1]
RIVALS = {"thinker": ROOT / "train.py", "plain": ROOT / "inspirations" / "plain_transformer.py"}
SECTIONS = ("speed", "addition", "ladder", "scoring", "night", "board", "slots", "judge", "brief")
SECTIONS += ("report", "view", "controls")
SEED = "bench"  # the same problems for both, and from one bench to the next


@dataclass(frozen=True, slots=True)
class Training:
    """A finished training: its folder, CPU seconds, peak memory in MB, exit code."""

    run: Path
    cpu_s: float
    wall_s: float
    memory_mb: float
    code: int


class Table:
    """Rows printed as they are known: figure, goal, Thinker, plain transformer."""

    def __init__(self) -> None:
        self.short = 0
        print(f"{'figure':58} {'goal':>10} {'thinker':>10} {'plain':>10}")

    def row(self, name: str, goal: str, thinker: str, plain: str, reached: bool) -> None:
        self.short += not reached
        mark = "" if reached else "   SHORT"
        print(f"{name:58} {goal:>10} {thinker:>10} {plain:>10}{mark}", flush=True)


def start(
    source: Path, run: Path, core: int | None, *flags: str
) -> tuple[subprocess.Popen[bytes], float]:
    """A training in a process of its own, pinned to one core with one thread, or free."""
    env = dict(os.environ)
    command = [
        sys.executable,
        str(source),
        "--no-score",
        "--quiet",
        "--device",
        "cpu",
        "--out",
        str(run),
        *flags,
    ]
    if core is not None:
        env |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        if hasattr(os, "sched_setaffinity"):
            pin = f"os.sched_setaffinity(0, {{{core}}})"
            execute = "os.execv(sys.argv[1], sys.argv[1:])"
            command = [sys.executable, "-c", f"import os, sys; {pin}; {execute}", *command]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL), time.monotonic()


def finish(process: subprocess.Popen[bytes], began: float, run: Path) -> Training:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    scale = (
        2**20 if sys.platform == "darwin" else 2**10
    )  # ru_maxrss is in bytes there, in KB elsewhere
    return Training(
        run,
        usage.ru_utime + usage.ru_stime,
        time.monotonic() - began,
        usage.ru_maxrss / scale,
        process.returncode,
    )


def train_both(folder: Path, name: str, *flags: str) -> dict[str, Training]:
    """Both models for the same time, side by side on cores of their own, or one after the other."""
    cores = (
        sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1))
    )
    trainings = {}
    waiting = []
    for i, (model, source) in enumerate(RIVALS.items()):
        run = folder / f"{model}-{name}"
        waiting.append((model, run, *start(source, run, cores[i % len(cores)], *flags)))
        if len(cores) == 1 or i == len(RIVALS) - 1:
            for model_, run_, process, began in waiting:
                trainings[model_] = finish(process, began, run_)
            waiting = []
    return trainings


def accuracy(training: Training, n: int) -> float:
    from harness.evaluate import evaluate

    return evaluate(training.run, seed=SEED, problems=n, controls=False).accuracy


def exact_at(training: Training, task: str, size: int, n: int) -> float:
    """Exact match on n validation problems of one level, asked in this process."""
    import torch

    from harness import problems

    torch.set_num_threads(1)
    module = load_module(training.run / "train.py")
    solver = module.load_solver(
        torch.load(training.run / "checkpoint.pt", weights_only=True), "cpu"
    )
    posed = problems.draw(problems.level(task, size), n, subset="validation", seed=SEED)
    answers = solver([problem.question for problem in posed])
    return sum(a == p.answer for a, p in zip(answers, posed, strict=True)) / n


def load_module(path: Path):
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}_{abs(hash(path))}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------------
# Sections
# ---------------------------------------------------------------------------


def samples_per_core_second(train, build, thinking, seconds: float = 15.0) -> tuple[float, float]:
    """Training at the goal's lengths (copy <= 16, addition <= 12, multiplication <= 3x3), batch 64.

    thinking(rng) gives n_steps, n_latents and memory of a batch. Returns samples per core-second
    and the share of data generation.
    """
    import random

    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    rng = random.Random(0)
    model = build("cpu")
    optimizer = train.make_optimizer(model, "cpu", "cpu")
    skills = (
        "copy",
        "add",
        "mul",
        "reverse",
        "add",
        "mul",
        "sort",
        "add",
        "mul",
        "cumsum",
        "add",
        "mul",
        "rotate",
    )
    longest = {"add": 12, "mul": 3}
    steps, made = 0, 0.0
    began = time.process_time()
    while (used := time.process_time() - began) < seconds:
        skill = skills[steps % len(skills)]
        before = time.process_time()
        batch = train.make_batch(skill, rng.randint(2, longest.get(skill, 16)), 64, "cpu")
        made += time.process_time() - before
        tokens, layout, previous, target = batch
        logits = model(tokens, layout, previous, *thinking(rng))
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=train.IGNORE)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), train.GRAD_CLIP)
        optimizer.step()
        steps += 1
    return 64 * steps / used, made / used


def speed(table: Table, folder: Path) -> None:
    import torch

    from harness import problems

    torch.set_num_threads(1)
    train, plain = load_module(RIVALS["thinker"]), load_module(RIVALS["plain"])
    steps = train.N_STEPS["cpu"]
    off, _ = samples_per_core_second(train, train.build, lambda rng: (steps, 0, False))
    on, share = samples_per_core_second(train, train.build, lambda rng: train.thinking(rng, "cpu"))
    beside, _ = samples_per_core_second(train, plain.build, lambda rng: (0, 0, False))
    table.row(
        "samples per core-second, no memory, no free latents",
        ">= 1600",
        f"{off:.0f}",
        f"{beside:.0f}",
        off >= 1600,
    )
    table.row(
        "samples per core-second, default model",
        ">= 1000",
        f"{on:.0f}",
        f"{beside:.0f}",
        on >= 1000,
    )
    table.row("data generation, share of a step", "< 2%", f"{share:.2%}", "", share < 0.02)

    firsts = []
    for model, source in RIVALS.items():
        run = folder / f"{model}-start"
        finish(*start(source, run, None, "--max-steps", "1"), run)
        firsts.append(json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["seconds"])
    table.row(
        "start to end of first step, seconds",
        "< 5",
        f"{firsts[0]:.1f}",
        f"{firsts[1]:.1f}",
        firsts[0] < 5,
    )

    began = time.process_time()
    made = sum(
        len(problems.draw(level, 500, subset="validation", seed=SEED)) for level in problems.LADDER
    )
    rate = made / (time.process_time() - began)
    table.row(
        "problems drawn and answered per second (harness)",
        ">= 20000",
        f"{rate:.0f}",
        "",
        rate >= 20000,
    )


def addition(table: Table, folder: Path) -> None:
    trained = train_both(folder, "addition", "--tasks", "add:1-10", "--budget-s", "90")
    exact = {model: exact_at(training, "add", 10, 1000) for model, training in trained.items()}
    used = trained["thinker"].cpu_s
    name = f"ten-digit addition after 90 s of add:1-10 ({used:.0f} core-s)"
    table.row(
        name,
        ">= 0.99",
        f"{exact['thinker']:.3f}",
        f"{exact['plain']:.3f}",
        exact["thinker"] >= 0.99,
    )


def ladder(table: Table, folder: Path) -> None:
    for seconds, goal in ((120, 0.22), (300, 0.28), (900, 0.40)):
        trained = train_both(folder, f"ladder-{seconds}", "--budget-s", str(seconds))
        found = {model: accuracy(training, 500) for model, training in trained.items()}
        used = trained["thinker"].cpu_s
        name = f"official accuracy after {seconds} s, one thread ({used:.0f} core-s)"
        table.row(
            name,
            f">= {goal}",
            f"{found['thinker']:.4f}",
            f"{found['plain']:.4f}",
            found["thinker"] >= goal,
        )
        memory = {model: training.memory_mb for model, training in trained.items()}
        table.row(
            f"  peak memory of training {seconds} s, MB",
            "< 2000",
            f"{memory['thinker']:.0f}",
            f"{memory['plain']:.0f}",
            memory["thinker"] < 2000,
        )


def scoring(table: Table, folder: Path) -> None:
    """On fresh weights that never end an answer by themselves: the longest that asking can take."""
    import torch

    from harness.evaluate import evaluate

    seconds = {}
    for model, source in RIVALS.items():
        run = folder / f"{model}-scoring"
        finish(*start(source, run, None, "--max-steps", "0"), run)
        checkpoint = torch.load(run / "checkpoint.pt", weights_only=True)
        checkpoint["model.head.weight"][12] = -checkpoint["model.head.weight"][:12].mean(0)  # END
        torch.save(checkpoint, run / "checkpoint.pt")
        result = evaluate(run, seed=SEED, problems=500, controls=False)
        seconds[model] = sum(level.seconds for level in result.levels)
    table.row(
        "asking and scoring 20 x 500, no answer ends early, core-seconds",
        "< 60",
        f"{seconds['thinker']:.1f}",
        f"{seconds['plain']:.1f}",
        seconds["thinker"] < 60,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure train.py and a plain transformer beside it.",
    )
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="SECTION",
        help=f"some of {', '.join(SECTIONS)} (default: all, half an hour)",
    )
    parser.add_argument("--keep", type=Path, help="keep the trained runs in this folder")
    args = parser.parse_args()
    unknown = [name for name in args.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {unknown[0]!r}: there are {', '.join(SECTIONS)}")
    sections = {
        "speed": speed,
        "addition": addition,
        "ladder": ladder,
        "scoring": scoring,
        "judge": lambda table, folder: judge(),
        "slots": lambda table, folder: slots(table.row),
        "brief": lambda table, folder: brief(table.row),
        "controls": lambda table, folder: controls(table.row),
        "view": lambda table, folder: view(table.row),
        "night": lambda table, folder: night(table.row),
        "report": lambda table, folder: report(table.row),
        "board": lambda table, folder: board(table.row),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        table = Table()
        for name in args.sections or SECTIONS:
            sections[name](table, folder)
    return min(table.short, 1)


if __name__ == "__main__":
    sys.exit(main())
