"""History, status and what runs -> Scene. What is believed is worked out when the ledger has grown,
and not for each picture."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from harness.agenda import waiting
from harness.believed import posteriors
from harness.board_words import incumbents
from harness.costs import money
from harness.deadline import seconds_left
from harness.experiment import BASELINE, Posterior, Trial
from harness.figures import are_figures
from harness.history import History, Record
from harness.leaderboard import counts, status_of
from harness.reading import state_of
from harness.running_curve import RunningCurves
from harness.scene import Health, Incumbent, Phase, Scene, Slot, Thinker, Told
from harness.schedule import known_trial_s
from harness.settings import local_time, trial_words
from harness.status import Running, Status
from harness.tasks import ladder_of

MOST_TOLD = 200  # no terminal is higher


class Stage:
    """Of one campaign. `results` is its folder, `scratch` where its trials work."""

    def __init__(self, results: Path, scratch: Path) -> None:
        self.results, self.scratch = results, scratch
        self.curves = RunningCurves(scratch)
        self._believed: dict[int, Posterior] = {}
        self._believed_at = ("", 0, 0)
        self._told: tuple[Told, ...] = ()
        self._incumbent: Incumbent | None = None
        self._history: History | None = None  # that these are of

    def scene(
        self,
        history: History,
        status: Status | None,
        health: Health | None,
        *,
        writer: int | None,
        notes: tuple[str, ...] = (),
        now: datetime | None = None,
    ) -> Scene:
        """Status is the writer's or, without one, what the last one left; None where it is not
        known."""
        assert history.started
        now = now or datetime.now(UTC)
        self.learn(history)
        state, words = state_of(history, writer, status)
        is_running = state == "running"
        if state in ("running", "away", "stopped"):  # hours count from the start, pauses included
            elapsed_s = since(history.started_at, now)
        else:
            elapsed_s = since(history.started_at, datetime.fromisoformat(history.worked_until))
        left_s = None
        if history.settings.deadline and not (history.is_finished or history.revealed):
            left_s = max(0.0, seconds_left(history.settings.deadline, history.last_at))
        return Scene(
            history.started.tag,
            state,
            words,
            elapsed_s,
            left_s,
            _ends(history),
            _done(history, elapsed_s, left_s),
            counts(history),
            self._incumbent,
            tuple(self._slots(history, status, now)) if is_running else (),
            _thinker(history, status if is_running else None, now),
            self._told[:MOST_TOLD],
            health,
            notes,
            history.settings.rehearse,
            trial_words(history.settings),
        )

    def learn(self, history: History) -> tuple[Told, ...]:
        """Take a newer history; all of its verdicts, the newest first."""
        campaign = history.started.campaign if history.started else ""
        measured = campaign, history.trials, len(history.judged)
        if measured != self._believed_at:
            self._believed, self._believed_at = posteriors(history), measured
        if history is not self._history:
            self._history = history
            self._told = tuple(
                told_of(history, history.records[number], self._believed.get(number))
                for number in reversed(history.judged)
            )
            self._incumbent = self._incumbent_of(history)
        return self._told

    def _incumbent_of(self, history: History) -> Incumbent | None:
        number, found = history.incumbent, self._believed
        if number is None or number not in found or BASELINE not in found:
            return None
        best, line = found[number], incumbents(history, found)
        return Incumbent(
            number, best.accuracy, best.accuracy_sd, found[BASELINE].accuracy, tuple(line)
        )

    def _slots(self, history: History, status: Status | None, now: datetime) -> Iterator[Slot]:
        busy = {running.slot: running for running in status.running} if status else {}
        self.curves.keep_only((r.experiment, r.seed) for r in busy.values())
        known_s = known_trial_s(history)
        for number in range(history.slots):
            if number not in busy or busy[number].experiment not in history.records:
                yield Slot(number, "idle", waits_for=_waits_for(history, status))
            else:
                yield self._slot(history, busy[number], known_s, now)

    def _slot(
        self, history: History, running: Running, known_s: float | None, now: datetime
    ) -> Slot:
        record = history.records[running.experiment]
        names = [level.name for level in ladder_of(history.settings.tasks)]
        begun = self.curves.of(running.experiment, running.seed, names)
        curve = begun.look()
        return Slot(
            running.slot,
            self._phase(running, has_curve=begun.is_begun),
            running.experiment,
            running.seed,
            record.experiment.hypothesis,
            elapsed_s=since(running.since, now) or 0.0,
            expected_s=history.settings.budget_s if known_s is None else known_s,
            is_repeat=record.verdict is not None,
            curve=curve,
            is_guess=known_s is None,
        )

    def _phase(self, running: Running, *, has_curve: bool) -> Phase:
        """As its folders show it: the log is written when the training has ended."""
        name = f"{running.experiment:04d}", f"{running.seed}"
        if not (self.scratch / "-".join(name)).is_dir():
            return "waiting"
        if (self.results / "experiments" / name[0] / name[1] / "log.txt").is_file():
            return "scoring"
        return "training" if has_curve else "start-up"


def told_of(history: History, record: Record, posterior: Posterior | None) -> Told:
    experiment, verdict = record.experiment, record.verdict
    assert verdict
    has_effect = posterior is not None and experiment.id != BASELINE
    return Told(
        experiment.id,
        verdict.decision,
        record.standing or "",
        status_of(record).replace("_", " "),
        posterior.accuracy if posterior else None,
        posterior.accuracy_sd if posterior else None,
        posterior.effect if posterior and has_effect else None,
        posterior.effect_sd if posterior and has_effect else None,
        posterior.p_real if posterior and has_effect else None,
        experiment.hypothesis,
        "" if are_figures(verdict.reason) else verdict.reason,
        experiment.id == history.incumbent and verdict.decision == "keep",
    )


def since(moment: str, now: datetime) -> float | None:
    """Seconds, at least 0; None for what is no time."""
    try:
        return max(0.0, (now - datetime.fromisoformat(moment)).total_seconds())
    except (ValueError, TypeError):
        return None


def _ends(history: History) -> str:
    if history.total is not None:
        return f"{history.decided} of {history.total} experiments"
    if history.settings.deadline:
        return f"until {local_time(history.settings.deadline)}"
    return ""


def _done(history: History, elapsed_s: float | None, left_s: float | None) -> float | None:
    if history.is_finished or history.revealed:
        return 1.0
    shares = []
    if elapsed_s is not None and left_s is not None and elapsed_s + left_s > 0:
        shares.append(elapsed_s / (elapsed_s + left_s))
    if history.total:
        shares.append(min(1.0, len(history.judged) / (history.total + 1)))
    return max(shares, default=None)


def _waits_for(history: History, status: Status | None) -> str:
    if status and status.is_low:
        return "waits for room on the disk"
    if history.closing:
        return "free; nothing new begins any more"
    return "waits for a proposal"


def _thinker(history: History, status: Status | None, now: datetime) -> Thinker:
    name = " ".join(history.settings.researcher)
    model = history.settings.model
    doing, since_s = _doing(history, status, now)
    last, call_s = "", None
    if history.spending.last:
        last, call_s = history.spending.last.end, since(history.last_call_at, now)
    return Thinker(
        f"{name} ({model.name})" if model else name,
        doing,
        since_s,
        money(history).removeprefix("money: "),
        status.trouble if status else "",
        last if status and not history.spending.open else "",
        call_s,
    )


def _doing(history: History, status: Status | None, now: datetime) -> tuple[str, float | None]:
    if status is None:
        return "", None
    if status.trying_since:
        return f"preflights #{history.next_id} on the CPU", since(status.trying_since, now)
    if history.spending.open:
        call = max(history.spending.open)
        return f"waits for reply {call}", since(history.last_call_at, now)
    if status.thinking_since:
        return f"thinks about #{history.next_id}", since(status.thinking_since, now)
    ready = waiting(history, [Trial(r.experiment, r.seed) for r in status.running])
    if ready:
        return "1 proposal is ready" if ready == 1 else f"{ready} proposals are ready", None
    return "rests", None
