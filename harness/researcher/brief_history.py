"""The campaign so far as text: a section for each thing that a researcher wants to know."""

from collections.abc import Callable
from datetime import datetime

from harness.believed import beliefs_of
from harness.experiment import BASELINE
from harness.knobs import read
from harness.leaderboard import rows, summary
from harness.researcher import Brief
from harness.researcher import brief_experiments as experiments
from harness.researcher import brief_notebook as words
from harness.researcher.brief_figures import apart, pooled, share, since_keep, task_means
from harness.researcher.brief_scene import Scene, trials
from harness.researcher.curve_text import (
    curve,
    frontiers,
    pace,
    symptoms,
    telemetry,
    trial_folder,
)
from harness.researcher.quoting import first_of, one_line
from harness.schedule import trial_s
from harness.tasks import ladder_of

POINTS = 8  # moments of the curve
LINE = 20  # incumbents that are named
TITLE_BYTES = 100
READABLE = 200_000  # characters of a source; a longer one's constants are not looked at


def history_text(brief: Brief, now: str | None) -> str:
    """Markdown; each section within its own limit, empty ones left out."""
    history = brief.history
    _, noise = beliefs_of(history)  # replayed once: what follows finds it
    listed = rows(history, {trial.experiment for trial in brief.running})
    scene = Scene(brief, listed, noise.sd, now or history.last_at)
    parts = ["# The campaign so far"]
    for title, section, limit in SECTIONS:
        if lines := section(scene, limit):
            parts.append(f"## {title}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


# ---------------------------------------------------------------------------
# Where it stands
# ---------------------------------------------------------------------------


def _stand(scene: Scene, limit: int) -> list[str]:
    history, brief = scene.brief.history, scene.brief
    lines = [f"As of {scene.now}. {summary(history)}."]
    shown = {brief.incumbent: "incumbent", BASELINE: "baseline"}
    for number, name in (
        shown.items() if brief.incumbent else [(BASELINE, "the incumbent is the baseline,")]
    ):
        row = scene.rows[number] if number < len(scene.rows) else None
        if row and row.accuracy is not None and row.accuracy_sd is not None:
            low, high = (row.accuracy + sign * 1.96 * row.accuracy_sd for sign in (-1, 1))
            read_as = "" if row.raw_accuracy is None else f", read {row.raw_accuracy:.4f}"
            lines.append(
                f"{name} #{number}: accuracy {row.accuracy:.4f} ± {row.accuracy_sd:.4f} (95%:"
                f" {max(0.0, low):.3f} to {min(1.0, high):.3f}){read_as} in {trials(row.trials)}"
            )
    line = " ← ".join(f"#{number}" for number in history.line()[:LINE])
    more = len(history.line()) - LINE
    lines.append(f"its line: {line}" + (f" and {more} more" if more > 0 else ""))
    lines.append(f"noise: one trial's accuracy is off by about {scene.noise_sd:.4f} (one sd)")
    lines.append(f"verdicts since the last keep: {since_keep(history)}")
    return first_of([*lines, *_left(scene)], limit, "lines")


def _left(scene: Scene) -> list[str]:
    """Time, experiments and dollars that are left."""
    history, settings = scene.brief.history, scene.brief.history.settings
    took = trial_s(history)
    lines = [f"slots: {history.slots}; a trial takes about {took:.0f} s with its scoring"]
    if settings.deadline:
        left = datetime.fromisoformat(settings.deadline) - datetime.fromisoformat(scene.now)
        left_s = max(0.0, left.total_seconds())
        fit = left_s / max(took, 0.001) * history.slots
        lines.append(f"time left: {left_s / 3600:.1f} h, enough for about {fit:.0f} trials")
    if history.total is not None:
        lines.append(f"experiments left: {max(0, history.total - history.proposals)}")
    spent = history.spending
    if spent.calls or history.max_usd is not None:
        text = f"calls: {spent.total.calls}; dollars: {spent.total.usd:.2f} spent"
        if history.max_usd is not None:
            text += f", {max(0.0, history.max_usd - spent.committed_usd):.2f} left"
        lines.append(text)
    return lines


def _levels(scene: Scene, limit: int) -> list[str]:
    records, number = scene.brief.history.records, scene.brief.incumbent
    if number not in records:
        return []
    mine = pooled(records[number].outcomes)
    base = pooled(records[BASELINE].outcomes) if number != BASELINE else {}
    if not mine:
        return []
    lines, means, base_means = [], task_means(mine), task_means(base)
    for task, mean in means.items():
        cells = [
            f"{name.partition(':')[2]}: {share(pair):.2f}{_before(base.get(name))}"
            for name, pair in mine.items()
            if name.partition(":")[0] == task
        ]
        before = f" ({base_means[task]:.3f})" if task in base_means else ""
        lines.append(f"{task:7} mean {mean:.3f}{before}   " + "   ".join(cells))
    zero = [name for name, (right, _) in mine.items() if not right]
    lines.append(f"at zero: {', '.join(zero) or 'none'}")
    if base:
        better, worse = apart(mine, base)
        lines.append(f"clearly better than the baseline: {', '.join(better) or 'none'}")
        lines.append(f"clearly worse: {', '.join(worse) or 'none'}")
    asked = max(total for _, total in mine.values())
    lines.append(f"pooled over trials: up to {asked} problems a level")
    return first_of(lines, limit, "lines")


def _curve(scene: Scene, limit: int) -> list[str]:
    brief = scene.brief
    record = brief.history.records.get(brief.incumbent)
    right = [o for o in record.outcomes if o.status == "ok"] if record else []
    if not right:
        return []
    lines = [f"trial with seed {right[0].seed}: {pace(right[0])}"]
    told = telemetry(trial_folder(brief.results, brief.incumbent, right[0].seed))
    if points := curve(told, POINTS, ladder_of(brief.history.settings.tasks)):
        lines += [
            "Its own telemetry. By task: exact match on public problems as last measured, the"
            " mean over the task's levels, those not asked yet as 0.",
            *points,
        ]
    if ends := frontiers(told):
        lines.append(f"frontiers, begin → middle → end: {ends}")
    is_readable = len(brief.source) <= READABLE
    constants = read(brief.source, brief.preset).constants if is_readable else {}
    seen = symptoms(told, constants)
    lines += [f"a rule of thumb says: {one_line(why, 200)}" for why in seen]
    return first_of(lines, limit, "lines")


def _before(pair: tuple[int, int] | None) -> str:
    return "" if pair is None else f" ({share(pair):.2f})"


SECTIONS: tuple[tuple[str, Callable[[Scene, int], list[str]], int], ...] = (
    ("Where it stands", _stand, 3_000),
    ("Accuracy by level: the incumbent, and the baseline in brackets", _levels, 3_000),
    ("The incumbent's training", _curve, 4_000),
    ("Kept, in their order", experiments.kept, 10_000),
    ("Running and waiting: do not propose these again", experiments.in_the_works, 3_000),
    ("What each kind brought", experiments.by_kind, 4_000),
    ("The last experiments, the newest at the end", experiments.last, 20_000),
    ("Near misses, of each kind the likeliest: worth combining", experiments.near, 3_000),
    ("What failed", experiments.failed, 6_000),
    ("The notebook, the newest lesson at the end", words.notebook, 14_000),
    ("What is asked of you now", words.asked, 2_000),
    ("guidance.md: what the person says during this campaign", words.guidance, 8_000),
)
MOST_BYTES = sum(limit + TITLE_BYTES for _, _, limit in SECTIONS)
