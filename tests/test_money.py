"""What calls may cost and did cost: the cap holds whatever comes back and whenever a kill comes."""

import math

import pytest
from briefs import Clerk
from hypothesis import given, settings
from hypothesis import strategies as st
from test_history import START

from harness.costs import money, plan_lines, usd_of
from harness.errors import Contradiction, Misuse
from harness.experiment import Resumed, Settled
from harness.history import History
from harness.ledger import Entry, decode, encode
from harness.money import Model, Reserved, Spent, Tokens
from harness.pricing import MILLION, UNSEEN_TOKENS, parse_price, price_of, table
from harness.researcher.api import MAX_TOKENS, Api, OutOfMoney

STAMP = "2026-01-31T22:00:00+00:00"
MODELS = sorted(table()["models"])


def history_of(*events, max_usd=None, model="claude-opus-5-5"):
    from dataclasses import replace

    settings_ = replace(START.settings, model=Model(model, "medium"), max_usd=max_usd)
    first = replace(START, settings=settings_)
    return History.of(Entry(STAMP, event) for event in (first, *events))


# ---------------------------------------------------------------------------
# Prices
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_price_is_the_tables(model):
    """A million tokens of each kind cost what the table and the factors for writing say."""
    row, price = table()["models"][model], price_of(model, "")
    short = {"input": 1, "output": 1, "cache_read": 1, "cache_write_5m": 1, "cache_write_1h": 1}
    for name, dollars in (
        ("input", row["input"]),
        ("output", row["output"]),
        ("cache_read", row["read"]),
        ("cache_write_5m", 1.25 * row["input"]),
        ("cache_write_1h", 2 * row["input"]),
    ):
        assert price.cost(Tokens(**{name: short[name]})) * MILLION == pytest.approx(dollars)


def test_long_prompts_cost_their_own_rate():
    """Where the table has one: from one token above its limit on, for the whole call."""
    price = price_of("claude-haiku-5-5", "")
    assert price.cost(Tokens(input=100_000)) == pytest.approx(0.01)
    assert price.cost(Tokens(input=100_001)) == pytest.approx(0.0500005)
    assert price.cost(Tokens(cache_read=100_001, output=10**6)) > 2.5


tokens = st.builds(Tokens, *(st.integers(0, 400_000) for _ in range(5)))


@given(st.sampled_from([*MODELS, "own"]), tokens, st.integers(0, 10**6))
def test_no_reply_costs_more_than_its_reservation(model, used, spare):
    """A token is a byte at least; whatever is cached or read, at any rate of the table."""
    price = price_of(model, "3/7" if model == "own" else "")
    size = max(0, used.prompt - UNSEEN_TOKENS) + spare
    assert price.cost(used) <= price.most(size, used.output) * (1 + 1e-12)


@pytest.mark.parametrize("text", ["", "2", "2/", "/", "a/b", "1/2/3", "-1/2", "nan/1", "inf/1"])
def test_a_price_that_is_none_is_refused(text):
    """With the value and what it takes."""
    with pytest.raises(Misuse, match="IN/OUT"):
        parse_price(text)


def test_an_unknown_model_is_refused_without_a_price():
    """No cap could hold; with a price it may be asked."""
    with pytest.raises(Misuse, match="--price IN/OUT"):
        price_of("some-model", "")
    assert price_of("some-model", "0/0").is_free
    assert not price_of("some-model", "0/1").is_free


# ---------------------------------------------------------------------------
# The fold
# ---------------------------------------------------------------------------


def test_reservations_are_settled_or_booked_whole():
    """While a call is open its whole reservation counts; after a kill it is the cost."""
    used = Tokens(input=100, output=10)
    history = history_of(
        Reserved(1, 1, "m", 0.5), Settled(1, 0.1, used, "end_turn"), Reserved(2, 1, "m", 0.7)
    )
    assert history.spending.total == Spent(0.1, 1, 0, used)
    assert history.spending.committed_usd == pytest.approx(0.8)
    resumed = history.after(Entry(STAMP, Resumed(None, 1, 20.0)))
    assert resumed.spending.open == {}
    assert resumed.spending.total.usd == pytest.approx(0.8)
    assert resumed.spending.total.unknown == 1
    assert history.spending.total.usd == 0.1, "the fold left the older history as it was"
    assert usd_of(resumed, 1) == pytest.approx(0.8)
    assert usd_of(resumed, 2) is None


def test_events_of_money_that_do_not_fit_are_contradictions():
    """A number left out, a call that ends twice or never began."""
    for events in (
        [Reserved(2, 1, "m", 0.5)],
        [Settled(1, 0.1, None, "end_turn")],
        [Reserved(1, 1, "m", 0.5), *[Settled(1, 0.5, None, "cut")] * 2],
    ):
        with pytest.raises(Contradiction, match="call"):
            history_of(*events)


def test_events_of_money_survive_the_ledgers_text():
    """Known and unknown tokens, as one line each."""
    for event in (
        Reserved(1, 2, "m", 0.5),
        Settled(1, 0.1, Tokens(1, 2, 3, 4, 5), "end_turn"),
        Settled(1, 0.5, None, "stream broken"),
    ):
        assert decode(encode(Entry(STAMP, event))).event == event


def test_the_board_says_what_was_spent():
    """Dollars, the cap, calls of unknown cost, tokens and the cache's share."""
    used = Tokens(input=1_000, cache_read=9_000, output=500)
    history = history_of(
        Reserved(1, 1, "m", 0.5), Settled(1, 0.25, used, "tool_use"),
        Reserved(2, 1, "m", 0.5), Settled(2, 0.5, None, "stream broken"),
        Reserved(3, 1, "m", 0.4),
        max_usd=20.0,
    )  # fmt: skip
    assert money(history) == (
        "money: 0.75 of 20 dollars in 2 calls (1 of them booked whole, their cost not being known),"
        " and at most 0.40 in calls under way; 10.0k tokens in, 90% of them from the cache, 500 out"
    )
    assert plan_lines(history)["money"] == "at most 20 dollars in all, 1.15 of them gone"
    assert money(history_of()) == ""


# ---------------------------------------------------------------------------
# The cap
# ---------------------------------------------------------------------------


reply = st.one_of(
    st.tuples(st.just("known"), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    st.just(("unknown",)),
    st.just(("killed",)),
    st.just(("nothing",)),
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(MODELS),
    st.floats(0.05, 30),
    st.lists(st.tuples(st.integers(1, 500_000), reply), max_size=40),
)
def test_recorded_costs_never_pass_the_cap(model, cap, calls):
    """Over draws that are consistent with the request (no more tokens in than bytes, no more out
    than max_tokens), unknown usage, and kills between any two lines: what is lost is booked."""
    price = price_of(model, "")
    with Clerk(history_of(max_usd=cap, model=model)) as clerk:
        api = Api(None, model, "", price, lambda value: value)
        for size, (kind, *parts) in calls:
            request = {"text": "x" * size}
            try:
                call = api._reserve(request, 1, clerk.desk)
            except OutOfMoney:
                most = price.most(size, MAX_TOKENS)
                assert clerk.history.spending.committed_usd + most > cap
                continue
            if kind == "known":
                prompt = int(parts[0] * size)
                read = int(parts[1] * prompt)
                used = Tokens(0, 0, prompt - read, read, int(parts[2] * MAX_TOKENS))
                api._settle(call, "end_turn", used, price.cost(used), clerk.desk)
            elif kind == "unknown":
                api._settle(call, "cut", None, call.usd, clerk.desk)
            elif kind == "nothing":
                api._settle(call, "529", None, 0.0, clerk.desk)
            elif kind == "killed":
                clerk.history = clerk.history.after(Entry(STAMP, Resumed(None, 1, cap)))
            assert clerk.history.spending.committed_usd <= cap * (1 + 1e-12)
        assert math.isfinite(clerk.history.spending.total.usd)
