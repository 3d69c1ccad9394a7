"""Posing batches of questions to a solver within limits; whatever it does comes back as data.

Not covered: whether the answers are right. Who poses the questions compares.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.solver_process import HUNG, LATE, Hung, Late, Limits, Solver, SolverProcess, Unusable


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to one batch, None for one too long; or none at all and an error in our words."""

    answers: tuple[str | None, ...]
    error: str
    seconds: float  # CPU on a CPU, wall on a GPU; loading not counted


@dataclass(frozen=True, slots=True)
class Pass:
    """What became of all batches; `load_error` says why the solver could not be loaded, if so."""

    replies: tuple[Reply, ...]
    seconds: float  # loading counted
    load_error: str
    is_timeout: bool


def pose(
    solver: Solver,
    batches: Sequence[Sequence[str]],
    limits: Limits,
    on_reply: Callable[[int], None] | None = None,
) -> Pass:
    """Ask the batches in turn; when time runs out, it is the last ones that go without.

    A process that ended is started again for the next batch. Raises nothing for what the solver
    does. No process and no file is left behind.
    """
    session = _Session(solver, limits)
    replies = []
    try:
        for number, batch in enumerate(batches):
            replies.append(session.ask(number, batch))
            if on_reply:
                on_reply(number)
    finally:
        session.close()
    return Pass(tuple(replies), session.seconds, session.load_error, session.end == HUNG)


class _Session:
    """The processes of one pass, one after another, and the seconds they used together."""

    def __init__(self, solver: Solver, limits: Limits) -> None:
        self.solver, self.limits = solver, limits
        self.child: SolverProcess | None = None
        self.earlier_s = self.earlier_wall_s = 0.0
        self.deaths = 0
        self.end = self.load_error = ""  # why no more is asked

    @property
    def seconds(self) -> float:
        return self.earlier_s + (self.child.seconds if self.child else 0.0)

    def ask(self, number: int, batch: Sequence[str]) -> Reply:
        if not self.end and self.child is None:
            self._start()
        if self.end or self.child is None:
            return Reply((), self.end, 0.0)
        before = self.seconds
        answers: tuple[str | None, ...] = ()
        try:
            answers, error = self.child.ask(number, batch)
        except Unusable as unusable:
            error = str(unusable)
            self.close()
            self.deaths += 1
            if isinstance(unusable, Late | Hung) or self.deaths > self.limits.deaths:
                self.end = error
        return Reply(answers, error, self.seconds - before)

    def close(self) -> None:
        if self.child:
            self.child.close()
            self.earlier_s += self.child.seconds
            self.earlier_wall_s += self.child.wall_s
            self.child = None

    def _start(self) -> None:
        limits = self.limits
        left_s = limits.solve_s - self.earlier_s
        left_wall_s = limits.solve_s * limits.wall_factor - self.earlier_wall_s
        self.child = SolverProcess(self.solver, limits, left_s, left_wall_s)
        try:
            error = self.child.load()
        except Unusable as unusable:
            error = str(unusable)
        if error:
            self.close()
            self.end = error
            self.load_error = "" if error in (LATE, HUNG) else error
