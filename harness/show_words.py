"""One experiment in words: what it hoped for and what came of it, trials, line, cost."""

from collections.abc import Iterator
from datetime import UTC, datetime

from harness.ablation_words import ablation_words
from harness.board_table import word_of
from harness.contention import counted
from harness.costs import tokens_words
from harness.experiment import BASELINE, Posterior
from harness.figures import are_figures, change, probability, share, short
from harness.history import History, Record
from harness.leaderboard import Row
from harness.paint import cut, fitted, grid, line_of
from harness.plain import plain
from harness.provenance import provenance_words

Fact = tuple[str, str]
SPREAD_95 = 1.96  # standard deviations
UNLIKELY, LIKELY = 0.1, 0.95  # P(real) below and above which there is something to say
HYPOTHESIS = 400  # characters that are shown of one
TRIAL_DROPS = ("slot", "steps", "score s", "samples/s")  # on a narrow terminal
LINEAGE = 6  # experiments of the line that are shown


def headline(history: History, row: Row, record: Record) -> str:
    assert history.started
    standing = f", {row.standing}" if row.standing else ""
    status = "" if row.status in ("ok", "", row.verdict) else f", {row.status.replace('_', ' ')}"
    tip = ", the incumbent" if row.is_incumbent else ""
    proposed = datetime.fromisoformat(record.proposed_at).astimezone(UTC)
    is_start = row.id == BASELINE and row.verdict == "keep"
    verdict = "baseline" if is_start else row.verdict
    return (
        f"experiment {row.id} of {history.started.tag} · {verdict}{status}{standing}{tip}"
        f" · {proposed:%Y-%m-%d %H:%M} UTC"
    )


def hypothesis(record: Record, *, full: bool) -> str:
    text = record.experiment.hypothesis
    if full or len(text) <= HYPOTHESIS:
        return plain(text) or "no hypothesis"
    return f"{plain(text[:HYPOTHESIS])}… ({len(text):,} characters; --full shows all)"


def result(history: History, row: Row, believed: dict[int, Posterior]) -> Iterator[Fact]:
    """Hypothesis against what happened, then the figures behind it."""
    found, number = believed.get(row.id), row.id
    if number != BASELINE:
        yield "result", against_hope(row)
    if found:
        mean, sd = found.accuracy, found.accuracy_sd
        text = f"{share(mean, sd)} ({_within(mean, sd)})"
        above = believed.get(row.parent)
        if number != BASELINE and above:
            text += f"; its parent {row.parent}: {share(above.accuracy, above.accuracy_sd)}"
        yield "accuracy", text
    if row.raw_accuracy is not None:
        yield "read", _read(history, row, found)
    if row.reason:
        is_told = row.reason.startswith(row.verdict)
        then = " by what was known then" if are_figures(row.reason) else ""
        reason = row.reason.strip().partition("\n")[0]  # a traceback stands below, line by line
        yield "verdict", reason if is_told else f"{row.verdict}{then}: {reason}"
    if row.sealed is not None:
        yield "sealed", f"{row.sealed:.4f} on the sealed set that it was asked last"
    if said := ablation_words(history, number):
        yield "ablation", said


def _read(history: History, row: Row, found: Posterior | None) -> str:
    """What its trials read, and why something else is believed."""
    assert row.raw_accuracy is not None
    outcomes = history.records[row.id].outcomes
    count = len(counted(outcomes))
    aside = sum(outcome.status == "ok" for outcome in outcomes) - count
    whose = "one trial" if count == 1 else f"{count} trials, on average"
    whose += f" ({aside} more slowed by other work)" if aside else ""
    text = f"{row.raw_accuracy:.4f} by its {whose}"
    if found is None or abs(found.accuracy - row.raw_accuracy) <= found.accuracy_sd:
        return text
    if row.id == BASELINE:
        return f"{text}; the trials of its edits tell of it, too"
    return f"{text}; trials scatter, so its parent's count as well, and most edits change little"


def against_hope(row: Row) -> str:
    """What was expected and what was got, and how the two go together."""
    hope = "nothing was predicted" if row.expected is None else f"expected {row.expected:+z.3f}"
    if row.effect is None or row.effect_sd is None or row.p_real is None:
        return f"{hope}; nothing was measured"
    got = f"got {change(row.effect, row.effect_sd)} ({_within(row.effect, row.effect_sd, '+')})"
    text = f"{hope}, {got}, P(real) {probability(row.p_real)}"
    if row.effect + SPREAD_95 * row.effect_sd < 0:
        return f"{text}: it does harm"
    if row.p_real < UNLIKELY:
        return f"{text}: most likely no gain"
    if row.p_real < LIKELY:
        return f"{text}: {'it may be luck' if row.effect > 0 else 'rather no gain'}"
    if row.expected is None:
        return f"{text}: a gain"
    distance = row.effect - row.expected
    if abs(distance) <= row.effect_sd:
        return f"{text}: a gain, as large as was hoped"
    return f"{text}: a gain, {'larger' if distance > 0 else 'smaller'} than was hoped"


def trial_lines(record: Record, columns: int) -> Iterator[str]:
    """A table of its trials, and below what is to be said of them."""
    head = (
        "seed",
        "status",
        "accuracy",
        "train s",
        "score s",
        "steps",
        "samples/s",
        "MB",
        "parameters",
        "slot",
    )
    rows = [
        (
            str(o.seed),
            o.status.replace("_", " "),
            f"{o.accuracy:.4f}" if o.status == "ok" else "",
            f"{o.train_s:.1f}",
            f"{o.score_s:.1f}",
            "" if o.steps is None else f"{o.steps:,}",
            short(o.samples / o.train_s) if o.samples and o.train_s > 0 else "",
            "" if o.memory_mb is None else f"{o.memory_mb:.0f}",
            short(o.parameters),
            f"{o.slot}, {o.sandbox}",
        )
        for o in record.outcomes
    ]
    if rows:
        yield from fitted(head, rows, ("seed", "status", "slot"), columns, TRIAL_DROPS)
    for outcome in record.outcomes:
        said = [*outcome.flags, *([outcome.reason] if outcome.reason else [])]
        yield from (line_of(f"{outcome.seed}: {each}", columns) for each in said)


def lineage(
    history: History, rows: list[Row], number: int, columns: int, *, full: bool
) -> list[str]:
    """The experiments that it stands on, from the baseline on, and itself."""
    line = history.line(number)[::-1]
    hidden = 0 if full else max(0, len(line) - LINEAGE)
    shown = line[:1] + line[1 + hidden :]
    cells = [
        (
            str(n),
            word_of(rows[n]),
            share(rows[n].accuracy),
            change(rows[n].effect),
            line_of(rows[n].hypothesis, columns),
        )
        for n in shown
    ]
    head = ("id", "verdict", "accuracy", "change", "hypothesis")
    lines = [cut(line, columns) for line in grid(head, cells, ("verdict", "hypothesis"))]
    if hidden:
        lines.insert(2, f"… {hidden} more between; --full shows them")
    return lines


def origins(history: History, record: Record, tag: str) -> Iterator[Fact]:
    """Who made it, at what cost, from what, and the commands that bring it back."""
    experiment, number = record.experiment, record.experiment.id
    yield "researcher", f"{plain(experiment.researcher)}, {plain(experiment.kind)}"
    yield (
        "preflight",
        "failed" if experiment.refused.startswith("preflight") else experiment.preflight,
    )
    if experiment.mends is not None:
        yield "mends", f"experiment {experiment.mends}, which crashed early"
    if spent := history.spending.by_experiment.get(number):
        yield "cost", f"{spent.usd:.4f} dollars in {spent.calls} calls, {tokens_words(spent)}"
    if record.outcomes:
        seconds = sum(o.train_s + o.score_s for o in record.outcomes)
        count = len(record.outcomes)
        yield "slot time", f"{seconds:,.0f} s in {count} trial{'s' if count > 1 else ''}"
    yield from provenance_words(history, record)
    yield "commit", record.commit
    yield "source", f"git show {record.commit[:12]}:train.py"
    if any(outcome.status == "ok" for outcome in record.outcomes):
        yield "again", f"thinker reproduce {number} --tag {tag}"


def _within(mean: float, sd: float, sign: str = "") -> str:
    low, high = mean - SPREAD_95 * sd, mean + SPREAD_95 * sd
    if not sign:
        low, high = max(0.0, low), min(1.0, high)
    return f"95%: {low:{sign}z.3f} to {high:{sign}z.3f}"
