"""Beliefs about experiments: noise, prior, replay, rules of adoption, and small campaigns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.campaigns import MIXES, Mix, best_so_far, draw
from benchmarks.filtered import filtered, standings
from harness import adoption
from harness.belief import Measured, Posterior, replay
from harness.noise import grid, log_prior, noise_of
from harness.prior import EFFECTS, LOWER, WIDTHS, fixed_prior, learned_prior
from harness.tree import Beliefs

READ = st.floats(0.2, 0.4)


def believed(*readings, parents=None):
    """Posteriors of experiments, each with its readings, all on the baseline or on `parents`."""
    parents = parents or [0] * len(readings)
    rows = [
        Measured(number, parent, tuple(seen))
        for number, (parent, seen) in enumerate(zip(parents, readings, strict=True))
    ]
    return replay(rows)[0]


@settings(max_examples=25, deadline=None)
@given(st.lists(READ, min_size=2, max_size=3), st.lists(READ, min_size=2, max_size=3))
def test_the_order_of_repeats_does_not_matter(baseline, edit):
    """The same readings mean the same, whichever came first."""
    assert believed(baseline, edit) == believed(baseline[::-1], edit[::-1])


@settings(max_examples=25, deadline=None)
@given(st.floats(0.28, 0.36), st.floats(0.001, 0.02))
def test_a_higher_reading_is_a_better_edit(reading, more):
    """The mean of the effect rises with the reading, at a noise that repeats have settled."""
    settled = [[0.30, 0.31, 0.29, 0.305, 0.295, 0.31, 0.29, 0.30]]
    lower = believed(*settled, [reading])[1]
    higher = believed(*settled, [reading + more])[1]
    assert higher.effect > lower.effect
    assert higher.p_real > lower.p_real


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.floats(0, 1)), max_size=12))
def test_any_readings_leave_beliefs_that_are_numbers(drawn):
    """However strange the readings: finite means, spreads above zero, shares from 0 to 1."""
    parents = [0] + [at % (place + 1) for place, (at, _) in enumerate(drawn)]
    found = believed([0.3], *([reading] for _, reading in drawn), parents=parents)
    for number, posterior in found.items():
        assert np.isfinite(list(vars_of(posterior).values())).all()
        assert posterior.accuracy_sd > 0
        assert -1e-9 <= posterior.p_real <= posterior.p_equal <= 1 + 1e-9
        assert posterior.effect_sd > 0 or number == 0


def vars_of(posterior):
    return {name: getattr(posterior, name) for name in Posterior.__slots__}


def test_a_null_edit_is_no_gain():
    """Half a chance that an effect is exactly zero is no chance that it is above zero."""
    posterior = believed([0.30] * 6, [0.30] * 6)[1]
    assert posterior.p_real < 0.4
    assert posterior.p_equal > 0.95
    assert fixed_prior().classes[-1][np.flatnonzero(EFFECTS == 0)] == pytest.approx(1)


def test_a_collapse_does_not_drag_its_parent():
    """An edit that breaks everything says nothing about what it was made from."""
    before = believed([0.30, 0.31])[0]
    after = believed([0.30, 0.31], [0.02])[0]
    assert after.accuracy == pytest.approx(before.accuracy, abs=0.002)
    assert after.accuracy_sd == pytest.approx(before.accuracy_sd, rel=0.3)


def test_a_lucky_baseline_is_found_out_by_its_children():
    """Discarded edits that all come out lower bring the bar down."""
    lucky = believed([0.33], *([reading] for reading in (0.300, 0.301, 0.299, 0.300, 0.302, 0.298)))
    assert lucky[0].accuracy < believed([0.33])[0].accuracy - 0.005


def test_a_repeat_counts_where_its_experiment_stands():
    """A repeat of a keep that disappoints lowers its effect, and raises its child's."""
    readings, parents = ([0.30, 0.30], [0.33], [0.33]), [0, 0, 1]
    before = believed(*readings, parents=parents)
    after = believed([0.30, 0.30], [0.33, 0.305, 0.305], [0.33], parents=parents)
    assert after[1].effect < before[1].effect
    assert after[1].p_real < before[1].p_real
    assert after[2].effect > before[2].effect


def test_a_child_on_an_older_parent_is_compared_with_that_parent():
    """What counts is the parent that the edit was made on, and not the newest keep."""
    found = believed([0.30] * 3, [0.36] * 3, [0.33] * 3, parents=[0, 0, 0])
    assert found[2].effect == pytest.approx(0.03, abs=0.01)
    found = believed([0.30] * 3, [0.36] * 3, [0.33] * 3, parents=[0, 0, 1])
    assert found[2].effect == pytest.approx(-0.03, abs=0.01)


def test_a_parent_comes_before_its_child():
    """An experiment before its parent is refused with both numbers."""
    with pytest.raises(ValueError, match="experiment 3: its parent 7"):
        replay([Measured(0, 0, (0.3,)), Measured(3, 7, (0.3,))])


@pytest.mark.parametrize("truth", [0.005, 0.01, 0.04])
def test_the_noise_is_learned_from_repeats(truth):
    """With many repeats the noise is known within a tenth or so, whatever was believed first."""
    draws = 0.3 + truth * np.random.default_rng(1).normal(size=(60, 3))
    noise = noise_of(draws)
    assert noise.freedom == 124
    assert noise.sd == pytest.approx(truth, rel=0.15)
    rows = [Measured(number, 0, tuple(readings)) for number, readings in enumerate(draws)]
    assert replay(rows)[1].sd == pytest.approx(truth, rel=0.2)


def test_the_noise_is_a_hundredth_before_anything_is_measured():
    """The prior: 0.01, worth four degrees of freedom; its grid holds all of its mass."""
    noise = noise_of([])
    assert (noise.sd, noise.freedom) == (pytest.approx(0.01), 4)
    sds = grid(np.array(noise.sd), np.array(noise.freedom))
    masses = np.exp(log_prior(sds)) * np.log(sds[1] / sds[0])
    assert masses.sum() == pytest.approx(1, abs=0.1)  # both ends of the grid count whole


def test_the_prior_is_learned():
    """Where every other edit has helped, the next good reading is believed sooner."""
    hopeful = believed([0.3] * 8, *([0.33] for _ in range(15)), [0.306])
    dull = believed([0.3] * 8, *([0.27] for _ in range(15)), [0.306])
    assert hopeful[16].p_real > dull[16].p_real + 0.1


def test_beliefs_agree_with_brute_force():
    """A baseline, a keep and two edits of it: as by weighing half a million draws of the truth."""
    sd, prior, read = 0.01, fixed_prior(), (0.33, 0.325, 0.335)
    rng = np.random.default_rng(0)
    cells = rng.choice(len(EFFECTS), size=(3, 500_000), p=prior.weights @ prior.classes)
    effects = LOWER[cells] + WIDTHS[cells] * rng.random(cells.shape)
    keep = 0.3 + sd * rng.normal(size=500_000) + effects[0]
    truths = np.array([keep, keep + effects[1], keep + effects[2]])
    weights = np.exp(-((np.array(read)[:, None] - truths) ** 2).sum(0) / 2 / sd**2)
    beliefs, one = Beliefs(prior, np.array([sd]), 1, 4), np.ones(1)
    beliefs.add_baseline(0.3 * one, one, 0 * one)
    for parent, reading in zip((0, 1, 1), read, strict=True):
        beliefs.add(np.array([parent]), reading * one, one, 0 * one)
    for met, effect, truth in zip(beliefs.smooth(), effects, truths, strict=True):
        assert met.p_real[0, 0] == pytest.approx(np.average(effect > 0, weights=weights), abs=0.02)
        assert met.effect[0, 0] == pytest.approx(np.average(effect, weights=weights), abs=0.001)
        assert met.child[0, 0] == pytest.approx(np.average(truth, weights=weights), abs=0.001)


POSTERIOR = Posterior(0.31, 0.005, 0.0, 0.005, 0.5, 0.9, 0.003)


def test_simpler_is_a_keep_within_its_debt():
    """About equal and a twentieth smaller is kept, until half the noise has been given away."""
    about_equal = replace(POSTERIOR, effect=-0.002)
    sizes = {"nodes": 95, "parent_nodes": 100}
    assert adoption.is_simpler(about_equal, 0.01, **sizes, debt=0.0)
    assert not adoption.is_simpler(about_equal, 0.01, nodes=96, parent_nodes=100, debt=0.0)
    assert not adoption.is_simpler(about_equal, 0.01, **sizes, debt=0.004)
    assert not adoption.is_simpler(replace(about_equal, p_equal=0.79), 0.01, **sizes, debt=0.0)
    owed = [(about_equal, "provisional"), (about_equal, "provisional")]
    assert adoption.debt_of(owed) == pytest.approx(0.004)
    assert adoption.debt_of([*owed, (POSTERIOR, "confirmed"), owed[0]]) == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("p_real", "trials", "expected"),
    [
        (0.99, 1, "provisional"),
        (0.95, 2, "confirmed"),
        (0.94, 3, "provisional"),
        (0.1, 1, "provisional"),
        (0.29, 2, "withdrawn"),
        (0.3, 2, "provisional"),
    ],
)
def test_standing_takes_two_trials(p_real, trials, expected):
    """One trial confirms and withdraws nothing."""
    assert adoption.standing(replace(POSTERIOR, p_real=p_real), trials) == expected


def test_repeats_go_where_they_could_change_the_decision():
    """Least certain first, nothing for what is settled or has had its three trials."""
    doubtful = replace(POSTERIOR, effect=0.001)
    likely, settled = replace(POSTERIOR, effect=0.006), replace(POSTERIOR, step_sd=0.0)
    candidates = {1: (likely, 1), 2: (doubtful, 1), 3: (doubtful, 3), 4: (settled, 1)}
    assert adoption.repeats(candidates) == [2, 1]
    values = [adoption.value_of_repeat(p, 1) for p in (POSTERIOR, doubtful, likely)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(POSTERIOR.step_sd * 0.39894, rel=1e-3)


def test_repeats_that_confirm_go_to_the_largest_gains_first():
    """The largest gain that is not yet confirmed; nothing for losses."""
    large, small = replace(POSTERIOR, effect=0.02), replace(POSTERIOR, effect=0.01)
    confirmed = replace(large, p_real=0.96)
    candidates = {1: (small, 1), 2: (large, 1), 3: (confirmed, 2), 4: (confirmed, 1)}
    candidates |= {5: (replace(POSTERIOR, effect=-0.01), 1), 6: (large, 3)}
    assert adoption.repeats(candidates, value=adoption.value_of_confirming) == [2, 4, 1]


def test_nothing_is_confirmed_where_nothing_helps():
    """Campaigns of null edits: next to none is confirmed after the closing repeats."""
    world = draw(Mix("null", 0.0, 0.03, 0.0, 0.05), 60, 32, 0.01, seed=3)
    campaigns = filtered(world, learned_prior(), is_known=False, reserve=0.25)
    said = standings(campaigns)
    assert (said.standing == "confirmed").sum() <= 3  # of about 1,440 edits
    assert campaigns.score.keeps.mean() > 0.1  # there was something to be wrong about


def test_large_effects_are_not_taken_for_noise():
    """Where edits reach further than most, the judge ends no lower than the best number so far; a
    prior without large effects ends 0.02 below."""
    world = draw(MIXES[5], 60, 64, 0.01, seed=3)
    ahead = filtered(world, learned_prior(), is_known=False).score.result.gain
    ahead = ahead - best_so_far(world, False).gain
    assert ahead.mean() > -2 * ahead.std(ddof=1) / len(ahead) ** 0.5


def test_the_judge_gains_more_than_best_so_far():
    """A hundred noisy campaigns: a higher true accuracy, by more than two standard errors."""
    world = draw(MIXES[3], 100, 64, 0.02, seed=11)
    judged = filtered(world, learned_prior(), is_known=False).score.result
    ahead = judged.gain - best_so_far(world, False).gain
    assert ahead.mean() > 2 * ahead.std() / np.sqrt(len(ahead))


def test_simulation_and_replay_agree():
    """What decided a simulated keep is what a replay of its campaign says."""
    world = draw(MIXES[0], 3, 12, 0.01, seed=2)
    campaigns = filtered(world, learned_prior(), is_known=False)
    for row, known in enumerate(campaigns.posteriors()):
        experiments = [
            Measured(n, int(campaigns.parents[n, row]), (float(campaigns.total[n, row]),))
            for n in range(campaigns.size)
        ]
        replayed, _ = replay(experiments)
        for number, posterior in known.items():
            assert replayed[number].p_real == pytest.approx(posterior.p_real, abs=1e-6)
            before, _ = replay(experiments[: number + 1])
            assert before[number].effect > 0
