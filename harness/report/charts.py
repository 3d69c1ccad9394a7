"""Small drawings: effects on one scale, slot time, and what kinds of ideas paid."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.adoption import P_WITHDRAWN
from harness.evaluation import Z_95
from harness.history import History
from harness.leaderboard import Row, slot_time
from harness.money import Spent
from harness.report.svg import Scale, element, percent
from harness.researcher.brief_figures import Yield

LINE = 16  # kept ones that are shown of a long line
USES = {
    "training": "training",
    "scoring": "scoring",
    "startup": "start-up",
    "repeats": "repeats",
    "idle": "idle",
}


def largest(line: Sequence[Row]) -> list[Row]:
    """All of a short line; of a long one those with the largest effects, and the incumbent."""
    if len(line) <= LINE + LINE // 4:
        return list(line)
    by_effect = sorted(line, key=lambda row: (not row.is_incumbent, -(row.effect or 0.0)))
    return by_effect[:LINE]


def is_doubtful(row: Row) -> bool:
    """Kept, and by what is believed now rather no gain."""
    is_kept = row.verdict == "keep" and row.standing in ("provisional", "confirmed")
    return is_kept and row.p_real is not None and row.p_real < P_WITHDRAWN


def effects_scale(rows: Sequence[Row]) -> Scale:
    """One that holds all their intervals, and zero."""
    ends = [0.0]
    for row in rows:
        if row.effect is not None:
            reach = Z_95 * (row.effect_sd or 0.0)
            ends += [row.effect - reach, row.effect + reach]
    return Scale(min(ends), max(ends), 2.0, 98.0)


def effect(row: Row, scale: Scale) -> Markup:
    """Its mean and 95% interval, beside a line at zero."""
    zero = percent(scale.at(0.0))
    parts = [element("line", class_="zero", x1=zero, x2=zero, y1="0", y2="100%")]
    if row.effect is not None:
        reach = Z_95 * (row.effect_sd or 0.0)
        ends = {"x1": percent(scale.at(row.effect - reach))}
        ends["x2"] = percent(scale.at(row.effect + reach))
        parts.append(element("line", class_="reach", y1="50%", y2="50%", **ends))
        parts.append(element("circle", cx=percent(scale.at(row.effect)), cy="50%", r=4))
    return Markup("").join(parts)


@dataclass(frozen=True, slots=True)
class Part:
    """A share of the slots' time. `hours` of all slots together."""

    name: str
    label: str
    hours: float
    share: float


def slot_parts(history: History) -> list[Part]:
    used = slot_time(history)
    seconds = {name: getattr(used, f"{name}_s") for name in USES}
    total = sum(seconds.values())
    if total <= 0:
        return []
    return [Part(n, USES[n], s / 3600, s / total) for n, s in seconds.items()]


def stack(parts: Sequence[tuple[str, float]]) -> Markup:
    """Rectangles side by side, by their class and share of the whole."""
    at, found = 0.0, []
    for name, share in parts:
        if share > 0:
            found.append(element("rect", class_=name, x=percent(100 * at), y="0",
                                 width=percent(100 * share), height="100%"))  # fmt: skip
        at += share
    return Markup("").join(found)


def kind_bar(found: Yield, most: int) -> Markup:
    """Kept, discarded and crashed ones, as long as the kind was tried often."""
    counts = (("kept", found.kept), ("drop", found.discarded), ("crash", found.failed))
    return stack([(name, count / most) for name, count in counts])


@dataclass(frozen=True, slots=True)
class Money:
    """What the language model's calls came to, in words."""

    lines: tuple[tuple[str, str], ...]


def money(history: History) -> Money | None:
    spent: Spent = history.spending.total
    if not history.spending.calls:
        return None
    tokens = spent.tokens
    cached = f"{tokens.cache_read / tokens.prompt:.0%}" if tokens.prompt else "none"
    lines = [("dollars", f"{spent.usd:,.2f}")]
    if history.max_usd is not None:
        lines.append(("most that it may cost", f"{history.max_usd:,.2f}"))
    lines += [
        ("calls", f"{spent.calls:,}"),
        ("tokens read", f"{tokens.prompt:,}"),
        ("of them from the cache", cached),
        ("tokens written", f"{tokens.output:,}"),
    ]
    if spent.unknown:
        lines.append(("calls booked whole, their cost not being known", f"{spent.unknown:,}"))
    confirmed = sum(r.standing == "confirmed" for r in history.records.values())
    if confirmed:
        lines.append(("dollars per confirmed gain", f"{spent.usd / confirmed:,.2f}"))
    return Money(tuple(lines))
