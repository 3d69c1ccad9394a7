"""What a campaign's language model has cost, in words for the board and the plan."""

from harness.figures import short
from harness.history import History
from harness.money import Spent


def usd_of(history: History, number: int) -> float | None:
    """Dollars of the calls for one experiment; None where no model was asked for it."""
    spent = history.spending.by_experiment.get(number)
    return None if spent is None else spent.usd


def money(history: History) -> str:
    """One line: dollars, calls, tokens, and dollars for each gain that was confirmed."""
    if not history.spending.calls:
        return ""
    total = history.spending.total
    of = "" if history.max_usd is None else f" of {history.max_usd:g}"
    parts = [f"{total.usd:.2f}{of} dollars in {total.calls} calls"]
    if total.unknown:
        parts[0] += f" ({total.unknown} of them booked whole, their cost not being known)"
    if still := history.spending.committed_usd - total.usd:
        parts[0] += f", and at most {still:.2f} in calls under way"
    parts.append(tokens_words(total))
    confirmed = [r for r in history.records.values() if r.standing == "confirmed"]
    if confirmed:
        parts.append(f"{total.usd / len(confirmed):.2f} dollars per confirmed gain")
    return "money: " + "; ".join(parts)


def tokens_words(spent: Spent) -> str:
    tokens = spent.tokens
    share = (
        f", {tokens.cache_read / tokens.prompt:.0%} of them from the cache" if tokens.prompt else ""
    )
    return f"{short(tokens.prompt)} tokens in{share}, {short(tokens.output)} out"


def plan_lines(history: History) -> dict[str, str]:
    """What the plan says of model and money."""
    model = history.settings.model
    if model is None:
        return {}
    effort = f", effort {model.effort}" if model.effort else ""
    cap, spent = history.max_usd, history.spending.committed_usd
    if cap is None:
        return {"model": model.name + effort, "money": "no cap: the model is priced at nothing"}
    price = f"; priced at {model.price} dollars a million tokens" if model.price else ""
    gone = f", {spent:.2f} of them gone" if spent else ""
    return {"model": model.name + effort, "money": f"at most {cap:g} dollars in all{gone}{price}"}
