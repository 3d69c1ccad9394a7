"""Sealed sets: how they are counted, what two experiments' answers to one say, when one is due."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_history import (
    FIRST,
    SECOND,
    after,
    experiment,
    history,
    judged,
    tried,
    with_baseline,
)
from test_history import outcome as outcome_of

from harness.campaign import check_open, is_unfinished
from harness.errors import Contradiction, Misuse
from harness.experiment import Closing, Started, Stopped, Tried
from harness.history import History
from harness.ledger import Entry
from harness.sealed import (
    Compared,
    NoSuchSet,
    Opened,
    PairedLevel,
    Revealed,
    Sets,
    comparison,
    seed_of,
)
from harness.sealed_words import board_lines, sealed_dict
from harness.sealing import NothingToAsk, due, joint_of, opening
from harness.state import sha256

LEVELS = (PairedLevel("add:4", (10, 20, 30, 40)), PairedLevel("mul:2", (50, 0, 0, 50)))


def opened(number=1, candidate=1, seeds=(FIRST,), why="a test"):
    return Opened(number, candidate, 0, seeds, 500, why)


def compared(number=1, levels=LEVELS):
    return Compared(number, levels, "", "d", "none", 1.0)


def with_keep():
    """A baseline and one keep above it."""
    from harness.experiment import Proposed

    return judged(after(with_baseline(), Proposed(experiment(1)), *tried(1, 80)), 1)


# --- counting ---


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=12))
def test_sets_are_opened_in_turn_and_answered_once(steps):
    """Whatever comes, the k-th opening is number k, at most one is pending, and none is lost."""
    sets = Sets()
    for is_opening, number in steps:
        event = opened(number) if is_opening else compared(number)
        fits = (
            sets.pending is None and number == len(sets.opened) + 1
            if is_opening
            else sets.pending is not None and sets.pending.number == number
        )
        if fits:
            sets = sets.after(event)
        else:
            with pytest.raises(NoSuchSet):
                sets.after(event)
    assert [each.number for each in sets.opened] == list(range(1, len(sets.opened) + 1))
    assert len(sets.opened) - len(sets.compared) == (sets.pending is not None)


def test_counts_of_other_trials_are_refused():
    """One seed gives two by two counts; a ledger with others cannot have come about."""
    with pytest.raises(NoSuchSet, match="other trials"):
        Sets().after(opened(seeds=(1, 2))).after(compared())


def test_a_ledger_names_the_line_that_does_not_fit():
    """An answer to a set that was never opened contradicts what stands before it."""
    with pytest.raises(Contradiction, match="was not open"):
        after(with_keep(), compared())


def test_every_set_has_its_own_problems():
    """The seeds of sets differ from each other's, and from that of the validation problems."""
    assert len({"secret", *(seed_of("secret", number) for number in range(1, 50))}) == 50


# --- the figures ---


def test_joint_counts():
    """Each problem is counted where its numbers of right answers meet."""
    assert joint_of(["0011"], ["0101"]) == (1, 1, 1, 1)
    assert joint_of(["011", "001"], ["111", "000"]) == (0, 1, 0, 0, 1, 0, 0, 1, 0)


bits = st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=60)


@given(st.lists(bits, min_size=1, max_size=5), st.integers(1, 2))
def test_comparison_is_of_shares_and_mirrors(levels, trials):
    """The difference is that of the accuracies, lies in its interval, and turns its sign with the
    order of the two."""
    names = [f"{('add', 'mul')[i % 2]}:{i}" for i in range(len(levels))]

    def strings(rows, which):
        return ["".join("01"[row[which + k]] for row in rows) for k in range(trials)]

    def joint(first, second):
        return tuple(
            PairedLevel(name, joint_of(strings(rows, first), strings(rows, second)))
            for name, rows in zip(names, levels, strict=True)
        )

    here, there = comparison(joint(0, 2)), comparison(joint(2, 0))
    assert here.difference == pytest.approx(here.candidate - here.baseline)
    assert here.low - 1e-9 <= here.difference <= here.high + 1e-9
    assert (there.low, there.high) == pytest.approx((-here.high, -here.low))
    share = np.mean(
        [
            np.mean(
                [
                    np.mean([r[:trials] for r in rows])
                    for n, rows in zip(names, levels, strict=True)
                    if n.startswith(task)
                ]
            )
            for task in {name[:3] for name in names}
        ]
    )
    assert here.candidate == pytest.approx(share)


def test_newcombe_s_own_example():
    """36 right in both, 12 and 2 in one alone, none in 0: 0.2 with 0.0569 to 0.3404 (his method 10,
    table II of the paper)."""
    found = comparison((PairedLevel("add:4", (0, 2, 12, 36)),))
    assert found.difference == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=5e-4)


def test_the_interval_covers():
    """Of 300 simulated pairs of solvers on shared problems, at least 93% hold the truth."""
    rng = np.random.default_rng(0)
    shares = [(0.99, 0.97), (0.6, 0.5), (0.1, 0.05), (0.5, 0.5), (0.0, 0.0)]
    truth, held = np.mean([p - q for p, q in shares]), 0
    for _ in range(300):
        levels = []
        for number, (p, q) in enumerate(shares):
            hard, mine, theirs, shared = rng.random((4, 200))
            is_shared = shared < 0.6
            right = [np.where(is_shared, hard, own) < s for own, s in ((mine, p), (theirs, q))]
            joint = [np.sum((right[0] == a) & (right[1] == b)) for a in (0, 1) for b in (0, 1)]
            levels.append(PairedLevel(f"add:{number}", tuple(map(int, joint))))
        found = comparison(tuple(levels))
        held += found.low <= truth <= found.high
    print(f"{held} of 300 intervals hold the true difference")
    assert held >= 279


# --- which trials ---


def test_the_trials_of_one_seed_that_both_have():
    """The last ones first, since an experiment was chosen by its first; only what is stored."""
    state = with_keep()
    assert opening(state, lambda trial: True, "x").seeds == (FIRST, SECOND)
    assert opening(state, lambda trial: True, "x", most=1).seeds == (SECOND,)
    assert opening(state, lambda trial: trial.seed == FIRST, "x").seeds == (FIRST,)
    with pytest.raises(NothingToAsk, match=f"experiment 1 with seed {SECOND}.*reproduce 1 --tag t"):
        opening(state, lambda trial: trial.experiment == 0, "x")


def test_nothing_is_opened_for_the_baseline_alone():
    """A set is not spent where there is nothing to compare."""
    with pytest.raises(NothingToAsk, match="nothing was kept"):
        opening(with_baseline(), lambda trial: True, "x")


def test_a_campaign_asks_once_at_its_end_where_time_allows():
    """Not before the closing, not without a reserve, not again for the same incumbent, and of so
    many trials as the deadline leaves time for."""
    state = with_keep()
    assert due(state, lambda trial: True, None) is None
    closing = after(state, Closing("a limit"))
    assert due(closing, lambda trial: True, None) is None, "SETTINGS have no reserve"
    closing.started = replace(closing.started, settings=replace(closing.settings, reserve=0.1))
    each_s = 2 * 2.0 * 500  # two passes, of 2 s for one problem a level
    assert due(closing, lambda trial: True, None).seeds == (FIRST, SECOND)
    assert due(closing, lambda trial: True, 1.5 * each_s).seeds == (SECOND,)
    assert due(closing, lambda trial: True, 0.5 * each_s) is None
    assert due(closing, lambda trial: False, None) is None
    quick = after(closing, opened(), compared())
    quick.sealed = Sets()
    quick.records = {
        n: replace(r, outcomes=tuple(replace(o, score_s=0.0) for o in r.outcomes))
        for n, r in closing.records.items()
    }
    assert due(quick, lambda trial: True, 60.0).seeds == (FIRST, SECOND), "a rehearsal takes 0 s"
    pending = after(closing, opened())
    assert due(pending, lambda trial: True, None) == opened()
    assert due(after(pending, compared()), lambda trial: True, None) is None


# --- what is shown ---


def test_figures_and_gap_are_told():
    """Accuracies, difference, what validation read of the very trials, and how many were opened."""
    state = after(with_keep(), opened(), compared(), opened(2), compared(2))
    told = sealed_dict(state, opened(2), compared(2))
    assert told["opened_before"] == 1
    assert told["accuracy"]["candidate"] == pytest.approx((0.7 + 0.5) / 2)
    assert told["difference"] == pytest.approx(0.05)
    assert told["validation"]["candidate"]["reading"] == pytest.approx(0.8)
    assert told["optimism"]["reading"] == pytest.approx(0.2)
    text = " ".join(board_lines(state))
    assert "sealed set 2: experiment 1 0.6000, baseline 0.5500, difference of these" in text
    assert "1 was opened before" in text


def test_a_set_that_said_nothing_is_told_with_its_reason():
    """It counts as opened, and no figure is made up."""
    failed = Compared(1, (), "experiment 1, seed 3: timeout", "", "none", 0.0)
    state = after(with_keep(), opened(), failed)
    assert board_lines(state) == [
        "sealed set 1 was opened for a test and said nothing: experiment 1, seed 3: timeout"
    ]
    assert sealed_dict(state, opened(), failed)["accuracy"] is None


# --- closing ---


def closed(*events):
    start = Started(
        "t", "a campaign", history().settings, "", "", "", sha256("secret"), "a machine", "0"
    )
    return History.of(Entry("2026-01-31T22:00:00+00:00", event) for event in (start, *events))


def test_only_the_secret_that_it_began_with_closes_a_campaign():
    """Another one contradicts the ledger's first line; nothing may follow the right one."""
    with pytest.raises(Contradiction, match="not the secret"):
        closed(Revealed("another"))
    state = closed(Revealed("secret"))
    assert not is_unfinished(state)
    for event in (Stopped("x", False), Tried(outcome_of(0, 1))):
        with pytest.raises(Contradiction, match="closed before"):
            closed(Revealed("secret"), event)


def test_a_closed_campaign_is_refused():
    """With the reason: its problems are known."""
    from pathlib import Path

    from harness.campaign import Found

    check_open(Found("t", Path("x"), closed()))
    with pytest.raises(Misuse, match="anyone can draw its problems"):
        check_open(Found("t", Path("x"), closed(Revealed("secret"))))
