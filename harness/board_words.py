"""What stands around the board's table: the campaign in a line, its facts, its incumbent drawn."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from harness.ablation_words import ablation_line
from harness.believed import posteriors
from harness.costs import money
from harness.experiment import BASELINE, Posterior
from harness.figures import change, share
from harness.history import History
from harness.leaderboard import notes, slot_time, summary
from harness.sealed_words import board_lines
from harness.sparks import LEAST_CHANGE, sparks

SPARK = 48  # columns of a sparkline at most
Fact = tuple[str, str]


def headline(history: History) -> str:
    """The campaign's name first, then when it ran, and who proposed."""
    assert history.started
    researcher = history.settings.researcher[0]
    model = f" ({history.settings.model.name})" if history.settings.model else ""
    base = f" · from {history.started.based_on}" if history.started.based_on else ""
    return f"{history.started.tag} · {_span(history)} · {researcher}{model}{base}"


def facts(history: History, state: str, *, is_running: bool, now: datetime) -> Iterator[Fact]:
    """What a reader of the table asks next, each with its name."""
    assert history.started
    found = posteriors(history)
    whole, _, _ = summary(history).partition(";")
    yield "campaign", state
    yield "tried", whole
    if best := incumbent_words(history, found):
        yield "accuracy", best
    if ablated := ablation_line(history):
        yield "ablation", ablated
    line = incumbents(history, found)
    if len(set(line)) > 1:
        drawn = sparks(line, SPARK, least=LEAST_CHANGE)
        yield "incumbent", f"{drawn}  {share(line[0])} → {share(line[-1])}"
    if not history.settings.rehearse and (used := slot_time(history).words()):
        yield "slots", used.removeprefix("slot time: ")
    if spent := money(history):
        yield "money", spent.removeprefix("money: ")
    for line_of_set in board_lines(history):
        yield "sealed", line_of_set
    if is_running and (left := time_left(history, now)):
        yield "left", left
    for note in notes(history):
        yield "note", note


def incumbent_words(history: History, found: dict[int, Posterior]) -> str:
    number = history.incumbent
    if number is None or number not in found or BASELINE not in found:
        return ""
    best, first = found[number], found[BASELINE]
    text = f"{share(best.accuracy, best.accuracy_sd)}"
    if number == BASELINE:
        yet = "" if history.stopped else " yet"
        return f"{text}, the baseline's: nothing better was found{yet}"
    text += f" of experiment {number}, baseline {share(first.accuracy, first.accuracy_sd)}"
    return f"{text}: {change(best.accuracy - first.accuracy)}"


def incumbents(history: History, found: dict[int, Posterior]) -> list[float]:
    """The accuracy of the incumbent after each verdict, as it is believed now; what was withdrawn
    is left out, as if it had never been kept."""
    line: list[float] = []
    current: float | None = None
    for number in history.judged:
        record = history.records[number]
        assert record.verdict
        is_kept = record.verdict.decision == "keep" and record.standing != "withdrawn"
        if is_kept and number in found:
            current = found[number].accuracy
        if current is not None:
            line.append(current)
    if line and history.incumbent in found:  # a keep that was withdrawn may have returned
        line[-1] = found[history.incumbent].accuracy
    return line


def time_left(history: History, now: datetime) -> str:
    """Until the deadline, and experiments until the limit."""
    parts = []
    if history.settings.deadline:
        deadline = datetime.fromisoformat(history.settings.deadline)
        left = max(timedelta(0), deadline - now)
        parts.append(f"{span_words(left)} until {deadline.astimezone(UTC):%H:%M} UTC")
    if history.total is not None:
        parts.append(f"{max(0, history.total - history.decided)} of {history.total} experiments")
    return ", ".join(parts)


def span_words(span: timedelta) -> str:
    """Two units at most: 3 h 12 min, 5 min, 40 s."""
    seconds = round(span.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    days, rest = divmod(seconds // 60, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _span(history: History) -> str:
    begun = datetime.fromisoformat(history.started_at).astimezone(UTC)
    last = datetime.fromisoformat(history.worked_until).astimezone(UTC)
    return f"{begun:%Y-%m-%d %H:%M} UTC, {span_words(max(timedelta(0), last - begun))}"
