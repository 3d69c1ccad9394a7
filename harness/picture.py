"""Scene -> picture: a pure function, for `thinker run` and `thinker watch` alike.

Each part is a list of single lines that are cut at the terminal's edge, so that the height is known
before anything is drawn; the verdicts take what is left. Text of others is one line of harmless
characters, and comes last in its line, where a right-to-left script disturbs nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from harness.figures import change, probability, share
from harness.plain import plain
from harness.scene import GpuHealth, Health, Incumbent, Scene, Slot, Thinker, Told
from harness.sparks import LEAST_CHANGE, sparks
from harness.strokes import LABEL, Piece, bar, brief, cells_of, clock, labelled

STYLES = {
    "keep": "green",
    "confirmed": "bold green",
    "provisional": "green",
    "withdrawn": "magenta",
    "crash": "red",
    "out of memory": "red",
    "timeout": "red",
    "not learned": "yellow",
    "inconsistent": "yellow",
    "no checkpoint": "red",
    "refused": "dim",
    "discard": "dim",
    "baseline": "bold",
}
STATE_STYLES = {"running": "green", "away": "red", "stopped": "yellow"}
HEAD = f"{'id':>5}  {'verdict':13} {'accuracy':13} {'change':>7} {'P(real)':>7}  hypothesis"
NOUGHTS = re.compile(r", 0 [a-z]+")
FEWEST = 5  # lines of verdicts that are shown before the rest gives way
NOTES = 3


def render(scene: Scene, width: int, height: int) -> RenderableType:
    """At most `height` lines of at most `width` columns. Where there is little room the machine
    gives way, then what each trial is and the keys, then the slots' curves, then slots."""
    head, tail = (
        [_top(scene, width), _incumbent(scene, width)],
        [_researcher(scene.researcher, width)],
    )
    machine, notes = _machine(scene.health, width), _notes(scene, width)
    drawn = [_slot(slot, width) for slot in scene.slots]
    whole, short = [line for lines in drawn for line in lines], [lines[0] for lines in drawn]
    what, press = _trials(scene, width), _keys(scene, width)
    for gap, slots, shown, keys, trials in (
        *((1, whole, machine, press, what), (1, whole, machine[:1], press, [])),
        *((0, whole, machine[:1], press, []), (0, whole, [], press, [])),
        *((0, whole, [], [], []), (0, short, machine[:1], press, []), (0, short, [], [], [])),
    ):
        fixed = [part for part in (*head, slots, *tail, shown, notes, keys) if part]
        room = height - sum(len(part) + gap for part in fixed) - len(trials)
        if room >= FEWEST:
            break
    if room < FEWEST and len(slots) > 1:
        slots = _first(slots, max(2, len(slots) - (FEWEST - room)), width)
    verdicts = _verdicts(scene.told, width, max(room, FEWEST))
    above = [*head[:-1], head[-1] + trials]
    parts = [part for part in (*above, slots, *tail, verdicts, shown, notes, keys) if part]
    return Group(*_joined(parts, gap=gap)[:height])


def line_of(told: Told) -> str:
    """A verdict in one line of plain text, for where there is no terminal."""
    word = _word(replace(told, status=""))
    if told.verdict != "keep" and told.status not in ("ok", "", told.verdict):
        word = f"{told.verdict} ({told.status})"
    figures = [share(told.accuracy, told.accuracy_sd)] if told.accuracy is not None else []
    if told.effect is not None:
        figures.append(change(told.effect, told.effect_sd))
        figures.append(f"P(real) {probability(told.p_real)}")
    reason = f": {told.reason}" if told.reason and (told.id or told.verdict != "keep") else ""
    words = " ".join(filter(None, [word, ", ".join(figures)]))
    return f"{told.id:4} {plain(f'{words}: {told.hypothesis}{reason}')}"


def _joined(parts: Sequence[list[Text]], *, gap: int) -> list[Text]:
    lines: list[Text] = []
    for part in parts:
        lines += [Text()] * gap if lines else []
        lines += part
    return lines


def _top(scene: Scene, width: int) -> list[Text]:
    left = Text(no_wrap=True).append(scene.tag, style="bold").append("  ")
    style = STATE_STYLES.get(scene.state, "dim")
    left.append(brief(scene.state_words, width), style=style)
    times = []
    if scene.elapsed_s is not None:
        times.append(f"{clock(scene.elapsed_s)} gone")
    if scene.left_s is not None:
        times.append(f"{clock(scene.left_s)} left")
    facts = [*times, *([scene.ends] if scene.ends else [])]
    while facts and left.cell_len + cell_len(" · ".join(facts)) + 2 > width:
        facts.pop()  # how it stands goes before
    right = " · ".join(facts)
    left.append(" " * max(0, width - left.cell_len - cell_len(right))).append(right, style="dim")
    left.truncate(width, overflow="ellipsis")
    lines = [left]
    if scene.done is not None:
        lines.append(bar(scene.done, width))
    if scene.is_rehearsal:
        words = "a rehearsal: nothing is trained, and every figure is invented"
        lines.append(Text(brief(words, width), style="yellow"))
    return lines


def _incumbent(scene: Scene, width: int) -> list[Text]:
    found = scene.incumbent
    lines = []
    if found:
        words = f"#{found.id}  " if found.id else "baseline  "
        figure = share(found.accuracy, found.accuracy_sd)
        pieces: list[Piece] = [words, (figure, "bold")]
        if found.id:
            gain = found.accuracy - found.baseline
            pieces.append(f"  {gain:+z.3f} on the baseline's {found.baseline:.3f}")
        left = width - LABEL - sum(map(cells_of, pieces)) - 2
        pieces += ["  ", (_incumbent_line(found, min(left, 72)), "green")]
        lines.append(labelled("incumbent", *pieces, width=width))
    counts = scene.counts
    if cell_len(counts) > width - LABEL:  # rather without its noughts than without its end
        counts = NOUGHTS.sub("", counts)
    lines.append(labelled("tried", (counts, "dim"), width=width))
    return lines


def _incumbent_line(found: Incumbent, width: int) -> str:
    if len(set(found.line)) < 2 or width < 4:
        return ""
    return sparks(found.line, width, least=LEAST_CHANGE)


def _first(slots: Sequence[Text], count: int, width: int) -> list[Text]:
    """So many lines of them, the last of which says how many more there are."""
    more = labelled("", (f"{len(slots) - count + 1} slots more", "dim"), width=width)
    return [*slots[: count - 1], more]


def _slot(slot: Slot, width: int) -> list[Text]:
    label = f"slot {slot.number}"
    if slot.experiment is None:
        words = slot.waits_for or "free"
        return [labelled(label, (brief(words, width), "dim"), width=width)]
    what = f"#{slot.experiment}" + (" again" if slot.is_repeat else "")
    share = slot.elapsed_s / slot.expected_s if slot.expected_s else 0.0
    time = clock(slot.elapsed_s)
    if slot.expected_s:  # of the whole trial, whatever its phase
        left_s = slot.expected_s - slot.elapsed_s
        time = f"{clock(left_s)} left" if left_s > 0 else time
        time += f" of {clock(slot.expected_s)}"
        if slot.is_guess:  # nobody knows yet how long scoring takes
            time = f"{time}, then scoring" if left_s > 0 else f"{clock(slot.elapsed_s)} gone"
    pieces: list[Piece] = [f"{what:<11} ", (f"{slot.phase:<9} ", "cyan")]
    room = width - LABEL - sum(map(cells_of, pieces)) - len(f"  {time}")  # the time comes first
    pieces += [bar(share, max(0, min(30, max(8, width // 6), room))), f"  {time:<19}"]
    first = labelled(label, *pieces, width=width)
    curve = slot.curve
    second: list[Piece] = []
    if curve.values:
        wide = max(10, min(60, width // 4))
        low, high = (0.0, 1.0) if curve.name == "exact match" else (None, None)
        spark = sparks(curve.values, wide, low, high)
        second.append((f"{spark} ", "cyan"))
        last = curve.values[-1]
        second.append(f"{curve.name} {format(last, '.3f' if abs(last) < 1000 else '.1e')}  ")
    cells = width - LABEL - sum(map(cells_of, second))
    second.append((brief(slot.hypothesis, cells), "dim" if second else ""))
    facts = [f"seed {slot.seed}"]
    if curve.step is not None:
        facts.append(f"step {curve.step:,}")
    if curve.samples_per_s is not None:
        facts.append(f"{curve.samples_per_s:,.0f} samples/s")
    for fact in facts:
        if first.cell_len + len(fact) + 2 <= width:
            first.append(f"  {fact}", style="dim")
    return [first, labelled("", *second, width=width)]


def _researcher(found: Thinker | None, width: int) -> list[Text]:
    if found is None:
        return []
    since = "" if found.since_s is None else f" for {clock(found.since_s)}"
    doing = f"{found.doing}{since}"
    lines = [labelled("researcher", f"{brief(found.name, 40)}  ", (doing, "cyan"), width=width)]
    dollars, _, tokens = found.spent.partition("; ")
    facts = [dollars] if dollars else []
    if found.last_call:
        ago = "" if found.call_s is None else f", {clock(found.call_s)} ago"
        facts.append(f"last call: {brief(found.last_call, 40)}{ago}")
    facts += [tokens] if tokens else []
    if facts:
        lines.append(labelled("", (" · ".join(facts), "dim"), width=width))
    if found.trouble:
        lines.append(labelled("", (brief(found.trouble, width - LABEL), "yellow"), width=width))
    return lines


def _verdicts(told: Sequence[Told], width: int, room: int) -> list[Text]:
    """A heading and at most `room` - 1 of them."""
    if not told:
        return []
    head = Text(HEAD, style="dim", no_wrap=True)
    head.truncate(width, overflow="ellipsis")
    lines = [head]
    return lines + [_verdict(one, width) for one in told[: max(1, room - 1)]]


def _verdict(told: Told, width: int) -> Text:
    word = _word(told)
    line = Text(f"{told.id:>4}", no_wrap=True, overflow="ellipsis")
    line.append("*" if told.is_incumbent else " ", style="bold green").append("  ")
    line.append(f"{word[:13]:<13} ", style=STYLES.get(word, ""))
    line.append(f"{share(told.accuracy, told.accuracy_sd):<13} ")
    line.append(f"{change(told.effect):>7}")
    line.append(" " * (len(HEAD) - len("hypothesis") - line.cell_len - 9))
    line.append(f"{probability(told.p_real):>7}  ")
    dim = "dim" if word in ("discard", "refused") else ""
    line.append(brief(told.hypothesis, max(0, width - line.cell_len)), style=dim)
    line.truncate(width, overflow="ellipsis")
    return line


def _word(told: Told) -> str:
    """One short word: what it is now, or what went wrong."""
    if not told.id and told.verdict == "keep":
        return "baseline"
    if told.standing in ("confirmed", "withdrawn"):
        return told.standing
    return told.verdict if told.status in ("ok", "") else told.status


def _machine(health: Health | None, width: int) -> list[Text]:
    if health is None:
        return []
    facts: list[Piece] = []
    if health.load is not None:
        facts.append(f"load {health.load:.1f} of {health.cores} cores")
    if health.memory_free_mb is not None:
        facts.append(f"{health.memory_free_mb / 1024:.1f} GB of memory free")
    if health.disk_free_mb is not None:
        disk = f"{health.disk_free_mb / 1024:.1f} GB of disk free"
        facts.append((disk, "red") if health.is_low else disk)
    pieces: list[Piece] = []
    for fact in facts:
        pieces += [" · ", fact] if pieces else [fact]
    lines = [labelled("machine", *pieces, width=width)] if pieces else []
    return lines + [_gpu(gpu, width) for gpu in health.gpus]


def _gpu(gpu: GpuHealth, width: int) -> Text:
    facts = []
    if gpu.use is not None:
        facts.append(f"{gpu.use:.0%} busy")
    if gpu.used_mb is not None and gpu.total_mb:
        facts.append(f"{gpu.used_mb / 1024:.1f} of {gpu.total_mb / 1024:.0f} GB")
    if gpu.temperature_c is not None:
        facts.append(f"{gpu.temperature_c} °C")
    words = " · ".join(facts) or "no figures from its driver"
    return labelled("", f"{brief(gpu.name, 32)}  ", words, width=width)


def _trials(scene: Scene, width: int) -> list[Text]:
    return [labelled("trials", (scene.trials, "dim"), width=width)] if scene.trials else []


def _keys(scene: Scene, width: int) -> list[Text]:
    return [Text(brief(scene.keys, width), style="dim", no_wrap=True)] if scene.keys else []


def _notes(scene: Scene, width: int) -> list[Text]:
    return [Text(brief(note, width), style="yellow", no_wrap=True) for note in scene.notes[:NOTES]]
