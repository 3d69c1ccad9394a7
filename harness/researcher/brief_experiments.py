"""The sections of a brief that list experiments: kept, running, by kind, the last, near misses,
failures. Each is a list of lines within `limit` bytes."""

from collections import Counter

from harness.researcher.brief_figures import Yield, calibration, near_misses, yields
from harness.researcher.brief_scene import Scene, entry, has_failed, standing
from harness.researcher.quoting import first_of, last_of

LAST, FAILED = 30, 10  # experiments that are listed
MARK_BYTES = 200  # of a line of ours beside a list


def kept(scene: Scene, limit: int) -> list[str]:
    """All of them while there is room, the newest else."""
    found = [row for row in scene.judged() if row.verdict == "keep"]
    return last_of([entry(scene, row) for row in found], limit, "keeps")


def in_the_works(scene: Scene, limit: int) -> list[str]:
    waiting = [row for row in scene.rows if row.verdict in ("running", "waiting")]
    repeats = {trial.experiment for trial in scene.brief.running} - {row.id for row in waiting}
    lines = [entry(scene, row) for row in waiting]
    if repeats:
        lines.append("repeats that run: " + ", ".join(f"#{n}" for n in sorted(repeats)))
    return first_of(lines, limit, "experiments")


def by_kind(scene: Scene, limit: int) -> list[str]:
    """What each kind of edit brought; and, of those too old to be listed, how many there are."""
    history, judged = scene.brief.history, scene.judged()
    if not judged:
        return []
    lines = [
        f"{'kind':24} {'tried':>6} {'kept':>5} {'discarded':>9} {'failed':>6}"
        f" {'median effect':>13}  best effect"
    ]
    lines += [_of_kind(each) for each in yields(history, scene.rows)]
    if said := calibration(history, scene.rows):
        lines.append(said)
    if older := judged[:-LAST]:
        parts = [
            f"{each.kind} {each.tried} tried, {each.kept} kept, {each.failed} failed"
            for each in yields(history, older)
        ]
        lines.append(
            f"Older than the list below, #{older[0].id} to #{older[-1].id}: {'; '.join(parts)}."
        )
    return first_of(lines, limit, "lines")


def _of_kind(each: Yield) -> str:
    middle = "-" if each.median_effect is None else f"{each.median_effect:+z.4f}"
    best = each.best
    top = f"{best.effect:+z.4f} (#{best.id}, P(real) {best.p_real:.2f})" if best else "-"
    return (
        f"{each.kind:24} {each.tried:>6} {each.kept:>5} {each.discarded:>9} {each.failed:>6}"
        f" {middle:>13}  {top}"
    )


def last(scene: Scene, limit: int) -> list[str]:
    """The newest at the end; kept ones in one line, as they are listed already."""
    lines = [
        f"{standing(row)}, listed above" if row.verdict == "keep" else entry(scene, row)
        for row in scene.judged()[-LAST:]
    ]
    return last_of(lines, limit, "experiments")


def near(scene: Scene, limit: int) -> list[str]:
    found = near_misses(scene.brief.history, scene.rows)
    return first_of([entry(scene, row) for row in found], limit, "experiments")


def failed(scene: Scene, limit: int) -> list[str]:
    """How many failed in which way, and those too old for the list of the last."""
    judged = scene.judged()
    if not (found := [row for row in judged if has_failed(row)]):
        return []
    counts = Counter(row.status.replace("_", " ") or "lost" for row in found)
    total = ", ".join(f"{n} {status}" for status, n in counts.most_common())
    older = [row for row in judged[:-LAST] if has_failed(row)]
    lines = [f"In all: {total}."]
    if len(older) > FAILED:
        lines.append(f"The newest {FAILED} of {len(older)} that are older than the list above:")
    shown = [entry(scene, row) for row in older[-FAILED:]]
    return [*lines, *last_of(shown, limit - MARK_BYTES, "failures")]
