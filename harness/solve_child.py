"""The child process that runs a solver: questions in, answers out, nothing else either way.

Started by `harness.solver_process` as `python -I solve_child.py`. One JSON object a line on what
were its stdin and stdout; the solver's own are the null device. No answer is ever in here.
Not covered: files and network; the sandbox is for those.
"""

import json
import os
import sys
import types
from collections.abc import Callable
from typing import IO, Any


def main() -> None:
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
