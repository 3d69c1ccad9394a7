"""The child process that runs a solver: questions in, answers out, nothing else either way.

Started by `harness.solver_process` as `python -I solve_child.py`. One JSON object a line on what
were its stdin and stdout; the solver's own are the null device. No answer is ever in here.
Not covered: files and network; the sandbox is for those.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import types
from collections.abc import Callable
from typing import IO, Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> None:
    if sys.platform == "linux":
        _supervise()
    requests, replies = _take_streams()

    def reply(**fields: Any) -> None:
        replies.write(json.dumps(fields) + "\n")
        replies.flush()

    import torch

    reply(id="imported")  # and the next line waits for a request, as always: one each in turn
    job = json.loads(requests.readline())
    if job["device"] == "cpu":
        torch.set_num_threads(1)
    # What the solver's code raises is data, SystemExit too: hence BaseException.
    with torch.inference_mode():
        try:
            solver = _load(job["source"], job["checkpoint"], job["device"])
        except BaseException as error:
            reply(id="loaded", error=type(error).__name__)
            return
        reply(id="loaded")
        for line in requests:
            request = json.loads(line)
            try:
                reply(id=request["id"], answers=_ask(solver, request["questions"]))
            except BaseException as error:
                reply(id=request["id"], error=type(error).__name__)


def _supervise() -> None:
    """Stay behind as the parent of whatever the solver leaves, and end it when the solver ends."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    solver = os.fork()
    if solver == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    for stream in (0, 1):  # so that the harness sees the solver's end as the end of its stream
        os.close(stream)
    status: int | None = None
    while True:
        try:
            ended, ended_status = os.waitpid(-1, 0)
        except ChildProcessError:
            break
        if ended == solver:
            status = ended_status
        if status is not None:  # each one killed may leave children of its own to this process
            _kill_children()
    code = os.waitstatus_to_exitcode(status or 0)
    os._exit(code if code >= 0 else 128 - code)


def _kill_children() -> None:
    """SIGKILL every process whose parent is this one; their own children come here next."""
    for name in os.listdir("/proc"):  # noqa: PTH208 (no pathlib: this stays a small, quick process)
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{int(name)}/stat", "rb") as file:  # noqa: PTH123
                parent = int(file.read().rpartition(b")")[2].split()[1])
            if parent == os.getpid():
                os.kill(int(name), signal.SIGKILL)


def _take_streams() -> tuple[IO[str], IO[str]]:
    """Stdin and stdout under numbers of their own; the solver gets the null device instead."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    return requests, replies


def _load(source: str, checkpoint: str, device: str) -> Callable[[list[str]], Any]:
    import torch

    sys.modules["harness"] = None  # type: ignore[assignment]  # the import then fails
    sys.modules["harness.problems"] = None  # type: ignore[assignment]
    module = types.ModuleType("train")
    sys.modules["train"] = module  # dataclasses look their module up
    exec(compile(source, "train.py", "exec"), module.__dict__)
    weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
    solver: Callable[[list[str]], Any] = module.load_solver(weights, device)
    return solver


def _ask(solver: Callable[[list[str]], Any], questions: list[str]) -> list[str | None] | None:
    """The answers as plain strings, None for one that is no text; None if they are no list."""
    answers = solver(questions)
    if not isinstance(answers, list | tuple):
        return None
    return [str(a) if isinstance(a, str) else None for a in answers]


if __name__ == "__main__":
    main()
