"""The process that scores a run: a job in JSON on its input, the evaluation on its output.

It knows the problems' answers, so it is a process of its own, without torch in the harness, and its
memory cannot be read by what it asks. Started by `harness.trial` and `harness.preflight`.
"""

import ctypes
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.confinement import Box
from harness.evaluation import Refused
from harness.sandbox import Place, Process, Sandbox
from harness.sandbox import start as start_process
from harness.state import module_command

if TYPE_CHECKING:
    import torch

    from harness.checkpoint import Checkpoint

PR_SET_DUMPABLE = 4


@dataclass(frozen=True, slots=True)
class Job:
    """`subset` is validation, or public for a preflight or sealed, which have no controls."""

    run: str
    seed: str
    problems: int
    subset: str
    device: str
    level: str
    tasks: str | None
    memory_mb: int | None


def start(job: Job, place: Place, scratch: Path, *, nice: int = 0) -> Process:
    """Score in another process, which ends with this one; `result` reads what it says. `scratch`
    takes its temporary files, so that the caller can remove what it leaves when it is ended.

    It runs on the place's cores and GPU, and asks the solver in the sandbox of the job's level.
    """
    box = Box(
        Path(job.run),
        environment=os.environ | {"TMPDIR": str(scratch.resolve())},
        nice=nice,
        file_mb=None,
        gpu=job.device == "cuda",
    )
    process = start_process(
        Sandbox("none", "the harness's own"),
        replace(place, memory_mb=None).within(box),
        module_command("harness.score"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.popen.stdin
    process.popen.stdin.write(json.dumps(dataclasses.asdict(job)).encode())
    process.popen.stdin.close()
    process.popen.stdin = None
    return process


def result(out: bytes, err: bytes) -> dict[str, Any]:
    """What the scorer found. Raises RuntimeError where it failed itself."""
    try:
        found: dict[str, Any] = json.loads(out)
    except ValueError:
        said = err.decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"scoring failed: {said[-1] if said else 'no reply'}") from None
    return found


def main() -> None:
    hide()
    job = Job(**json.loads(sys.stdin.read()))
    import torch

    torch.set_num_threads(1)
    from harness import checkpoint as checkpoint_file
    from harness.evaluate import evaluate
    from harness.tasks import ladder_of

    run = Path(job.run)
    place = Place(Sandbox(job.level, ""), memory_mb=job.memory_mb)  # type: ignore[arg-type]
    official = job.subset == "validation"
    try:
        evaluation = evaluate(
            run,
            seed=job.seed,
            problems=job.problems,
            subset=job.subset,  # type: ignore[arg-type]
            device=job.device,
            controls=official,
            ladder=ladder_of(job.tasks),
            place=place,
        )
        found = evaluation.as_dict()
        if job.subset == "sealed":  # which problems, so that two solvers can be compared by them
            found["right"] = {level.level.name: level.right for level in evaluation.levels}
        checkpoint = checkpoint_file.read(run / "checkpoint.pt")
        found["digest"], found["parameters"] = digest(checkpoint), parameters(checkpoint)
    except Refused as refused:
        found = {"status": refused.status, "reason": refused.reason, "levels": [], "digest": ""}
        found["seconds"] = None
    print(json.dumps(found, allow_nan=False))


def digest(checkpoint: "Checkpoint") -> str:
    """SHA-256 of names, shapes and contents of the float tensors."""
    import torch

    total = hashlib.sha256()
    for name, value in _floats(checkpoint):
        total.update(f"{name} {tuple(value.shape)}".encode())
        total.update(value.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def parameters(checkpoint: "Checkpoint") -> int:
    """How many numbers the float tensors hold: all that training may have left in it."""
    return sum(value.numel() for _, value in _floats(checkpoint))


def _floats(checkpoint: "Checkpoint") -> "Iterator[tuple[str, torch.Tensor]]":
    import torch

    for name, value in sorted(checkpoint.items()):
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            yield name, value


def hide() -> None:
    """No other process of the same user may read the memory of this one."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    main()
