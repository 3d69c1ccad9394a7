"""`make gpu-check`: what anyone with a GPU runs first; ten minutes at most.

It goes through what train.py relies on (the device, bf16, the compiler and what happens without
one, data generation, decoding, scoring, 60 s of training, a campaign of two trials) and prints one
line for each: ok or FAILED, with the figure. Exit code 1 if any failed, 2 without a GPU.
`--device cpu` rehearses the same checks on a machine without one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import train  # noqa: E402 (the checkout's, wherever this was started from)
from benchmarks.project import make_project  # noqa: E402
from harness import problems  # noqa: E402
from harness.evaluate import evaluate  # noqa: E402


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def check_device(device: str) -> str:
    if device != "cuda":
        return f"{device}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    free, total = torch.cuda.mem_get_info()
    properties = torch.cuda.get_device_properties(0)
    return (
        f"{properties.name}, compute capability {properties.major}.{properties.minor}, "
        f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free, "
        f"torch {torch.__version__} with CUDA {torch.version.cuda}"
    )


def check_bf16(device: str) -> str:
    if device == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return "this GPU has no bf16: training runs in float32, slower but right"
    run = new_run(device)
    batch = [tensor.to(device) for tensor in train.make_batch("add", 8, 64, "cpu")]
    with torch.autocast(device, torch.bfloat16):
        logits = run.model(*batch[:3], 4, 4)
    plain = run.model(*batch[:3], 4, 4)
    gap = (logits.float() - plain).abs().max().item() / plain.abs().max().item()
    assert gap < 0.1, f"logits in bf16 differ from float32 by {gap:.1%} of the largest"
    return f"logits within {gap:.1%} of float32's"


def new_run(device: str) -> train.Run:
    args, tasks = train.parse_args(["--device", device])
    torch.manual_seed(0)
    return train.Run(
        args, Path(tempfile.gettempdir()), tasks, train.build(args.preset), train.load_solver
    )


def steps_per_second(run: train.Run, n: int) -> float:
    synchronize(run.device)
    began = time.monotonic()
    run.train_batches(n)
    synchronize(run.device)
    return n / (time.monotonic() - began)


def check_compiler(device: str, batches: int) -> str:
    eager = new_run(device)
    steps_per_second(eager, 3)
    slow = steps_per_second(eager, batches)
    compiled = new_run(device)
    notes: list[str] = []
    began = time.monotonic()
    train.first_batches(
        compiled, 20, notes.append
    )  # enough to meet the shapes that it compiles again for
    took = time.monotonic() - began
    if notes:
        return f"{notes[0]}; {slow:.2f} steps/s without"
    fast = steps_per_second(compiled, batches)
    return f"compiled, with 20 batches, in {took:.0f} s: {fast:.2f} steps/s, {slow:.2f} without"


def check_fallback(device: str) -> str:
    """A compiler that fails must cost a line, not the training."""

    def broken(graph: object, inputs: object) -> Callable[..., object]:
        raise RuntimeError("no compiler (made to fail by gpu-check)")

    run, notes, real = new_run(device), [], torch.compile
    torch.compile = lambda part, dynamic: real(part, backend=broken, dynamic=dynamic)
    try:
        train.first_batches(run, 1, notes.append)
    finally:
        torch.compile = real
    assert notes, "the compiler was made to fail, and nothing was said"
    assert run.step == 1, f"{run.step} batches trained after the fallback, not 1"
    return notes[0]


def check_data(device: str) -> str:
    device = "cuda" if device == "cuda" else "cpu"
    rates = {}
    for skill, n in {"sort": 64, "add": 32, "mul": 7, "factor": 6}.items():
        train.make_batch(skill, n, 2048, device)
        synchronize(device)
        began = time.monotonic()
        for _ in range(5):
            train.make_batch(skill, n, 2048, device)
        synchronize(device)
        rates[f"{skill}:{n}"] = 5 * 2048 / (time.monotonic() - began)
    return ", ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items())


def check_decoding(device: str) -> str:
    """The same answers on the device as on the CPU."""
    torch.manual_seed(0)
    model = train.build("gpu")
    model.head.weight.data[train.END] = (
        0  # else most answers end at once, and there is little to compare
    )
    checkpoint = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    checkpoint |= train.asdict(model.config)
    posed = [
        p.question
        for level in problems.LADDER[:3]
        for p in problems.draw(level, 20, subset="public", seed="gpu-check")
    ]
    here, there = (train.load_solver(checkpoint, where)(posed) for where in (device, "cpu"))
    same = sum(a == b for a, b in zip(here, there, strict=True)) / len(posed)
    assert same > 0.5, f"only {same:.0%} of an untrained model's answers are those of the CPU"
    return f"{same:.0%} of an untrained model's answers are the CPU's (rounding decides the rest)"


def check_training(device: str, seconds: float) -> str:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        command = [
            sys.executable,
            str(ROOT / "train.py"),
            "--device",
            device,
            "--budget-s",
            str(seconds),
        ]
        command += ["--no-score", "--quiet", "--out", str(run)]
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wall = time.monotonic() - began
        last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
        late = (run / "checkpoint.pt").stat().st_mtime - (time.time() - wall) - seconds
        began = time.monotonic()
        found = evaluate(run, seed="gpu-check", problems=500, device=device)
        asked = time.monotonic() - began
    assert late < 0.5, f"the checkpoint was {late:.1f} s late"
    assert found.status == "ok", f"{found.status}: {found.reason}"
    return (
        f"{last['step']} steps, {last['samples']:,} samples in {last['seconds']:.1f} s; "
        f"accuracy {found.accuracy:.3f}, "
        f"{found.status}; 20 x 500 asked in {found.seconds:.0f} s, with controls {asked:.0f} s"
    )


def check_campaign(device: str, seconds: float) -> str:
    """Two trials by the command line: the baseline and an edit by the offline researcher."""
    with tempfile.TemporaryDirectory() as name:
        texts = [(ROOT / file).read_text() for file in ("train.py", "program.md")]
        project = make_project(Path(name, "project"), *texts)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": f"{name}/state"}

        def thinker(*words: str) -> str:
            command = [sys.executable, "-m", "harness", *words]
            done = subprocess.run(
                command, cwd=project, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr.strip()[-500:]
            return done.stdout

        limits = ["--experiments", "1", "--seeds", "1", "--reserve", "0", "--slots", "1"]
        limits += ["--researcher", "offline"]
        thinker("run", "--budget-s", str(seconds), "--device", device, "--problems", "50", *limits)
        rows = json.loads(thinker("board", "--json"))
        (outcome,) = json.loads(thinker("show", "0", "--json"))["outcomes"]
    statuses = [row["status"] for row in rows]
    assert statuses[0] == "ok", f"the baseline's trial: {statuses[0]}, {rows[0]['reason']}"
    assert len(statuses) == 2, f"{len(statuses)} experiments, not 2"
    return (
        f"baseline and edit in {outcome['sandbox']}: {statuses[0]}, {statuses[1]};"
        f" {outcome['samples']:,} samples, {outcome['train_s']:.0f} s training,"
        f" {outcome['score_s']:.0f} s scoring"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="gpu_check.py", description="Check what train.py needs of a GPU."
    )
    parser.add_argument("--device", choices=("cuda", "mps", "cpu"), default="cuda")
    parser.add_argument(
        "--train-s", type=float, default=60.0, help="seconds of training (default 60)"
    )
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        print(
            f"gpu-check: torch {torch.__version__} sees no CUDA GPU; see nvidia-smi, "
            "or rehearse with --device cpu",
            file=sys.stderr,
        )
        return 2
    batches = 3 if args.device == "cpu" else 100
    checks: dict[str, Callable[[], str]] = {
        "device": lambda: check_device(args.device),
        "bf16": lambda: check_bf16(args.device),
        "compiler": lambda: check_compiler(args.device, batches),
        "fallback": lambda: check_fallback(args.device),
        "data": lambda: check_data(args.device),
        "decoding": lambda: check_decoding(args.device),
        "training": lambda: check_training(args.device, args.train_s),
        "campaign": lambda: check_campaign(args.device, args.train_s / 2),
    }
    failed = 0
    for name, check in checks.items():
        try:
            print(f"{name:10} ok      {check()}", flush=True)
        except (AssertionError, RuntimeError, subprocess.CalledProcessError) as error:
            failed += 1
            print(f"{name:10} FAILED  {type(error).__name__}: {error}", flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
