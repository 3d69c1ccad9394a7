"""What repeats make of a verdict: confirmed, withdrawn, simpler, pinned, contended."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_history import (
    FIRST,
    OTHERS,
    SECOND,
    SETTINGS,
    START,
    after,
    experiment,
    history,
    judged,
    outcome,
    tried,
    with_baseline,
)

from harness import judge
from harness.ablation import Ablating, Variant
from harness.believed import beliefs_of, posteriors
from harness.board_table import table
from harness.board_words import incumbents
from harness.contention import MARK
from harness.experiment import Closing, Proposed, Resumed, Reviewed, Stopped, Trial, Tried
from harness.gates import Passed, Refusal, check
from harness.history import History
from harness.leaderboard import notes, rows, slot_time, summary
from harness.ledger import Entry
from harness.level_table import level_table
from harness.paint import Paint
from harness.researcher.brief_figures import pooled
from harness.show_words import result
from harness.stage import told_of
from harness.syntax import fingerprint

THIRD = OTHERS[0]


def tried_with(state, number, rights, *, parent=0, seeds=(FIRST, SECOND), **changes):
    """An experiment proposed, tried and judged."""
    events = [Proposed(experiment(number, parent, **changes))]
    events += [
        Tried(replace(outcome(number, seed, right), checkpoint=f"{number}-{seed}"))
        for seed, right in zip(seeds, rights, strict=True)
    ]
    return judged(after(state, *events), number)


def one_seed(right=50):
    """A campaign in which one trial is enough for a verdict, with its baseline judged."""
    start = replace(START, settings=replace(SETTINGS, seeds=1))
    events = [start, Proposed(experiment(0)), *tried(0, right)]
    return judged(History.of(Entry("2026-01-31T22:00:00+00:00", event) for event in events), 0)


def repeated(state, number, right, seed=THIRD):
    """Another trial of it, and what the judge makes of that."""
    state = after(
        state, Tried(replace(outcome(number, seed, right), checkpoint=f"{number}-{seed}"))
    )
    (review,) = judge.reviews(state)
    assert review.experiment == number
    return settled(state)


def settled(state):
    """With every review that is due; each changes what is due, and they come to an end."""
    for _ in range(2 * len(state.records) + 1):
        found = judge.reviews(state)
        if not found:
            return state
        state = after(state, *found)
    raise AssertionError("reviews without end")


def test_a_keep_is_provisional_and_confirmed_by_a_repeat():
    """Two seeds at first; the third, as good, makes the probability what it takes."""
    state = tried_with(with_baseline(), 1, [58, 60])
    assert state.records[1].standing == "provisional"
    state = repeated(state, 1, 59)
    assert state.records[1].standing == "confirmed"
    assert state.records[1].posterior.p_real > 0.95
    assert "1 kept (1 confirmed)" in summary(state)


def test_a_withdrawn_tip_is_taken_off():
    """The incumbent is what it stood on; what was kept on nothing else stays."""
    state = tried_with(with_baseline(50), 1, [56, 56])
    assert state.incumbent == 1
    state = repeated(state, 1, 20)
    assert state.records[1].standing == "withdrawn"
    assert state.incumbent == 0
    assert state.line() == (0,)


def test_a_withdrawn_keep_below_the_tip_stays_and_is_flagged():
    """Its code is in the tip; it falls with the tip."""
    state = tried_with(with_baseline(50), 1, [56, 56])
    state = tried_with(state, 2, [66, 66], parent=1)
    assert state.incumbent == 2
    state = repeated(state, 1, 44)
    assert state.records[1].standing == "withdrawn"
    assert state.incumbent == 2
    state = repeated(state, 2, 0)
    assert state.records[2].standing == "withdrawn"
    assert state.incumbent == 0


def test_a_keep_returns_when_what_it_was_compared_with_comes_down():
    """Withdrawn, since it did not gain over a parent that read high; the parent's repeats say that
    this was luck, so that the edit gained after all: it is the incumbent again."""
    state = tried_with(one_seed(50), 1, [62], seeds=(FIRST,))
    state = tried_with(state, 2, [66], parent=1, seeds=(FIRST,))
    assert state.incumbent == 2
    state = repeated(state, 2, 60, SECOND)
    assert state.records[2].standing == "withdrawn"
    assert state.incumbent == 1
    state = repeated(repeated(state, 1, 58, SECOND), 1, 58, THIRD)
    assert state.records[2].standing == "provisional"
    assert state.incumbent == 2
    assert state.line() == (2, 1, 0)


def test_one_reading_confirms_nothing():
    """A repeat that crashed is none, however large the gain of the first."""
    state = tried_with(one_seed(50), 1, [95], seeds=(FIRST,))
    state = after(state, Tried(outcome(1, SECOND, status="crash")))
    (review,) = judge.reviews(state)
    assert review.standing == "provisional"
    assert repeated(state, 1, 95, THIRD).records[1].standing == "confirmed"


def test_the_drawn_line_ends_at_the_incumbent():
    """A keep that was withdrawn and has returned is it, though another was kept meanwhile."""
    state = tried_with(with_baseline(30), 1, [60, 60])
    known = state.records[1].posterior
    state = after(state, Reviewed(1, "withdrawn", "", known, 2))
    state = tried_with(state, 2, [50, 50])
    assert state.incumbent == 2
    state = after(state, Reviewed(1, "provisional", "", known, 2))
    assert state.incumbent == 1
    found = posteriors(state)
    assert incumbents(state, found)[-1] == found[1].accuracy != found[2].accuracy


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 100), st.lists(st.integers(0, 100), max_size=2)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_standings_are_what_is_believed(edits):
    """However edits and repeats fall: reviews come to an end, the incumbent is not withdrawn, and
    no keep with two trials is confirmed or provisional against what is believed of it."""
    state = one_seed()
    for number, (back, right, more) in enumerate(edits, 1):
        parent = state.line()[min(back, len(state.line()) - 1)]
        state = settled(tried_with(state, number, [right], parent=parent, seeds=(FIRST,)))
        for seed, again in zip((SECOND, THIRD), more, strict=False):
            trial = replace(outcome(number, seed, again), checkpoint=f"{number}-{seed}")
            state = settled(after(state, Tried(trial)))
        assert state.records[state.incumbent].standing != "withdrawn"
        found = posteriors(state)
        for judged_one in state.judged:
            record = state.records[judged_one]
            if record.standing and len(record.seeds) > 1 and not record.verdict.simpler:
                p_real, is_on_line = found[judged_one].p_real, judged_one in state.line()
                is_best = found[judged_one].accuracy > found[state.incumbent].accuracy
                match record.standing:
                    case "confirmed":
                        assert p_real >= 0.95
                    case "provisional":
                        assert 0.3 <= p_real < 0.95
                    case _:
                        assert p_real < 0.4 or not (is_on_line or is_best)


def test_equal_and_clearly_simpler_is_kept():
    """A tree smaller by a tenth at equal accuracy; by a hundredth it is not enough."""
    state = with_baseline(50)
    baseline = replace(state.records[0].experiment, nodes=1000)
    state.records[0] = replace(state.records[0], experiment=baseline)
    kept = tried_with(state, 1, [50, 50], nodes=900).verdict_of(1)
    assert (kept.decision, kept.simpler) == ("keep", True)
    assert "10% simpler" in kept.reason
    assert tried_with(state, 1, [50, 50], nodes=990).verdict_of(1).decision == "discard"
    assert tried_with(state, 1, [30, 30], nodes=500).verdict_of(1).decision == "discard"


def test_the_same_weights_from_other_seeds_are_refused():
    """A pinned seed is no second opinion."""
    state = after(with_baseline(), Proposed(experiment(1)))
    for seed in (FIRST, SECOND):
        state = after(state, Tried(replace(outcome(1, seed, 60), checkpoint="the same")))
    (verdict,) = judge.verdicts(state)
    assert verdict.decision == "discard"
    assert "whatever the seed" in verdict.reason


def twin(state, number, parent, nodes):
    """An experiment that trained its parent's weights."""
    same = [replace(o, experiment=number) for o in state.records[parent].outcomes[:2]]
    return judged(
        after(state, Proposed(experiment(number, parent, nodes=nodes)), *map(Tried, same)), number
    )


def test_an_edit_that_trains_the_same_weights_changes_nothing():
    """It is dropped, its reading counts for nothing, and what is derived from it goes on; where it
    is clearly simpler it is kept."""
    state = tried_with(with_baseline(50), 1, [70, 70], nodes=1000)
    before = posteriors(state)
    state = twin(state, 2, 1, nodes=999)
    assert state.verdict_of(2).decision == "discard"
    assert "changes nothing" in state.verdict_of(2).reason
    assert posteriors(state)[1] == before[1]
    state = twin(state, 3, 1, nodes=900)
    assert (state.verdict_of(3).decision, state.incumbent) == ("keep", 3)
    assert posteriors(state)[3].accuracy == before[1].accuracy
    assert repeated(state, 3, 69).records[3].standing == "provisional", "it was not to gain"
    assert tried_with(state, 4, [80, 80], parent=3, nodes=900).verdict_of(4).decision == "keep"


def test_a_contended_trial_is_repeated_once():
    """Before the verdict, and its reading does not count beside a calm one."""
    contended = replace(outcome(1, FIRST, 30), flags=(f"{MARK}it computed in 50% of its time",))
    state = after(
        with_baseline(50), Proposed(experiment(1)), Tried(contended), Tried(outcome(1, SECOND, 60))
    )
    assert judge.verdicts(state) == []
    assert judge.trials_wanted(state) == [Trial(1, THIRD)]
    again = replace(contended, seed=THIRD)
    state = judged(after(state, Tried(again)), 1)
    assert state.verdict_of(1).decision == "keep"
    assert state.verdict_of(1).accuracy == pytest.approx(0.6)
    assert rows(state)[1].flags
    assert rows(state)[1].raw_accuracy == pytest.approx(0.6)
    said = dict(result(state, rows(state)[1], posteriors(state)))["read"]
    assert said.startswith("0.6000 by its one trial (2 more slowed by other work)")
    outcomes = state.records[1].outcomes
    assert pooled(outcomes) == {"add:4": (60, 100), "mul:2": (60, 100)}, "as the accuracy says"
    lines = list(level_table(1, outcomes, 0, state.records[0].outcomes, 80, Paint(False)))
    assert "60/100" in next(line for line in lines if "add:4" in line)


def wholly_contended(read, **changes):
    """Experiment 1, whose every trial other work slowed."""
    state = after(with_baseline(50), Proposed(experiment(1, **changes)))
    for seed in (FIRST, SECOND, THIRD):
        slow = replace(outcome(1, seed, read), flags=(f"{MARK}it computed in 50% of its time",))
        state = after(state, Tried(slow))
    return judged(state, 1)


def test_what_other_work_slowed_is_not_believed():
    """A reading that is too low tells neither of the edit nor of the noise."""
    before, state = with_baseline(50), wholly_contended(20)
    verdict = state.verdict_of(1)
    assert (verdict.decision, verdict.posterior) == ("discard", None)
    assert "other work slowed" in verdict.reason
    assert beliefs_of(state)[1] == beliefs_of(before)[1]
    assert posteriors(state) == posteriors(before)
    assert "1: their readings do not count" in " ".join(notes(state))
    (line,) = [line for line in table(rows(state), 60, Paint()) if line.startswith("1 ")]
    assert line.split()[:3] == ["1", "discard", "slowed"]
    late = after(state, Tried(outcome(1, FIRST + 1, 60)))  # of a slot that was lost meanwhile
    assert judge.reviews(late)[0].posterior is None


def test_what_other_work_slowed_may_be_tried_again():
    """Once: what was tried by another experiment since is nothing new."""
    source = "import torch\n\n\ndef load_solver(checkpoint, device):\n    return list\n"
    print_ = fingerprint(source)[0]
    state = wholly_contended(20, fingerprint=print_)
    assert isinstance(check(source, state), Passed)
    again = check(source, after(state, Proposed(experiment(2, fingerprint=print_))))
    assert isinstance(again, Refusal)
    assert "the same as experiment 2" in again.reason


def test_a_gain_is_one_even_where_other_work_slowed_it():
    """It reads too low, and is better all the same."""
    state = wholly_contended(80)
    assert state.verdict_of(1).decision == "keep"
    assert state.verdict_of(1).posterior


def test_what_was_repeated_is_no_status_of_a_keep():
    """A first trial that timed out while other work held it up: the verdict rests on the second."""
    flags = (f"{MARK}it computed in 50% of its time",)
    late = replace(outcome(1, FIRST, status="timeout"), flags=flags)
    again = [Tried(outcome(1, seed, 80)) for seed in (SECOND, THIRD)]
    state = judged(after(with_baseline(50), Proposed(experiment(1)), Tried(late), *again), 1)
    assert state.verdict_of(1).decision == "keep"
    assert rows(state)[1].status == "ok"
    assert told_of(state, state.records[1], None).status == "ok"


def test_a_time_out_on_a_contended_machine_is_repeated():
    """It says nothing of the edit; a second one does."""
    late = replace(outcome(1, FIRST, status="timeout"), flags=(f"{MARK}it computed in half",))
    state = after(with_baseline(50), Proposed(experiment(1)), Tried(late))
    assert judge.verdicts(state) == []
    state = after(state, Tried(outcome(1, SECOND, 60)), Tried(outcome(1, THIRD, 60)))
    assert judged(state, 1).verdict_of(1).decision == "keep"


def test_the_baseline_may_fail_once():
    """The campaign stands on it: another seed is tried before it is given up."""
    state = history(Proposed(experiment(0)), Tried(outcome(0, FIRST, status="timeout")))
    assert judge.verdicts(state) == []
    assert judge.trials_wanted(state) == [Trial(0, SECOND), Trial(0, THIRD)]
    whole = after(state, Tried(outcome(0, SECOND)), Tried(outcome(0, THIRD)))
    assert judged(whole, 0).verdict_of(0).decision == "keep"
    broken = after(state, Tried(outcome(0, SECOND, status="crash")))
    assert judged(broken, 0).verdict_of(0).decision == "crash"


def test_repeats_go_where_they_may_change_most():
    """To kept experiments and the baseline, at most three trials each, the doubtful first."""
    state = tried_with(with_baseline(50), 1, [70, 70])
    state = tried_with(state, 2, [71, 71], parent=1)
    state = tried_with(state, 3, [60, 60], parent=2)
    assert state.verdict_of(3).decision == "discard"
    trials = []
    while trial := judge.repeat_wanted(state):
        trials.append(trial.experiment)
        state = repeated(state, trial.experiment, (50, 70, 71)[trial.experiment], trial.seed)
    assert trials[0] == 2, "one hundredth is in doubt, a fifth is not"
    assert sorted(trials) == [0, 1, 2]


def test_in_the_closing_the_ends_come_first():
    """The incumbent and the baseline, until each has two trials."""
    settings = replace(with_baseline().settings, seeds=1, baseline_seeds=1)
    started = replace(with_baseline().started, settings=settings)
    stamp = "2026-01-31T22:00:00+00:00"
    events = [started, Proposed(experiment(0)), Tried(outcome(0, FIRST))]
    state = judged(History.of(Entry(stamp, event) for event in events), 0)
    state = tried_with(state, 1, [60], seeds=[FIRST])
    state = after(tried_with(state, 2, [75], parent=1, seeds=[FIRST]), Closing("the list"))
    assert judge.repeat_wanted(state) == Trial(2, SECOND)
    assert judge.repeat_wanted(state, [Trial(2, SECOND)]) == Trial(0, SECOND)


def test_slot_time_is_told_apart():
    """Start-up, training and scoring of new experiments, repeats, and the rest is idle."""
    state = with_baseline()
    stamps = iter(f"2026-01-31T22:00:{n:02d}+00:00" for n in range(10, 60, 10))
    first = replace(outcome(1, FIRST, 60), start_s=0.5)
    for event in (Proposed(experiment(1)), Tried(first), Tried(outcome(1, SECOND, 60))):
        state = state.after(Entry(next(stamps), event))
    state = judged(state, 1)
    state = state.after(Entry(next(stamps), Tried(outcome(1, THIRD, 60))))
    used = slot_time(state)
    assert (used.startup_s, used.training_s, used.scoring_s) == (0.5, 1.5, 4.0)
    assert (used.repeats_s, used.idle_s) == (3.0, 31.0)
    assert "idle" in used.words()


def test_time_in_which_it_did_not_run_is_no_idling():
    """A night that was stopped and resumed, or killed: its slots stood still for another reason."""
    state = with_baseline()
    events = [
        ("10", Proposed(experiment(1))),
        ("20", Tried(outcome(1, FIRST, 60))),
        ("50", Resumed(None, 1)),
        ("55", Tried(outcome(1, SECOND, 60))),
    ]
    for second, event in events:
        state = state.after(Entry(f"2026-01-31T22:00:{second}+00:00", event))
    used = slot_time(state)
    assert used.idle_s == 55.0 - 30.0 - 6.0
    assert used.total_s == 25.0
    study = Ablating(0, (Variant(0, (), "c"),))
    more = [
        ("23:00:00", Stopped("1 experiment", True)),
        ("23:30:00", study),
        ("23:59:00", Resumed(9, 4)),
    ]
    for time, event in more:
        state = state.after(Entry(f"2026-01-31T{time}+00:00", event))
    assert slot_time(state) == used, "a study in between, and more slots from now on"
