"""When trials may begin, how many repeats the end is kept for, and which trials were contended; and
what a resumed campaign may not change."""

import time
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_history import SETTINGS, START, experiment, outcome

from harness import schedule
from harness.agenda import EXPECTANT, PATIENCE, Agenda
from harness.contention import MARK, flags_of, is_contended, slowed, wants_repeat
from harness.errors import Misuse
from harness.experiment import Closing, Judged, Posterior, Proposed, Resumed, Tried, Verdict
from harness.history import History
from harness.judge import verdicts
from harness.leaderboard import notes
from harness.ledger import Entry
from harness.settings import Wanted, check_same, new_settings, next_at

POSTERIOR = Posterior(0.5, 0.01, 0.0, 0.01, 0.5)
TRIAL_S = 3.0  # of test_history's outcomes


def history_of(trials, *, keeps=0, reserve=0.1, slots=1, events=()):
    """A baseline and as many experiments with a trial each, the first of them kept in a line."""
    settings = replace(SETTINGS, reserve=reserve, seeds=1, baseline_seeds=1, slots=slots)
    past = [replace(START, settings=settings)]
    for number in range(trials):
        is_kept = number <= keeps
        parent = min(max(0, number - 1), keeps)
        verdict = Verdict(number, "keep" if is_kept else "discard", "", 0.5, parent, None)
        past += [Proposed(experiment(number, parent)), Tried(outcome(number, 1))]
        past += [Judged(verdict, f"c{number}")]
    stamp = "2026-01-31T22:00:00+00:00"
    return History.of(Entry(stamp, event) for event in (*past, *events))


def test_a_trial_is_expected_to_take_what_the_last_ones_took():
    """The median of the last five; the budget where there is none yet."""
    assert schedule.trial_s(history_of(0)) == SETTINGS.budget_s
    assert schedule.trial_s(history_of(7)) == TRIAL_S


@pytest.mark.parametrize(("trials", "repeats"), [(5, 1), (9, 1), (17, 1), (18, 2), (45, 5)])
def test_closing_repeats_are_a_tenth_of_all_trials(trials, repeats):
    """Counted with themselves: nine trials and one repeat are ten. One is made of fewer, too."""
    history = history_of(trials, keeps=3, events=[Closing("the list")])
    assert schedule.repeats_left(history, running=0) == repeats
    assert repeats <= max(1, 0.1 * (trials + repeats))


def test_repeats_that_run_or_were_done_count():
    """None beyond the reserve, also after a resume."""
    done = [Closing("the list"), Tried(outcome(0, 2)), Resumed(5, 1)]
    history = history_of(18, keeps=3, events=done)
    assert schedule.repeats_left(history, running=0) == 1
    assert schedule.repeats_left(history, running=1) == 0


def test_what_was_on_a_slot_at_the_closing_runs_again():
    """After a kill: it had begun, and a finished campaign has tried it. What only waited is not."""
    for begun, wanted_then in ((), None), ((9,), 9):
        events = [Proposed(experiment(9)), Closing("9 experiments", begun)]
        trial = Agenda(None, Watch()).next_trial(history_of(9, reserve=0.0, events=events), ())
        assert (trial and trial.experiment) == wanted_then


def test_first_trials_after_the_closing_are_no_repeats():
    """All slots are busy with them when it closes: they leave the reserve as it is."""
    events = [Proposed(experiment(18)), Closing("the list", (18,))]
    assert schedule.repeats_left(history_of(18, keeps=3, events=events), running=0) == 2
    tried = [*events, Tried(outcome(18, 1))]
    assert schedule.repeats_left(history_of(18, keeps=3, events=tried), running=0) == 2
    again = [*tried, Tried(outcome(0, 2))]
    assert schedule.repeats_left(history_of(18, keeps=3, events=again), running=0) == 1


def test_what_failed_at_once_tells_nothing_of_a_trials_length():
    """Else a trial of 15 minutes would begin a minute before the deadline."""
    events = []
    for number, status in enumerate(["crash", "lost", "out_of_memory", "crash", "crash"], start=7):
        quick = replace(outcome(number, 1, status=status), train_s=0.1, score_s=0.0)
        events += [Proposed(experiment(number)), Tried(quick)]
    assert schedule.trial_s(history_of(7, events=events)) == TRIAL_S
    assert schedule.trial_s(history_of(0, events=[])) == SETTINGS.budget_s


def test_a_training_of_few_steps_may_begin_in_a_short_campaign():
    """Nobody knows how long it takes before the first; after that it counts."""
    settings = replace(SETTINGS, budget_s=900.0, max_steps=20)
    young = History.of([Entry(now(), replace(START, settings=settings))])
    assert not schedule.is_late(young, 60.0)
    assert not schedule.is_late_for_new(young, 0, 60.0)
    assert schedule.is_late(young, -1.0)


def test_no_reserve_no_repeats():
    """Nor more than there are kept experiments to repeat, three trials each."""
    assert schedule.repeats_left(history_of(50, reserve=0.0, events=[Closing("x")]), 0) == 0
    assert schedule.repeats_left(history_of(50, reserve=0.4, events=[Closing("x")]), 0) == 2


def test_raised_totals_end_the_closing():
    """More experiments were asked for on resuming: they begin again."""
    events = [Closing("5 experiments"), Resumed(50, 1)]
    assert history_of(9, keeps=3, events=events).closing is None
    assert history_of(9, keeps=3, events=[events[0], Resumed(5, 1)]).closing is not None


def test_new_experiments_leave_time_for_the_repeats():
    """The last new one begins while it and the reserve still fit before the deadline."""
    history = history_of(18, keeps=3)
    left = [s for s in range(1, 60) if not schedule.is_late_for_new(history, 0, float(s))]
    assert left[0] == 9  # a trial of 3 s, and two repeats, the share of 18 + 3 trials
    assert not schedule.is_late(history, 3.0)
    assert schedule.is_late(history, 2.9)
    assert not schedule.is_late_for_new(history, 0, None)


# ---------------------------------------------------------------------------
# A free slot, and a proposal on its way
# ---------------------------------------------------------------------------


class Watch:
    """A clock that goes on when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def waited(took, began_s_ago):
    """Seconds that a free slot leaves empty before a repeat, the proposals before having taken
    `took` seconds each and this one being thought about for so long already."""
    clock, history = Watch(), history_of(9, keeps=3)
    agenda = Agenda(None, clock)
    for seconds in took:
        agenda.prepares()
        clock.now += seconds
        agenda.prepared()
    agenda.prepares()
    began = clock.now = clock.now + began_s_ago
    while agenda.next_trial(history, ()) is None:
        clock.now += 0.01
    return clock.now - began


def test_a_free_slot_waits_for_a_proposal_that_is_about_to_come():
    """A repeat that began a moment before it would hold it up for a whole trial."""
    short, long = PATIENCE * TRIAL_S, EXPECTANT * TRIAL_S
    assert waited([], 1.0) == pytest.approx(short, abs=0.02), "nothing is known of how long"
    assert waited([2.0], 0.0) == pytest.approx(short, abs=0.02), "it is far off"
    assert waited([2.0, 2.0, 9.0], 2.0 - long + 0.05) == pytest.approx(long - 0.05, abs=0.02)
    assert waited([2.0], 5.0) == pytest.approx(short, abs=0.02), "it is overdue"


def test_nothing_is_waited_for_where_nothing_is_prepared():
    """A researcher that has no more ideas does not keep a slot idle."""
    agenda = Agenda(None, Watch())
    assert agenda.next_trial(history_of(9, keeps=3), ()) is not None


# ---------------------------------------------------------------------------
# Contention
# ---------------------------------------------------------------------------


def slow(number, seed, cpu_s, samples=None):
    return replace(outcome(number, seed), train_s=100.0, cpu_s=cpu_s, samples=samples)


def with_baseline(*outcomes, device="cpu"):
    settings = replace(SETTINGS, device=device)
    verdict = Verdict(0, "keep", "", 0.5, 0, None)
    events = [replace(START, settings=settings), Proposed(experiment(0))]
    events += [*map(Tried, outcomes), Judged(verdict, "c"), Proposed(experiment(1))]
    return History.of(Entry("2026-01-31T22:00:00+00:00", event) for event in events)


def test_a_training_that_did_not_get_its_core_is_flagged():
    """It computed in a fifth less of its time than the incumbent's trials did."""
    history = with_baseline(slow(0, 1, 98.0), slow(0, 2, 96.0))
    assert flags_of(history, slow(1, 1, 80.0)) == ()
    flags = flags_of(history, slow(1, 1, 60.0))
    assert flags == (
        "contended: it computed in 60% of its time, and the incumbent's trials in 97%",
    )
    assert is_contended(replace(slow(1, 1, 60.0), flags=flags))
    assert flags_of(history, replace(slow(1, 1, 60.0), others_s=38.0)) == flags
    assert slowed(with_baseline(slow(0, 1, 98.0), replace(slow(0, 2, 60.0), others_s=38.0)))
    assert flags_of(history, outcome(1, 1)) == (), "a training of a second tells nothing"


def test_a_training_that_idles_was_not_held_up():
    """By design, or so that a reading that it foresees to be bad is not counted: nobody else
    computed on its cores."""
    history = with_baseline(slow(0, 1, 98.0), slow(0, 2, 96.0))
    idle = replace(slow(1, 1, 60.0), others_s=3.0)
    assert flags_of(history, idle) == ()
    assert slowed(with_baseline(slow(0, 1, 98.0), replace(slow(0, 2, 60.0), others_s=3.0))) == {}
    events = (replace(START, settings=replace(SETTINGS, device="cpu")), Proposed(experiment(0)))
    young = History.of(Entry("2026-01-31T22:00:00+00:00", event) for event in events)
    assert flags_of(young, replace(slow(0, 1, 50.0), others_s=3.0)) == ()


def test_its_own_account_of_its_pace_excuses_nothing():
    """Fewer samples a second: flagged and repeated, and it counts."""
    history = with_baseline(slow(0, 1, 50.0, 1000), device="cuda")
    late = slow(0, 2, 50.0, 700)
    late = replace(late, flags=flags_of(history, late))
    assert late.flags
    assert wants_repeat(late)
    assert not is_contended(late)


def test_a_reader_is_told_what_other_work_slowed():
    """Whichever trial it was, the baseline's too, beside the one that had its core to itself."""
    history = with_baseline(slow(0, 1, 19.0), slow(0, 2, 60.0))
    assert slowed(history) == {0: 0.19}
    (said,) = [note for note in notes(history) if "other work" in note]
    assert "slowed trials of 0, down to 19% of a core" in said
    assert slowed(with_baseline(slow(0, 1, 98.0), slow(0, 2, 80.0))) == {}
    assert slowed(with_baseline(slow(0, 1, 19.0), slow(0, 2, 60.0), device="cuda")) == {}


def with_verdict(*rights):
    """A baseline whose trials had so many right of a hundred."""
    stamp = "2026-01-31T22:00:00+00:00"
    tried = (Tried(outcome(0, seed, right)) for seed, right in enumerate(rights, start=1))
    events = (START, Proposed(experiment(0)), *tried)
    state = History.of(Entry(stamp, event) for event in events)
    return state.after(Entry(stamp, Judged(verdicts(state)[0], "c")))


def test_a_reader_is_told_of_much_noise():
    """Two trials of the same train.py that differ by a third say what no edit can be told by."""
    for other, count in ((52, 0), (85, 1)):
        state = with_verdict(50, other)
        assert len([note for note in notes(state) if "one trial scatters by" in note]) == count


def test_a_reader_is_told_that_nothing_can_be_gained():
    """Where the baseline answers everything, a night would be spent on no edit that could pay."""
    said = "no edit can gain anything"
    for right, is_said in ((90, False), (100, True)):
        assert (said in " ".join(notes(with_verdict(right, right)))) == is_said


def test_a_baseline_is_held_against_a_whole_core():
    """Its first trials have no incumbent beside them; without a flag all later edits would gain."""
    events = (replace(START, settings=replace(SETTINGS, device="cpu")), Proposed(experiment(0)))
    history = History.of(Entry("2026-01-31T22:00:00+00:00", event) for event in events)
    assert flags_of(history, slow(0, 1, 50.0)) == ("contended: it computed in 50% of its time",)
    assert flags_of(history, slow(0, 1, 80.0)) == ()
    assert flags_of(history, replace(slow(0, 1, 4.0), train_s=8.0)) == (), "too short to tell"


def test_what_was_slowed_itself_is_no_measure():
    """A baseline whose every trial other work slowed would make edits slowed as much look usual;
    one calm trial is a measure again."""
    late = [replace(slow(0, seed, 50.0), flags=(f"{MARK}…",)) for seed in (1, 2)]
    said = ("contended: it computed in 50% of its time",)
    assert flags_of(with_baseline(*late), slow(1, 1, 50.0)) == said
    assert flags_of(with_baseline(*late), slow(1, 1, 80.0)) == ()
    (flag,) = flags_of(with_baseline(*late, slow(0, 3, 95.0)), slow(1, 1, 60.0))
    assert flag.endswith("and the incumbent's trials in 95%")


def test_an_incumbent_below_its_baseline_is_told_of():
    """Believed so by now, and not withdrawn yet: the reader would wonder."""
    verdict = Verdict(1, "keep", "", 0.9, 0, None)
    past = [START, Proposed(experiment(0)), *(Tried(outcome(0, seed, 60)) for seed in (1, 2))]
    past += [Judged(Verdict(0, "keep", "", 0.6, 0, None, POSTERIOR), "c"), Proposed(experiment(1))]
    for right, count in ((95, 0), (20, 1)):
        events = [
            *past,
            Tried(outcome(1, 1, right)),
            Judged(replace(verdict, posterior=POSTERIOR), "c"),
        ]
        told = notes(History.of(Entry("2026-01-31T22:00:00+00:00", event) for event in events))
        found = [note for note in told if "believed to be worse than the baseline" in note]
        assert len(found) == count, (right, told)
        assert all("it takes 2 trials to withdraw a keep" in note for note in found)


def test_samples_a_second_are_compared_within_an_experiment():
    """On a GPU like code is the same code: another trial of the experiment."""
    history = with_baseline(slow(0, 1, 50.0, 1000), device="cuda")
    assert "7 samples a second, and 10" in flags_of(history, slow(0, 2, 50.0, 700))[0]
    assert flags_of(history, slow(1, 2, 50.0, 700)) == ()


# ---------------------------------------------------------------------------
# What a resumed campaign may not change
# ---------------------------------------------------------------------------


def wanted(**asked):
    nothing = dict.fromkeys(field.name for field in fields(Wanted))
    return Wanted(**nothing | {"rehearse": False, "researcher": ("offline",), "hours": 1.0} | asked)


@given(st.floats(0, 100), st.floats(0.001, 3600.0))
def test_the_same_words_resume(reserve, budget_s):
    """Whatever share of the trials is asked for, in per cent: 7 is no 7.000000000000001."""
    asked = wanted(reserve=reserve, budget_s=budget_s)
    settings = new_settings(asked, device="cpu", sandbox="none", slots=1)
    check_same(settings, now(), asked, "t")


def test_other_words_are_named_as_they_would_be_typed():
    """No 45.0 for 45."""
    settings = new_settings(wanted(budget_s=45.0), device="cpu", sandbox="none", slots=1)
    with pytest.raises(Misuse, match=r"with --budget-s 45, and --budget-s 90 was asked"):
        check_same(settings, now(), wanted(budget_s=90.0), "t")


def now():
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def of_hours(**asked):
    return new_settings(wanted(**asked), device="cpu", sandbox="none", slots=1)


@given(st.floats(0.5, 1000.0))
def test_the_same_hours_resume(hours):
    """Shell history: whoever types the same words again means the same campaign and its end."""
    check_same(of_hours(hours=hours), now(), wanted(hours=hours), "t")


def test_the_same_time_of_day_resumes():
    """However it is typed."""
    for until in ("07:30", "7:30"):
        settings = of_hours(hours=None, until=until)
        for again in ("07:30", "7:30"):
            check_same(settings, now(), wanted(hours=None, until=again), "t")


def test_a_clock_that_is_changed_in_the_night(monkeypatch):
    """Half past seven is what the clock on the wall then shows, an hour more or less to go."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        for evening, utc in (((10, 24), "2026-10-25T06:30"), ((3, 28), "2026-03-29T05:30")):
            moment = next_at("7:30", datetime(2026, *evening, 22, 0))
            assert f"{moment:%Y-%m-%dT%H:%M}" == utc
            settings = replace(of_hours(hours=None, until="07:30"), deadline=moment.isoformat())
            check_same(settings, now(), wanted(hours=None, until="07:30"), "t")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_campaign_without_room_for_one_training_is_misuse():
    """By either way to name the end; and so are more seeds than a night has trials."""
    soon = f"{datetime.now() + timedelta(minutes=5):%H:%M}"
    for asked in ({"hours": None, "until": soon}, {"hours": 0.1}):
        with pytest.raises(Misuse, match=r"no training of 900 s ends (until|within 0.1 hours)"):
            of_hours(budget_s=900.0, **asked)
        of_hours(budget_s=900.0, max_steps=20, **asked)
    with pytest.raises(Misuse, match="--seeds 33"):
        of_hours(seeds=33)


def test_more_hours_than_there_are():
    """An end that no calendar has is misuse."""
    with pytest.raises(Misuse, match=r"--hours 1e\+09"):
        of_hours(hours=1e9)


def test_another_end_is_refused_and_named():
    """The deadline is fixed at the first start: what was ignored in silence would end the night."""
    settings = of_hours(hours=None, until="07:30")
    for asked, said in (({"hours": 9.0}, "--hours 9"), ({"hours": None, "until": "9:30"}, "9:30")):
        with pytest.raises(Misuse, match=rf"ends at .*07:30, as fixed .*{said} was asked for"):
            check_same(settings, now(), wanted(**asked), "t")
    with pytest.raises(Misuse, match="began without a time to end at"):
        check_same(of_hours(hours=None, experiments=3), now(), wanted(hours=1.0), "t")
