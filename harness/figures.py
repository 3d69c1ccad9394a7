"""Figures as a person reads them, everywhere alike; empty for what is not known."""


def share(value: float | None, sd: float | None = None) -> str:
    """An accuracy, 0 to 1, and its standard deviation. A belief may lie a little outside."""
    if value is None:
        return ""
    return f"{min(1.0, max(0.0, value)):.3f}" + ("" if sd is None else f" ± {sd:.3f}")


def change(value: float | None, sd: float | None = None) -> str:
    if value is None:
        return ""
    return f"{value:+z.3f}" + ("" if sd is None else f" ± {sd:.3f}")


def probability(value: float | None) -> str:
    """Two decimals, where neither 1 nor 0 is said of what only comes close to it."""
    if value is None:
        return ""
    if value > 0.99:
        return ">0.99"
    return "<0.01" if value < 0.01 else f"{value:.2f}"


def are_figures(reason: str) -> bool:
    """Of a verdict's or a review's reason: that it is but the effect, P(real) and the noise."""
    return reason.startswith(("+", "-"))


def short(number: float | None) -> str:
    """A count in three digits or four: 52.3k."""
    if number is None:
        return ""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.0f}{unit}" if scaled >= 100 else f"{scaled:.1f}{unit}"
    return f"{number:.0f}"
