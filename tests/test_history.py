"""History and judge: what events add up to, which trials are wanted, and what is decided."""

import pytest

from harness import judge
from harness.board_table import table
from harness.ending import why_stop
from harness.errors import Contradiction
from harness.experiment import (
    Experiment,
    Judged,
    LevelCount,
    Merged,
    Outcome,
    Proposed,
    Resumed,
    Settings,
    Started,
    Stopped,
    Trial,
    Tried,
    Verdict,
)
from harness.history import History
from harness.leaderboard import rows, summary
from harness.ledger import Entry
from harness.paint import Paint
from harness.prune import kept_experiments

SETTINGS = Settings(
    1.0, None, 1, 2, 1, "cpu", "cpu", "none", ("list", "x"), 5, None, baseline_seeds=2
)
START = Started("t", "a campaign", SETTINGS, "", "", "", "", "a machine", "0")


def experiment(number, parent=0, **changes):
    fields = {"hypothesis": "h", "researcher": "list", "kind": "idea", "expected": None, "mark": 0}
    fields |= {"commit": f"c{number}", "fingerprint": f"f{number}", "nodes": 1}
    return Experiment(number, parent, preflight="none", **(fields | changes))


def outcome(number, seed, right=50, status="ok"):
    levels = (LevelCount("add:4", right, 100), LevelCount("mul:2", right, 100))
    levels = levels if status == "ok" else ()
    return Outcome(
        number,
        seed,
        status,
        levels,
        f"it was {status}",
        train_s=1.0,
        score_s=2.0,
        cpu_s=1.0,
        solve_s=None,
        steps=None,
        samples=None,
        memory_mb=None,
        slot=0,
        sandbox="none",
        checkpoint="",
    )


def history(*events):
    return History.of(Entry("2026-01-31T22:00:00+00:00", event) for event in (START, *events))


FIRST, SECOND, *OTHERS = judge.seeds(history())


def tried(number, right=50, status="ok"):
    """Both trials of an experiment."""
    seeds = (FIRST, SECOND) if status == "ok" else (FIRST,)
    return [Tried(outcome(number, seed, right, status)) for seed in seeds]


def judged(state, number):
    """The history with the verdict that the judge gives on an experiment."""
    (verdict,) = judge.verdicts(state)
    assert verdict.experiment == number
    return state.after(Entry("2026-01-31T22:00:00+00:00", Judged(verdict, f"d{number}")))


def with_baseline(right=50):
    return judged(history(Proposed(experiment(0)), *tried(0, right)), 0)


def after(state, *events):
    for event in events:
        state = state.after(Entry("2026-01-31T22:00:00+00:00", event))
    return state


def test_seeds_are_the_campaigns_and_the_same_for_all():
    """Other campaigns have other seeds; every experiment of one has the same."""
    assert judge.seeds(history()) == [FIRST, SECOND, *OTHERS]
    assert len({FIRST, SECOND, *OTHERS}) == 2 + len(OTHERS)
    state = after(with_baseline(), Proposed(experiment(1)))
    assert judge.trials_wanted(state) == [Trial(1, FIRST), Trial(1, SECOND)]
    assert judge.trials_wanted(state, [Trial(1, FIRST)]) == [Trial(1, SECOND)]


def test_nothing_is_tried_before_the_baseline():
    """What comes after it needs something to be compared with."""
    state = history(Proposed(experiment(0)), Proposed(experiment(1)))
    assert {trial.experiment for trial in judge.trials_wanted(state)} == {0}
    state = after(state, *tried(0))
    assert judge.trials_wanted(state) == []
    assert [v.experiment for v in judge.verdicts(state)] == [0]


@pytest.mark.parametrize(
    ("right", "decision"), [(51, "keep"), (50, "discard"), (49, "discard"), (0, "discard")]
)
def test_better_is_kept_and_equal_is_not(right, decision):
    """Best so far: above the incumbent's mean, and nothing else."""
    state = judged(after(with_baseline(50), Proposed(experiment(1)), *tried(1, right)), 1)
    assert state.verdict_of(1).decision == decision
    assert state.incumbent == (1 if decision == "keep" else 0)
    assert state.accuracy_of(1) == pytest.approx(right / 100, abs=0.02)
    assert state.records[1].standing == ("provisional" if decision == "keep" else None)


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        ("crash", "crash"),
        ("timeout", "crash"),
        ("out_of_memory", "crash"),
        ("no_checkpoint", "crash"),
        ("not_learned", "discard"),
        ("inconsistent", "discard"),
    ],
)
def test_one_failed_trial_is_enough(status, decision):
    """No second seed is spent on it, and the status is in the reason."""
    state = after(with_baseline(), Proposed(experiment(1)), *tried(1, status=status))
    assert judge.trials_wanted(state) == []
    state = judged(state, 1)
    assert state.verdict_of(1).decision == decision
    assert status.replace("_", " ") in state.verdict_of(1).reason
    assert state.accuracy_of(1) is None


def test_a_lost_trial_is_wanted_again_three_times():
    """The machine's fault is not the experiment's, until it happens again and again."""
    state = after(with_baseline(), Proposed(experiment(1)))
    for _ in range(2):
        state = after(state, Tried(outcome(1, FIRST, status="lost")))
        assert Trial(1, FIRST) in judge.trials_wanted(state)
    state = after(state, Tried(outcome(1, FIRST, status="lost")))
    assert judge.trials_wanted(state) == []
    state = judged(state, 1)
    assert state.verdict_of(1).decision == "crash"
    assert rows(state)[1].status == "lost", "and nothing slowed it"
    (line,) = [line for line in table(rows(state), 60, Paint()) if line.startswith("1 ")]
    assert line.split()[:3] == ["1", "crash", "lost"]


@pytest.mark.parametrize("status", ["crash", "not_learned", "inconsistent"])
def test_a_baseline_that_counts_for_nothing_ends_the_campaign(status):
    """Everything would be compared with it."""
    events = [Tried(outcome(0, seed, status=status)) for seed in (FIRST, SECOND)]
    state = judged(history(Proposed(experiment(0)), *events), 0)
    stopped = why_stop(
        state, ending=None, is_busy=False, is_verdict_due=False, has_more=lambda: True
    )
    assert stopped.is_finished
    assert status.replace("_", " ") in stopped.reason


def test_what_a_gate_refused_is_never_tried():
    """It has a number, a commit and a verdict, and no trial."""
    refused = experiment(1, refused="novelty: the same as experiment 0")
    broken = experiment(2, refused="parse: line 1", broken=True)
    state = after(with_baseline(), Proposed(refused), Proposed(broken))
    assert judge.trials_wanted(state) == []
    state = judged(judged(state, 1), 2)
    assert [state.verdict_of(n).decision for n in (1, 2)] == ["discard", "crash"]
    assert [row.status for row in rows(state)] == ["ok", "refused", "refused"]


def test_a_merge_changes_parent_and_commit():
    """The experiment is what it was, on top of another."""
    state = after(with_baseline(), Proposed(experiment(1)), *tried(1, 60), Proposed(experiment(2)))
    state = judged(state, 1)
    state = after(state, Merged(2, 1, "m2", "fm2", 3))
    assert state.records[2].experiment.parent == 1
    assert state.records[2].commit == "m2"
    assert state.fingerprints["fm2"] == 2
    assert judged(after(state, *tried(2, 70)), 2).line() == (2, 1, 0)


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([Proposed(experiment(1))], "experiment 1 where 0 comes next"),
        ([Proposed(experiment(0)), *tried(0), *tried(0)], "twice"),
        ([Tried(outcome(3, 1))], "experiment 3, which was never proposed"),
        ([Proposed(experiment(0)), START], "must begin"),
    ],
)
def test_events_that_contradict_are_refused_by_line(events, said):
    """A ledger that cannot have come about is not guessed at."""
    with pytest.raises(Contradiction, match=said):
        history(*events)


def test_judged_twice_is_refused():
    """A verdict is given once."""
    verdict = Verdict(0, "keep", "", 0.5, 0, None)
    with pytest.raises(Contradiction, match="judged twice"):
        history(Proposed(experiment(0)), *tried(0), Judged(verdict, "a"), Judged(verdict, "b"))


def test_after_leaves_the_history_as_it_is():
    """Two futures of one history do not see each other."""
    state = with_baseline()
    one, two = after(state, Proposed(experiment(1))), after(state, Stopped("a limit", True))
    assert state.next_id == two.next_id == 1
    assert one.next_id == 2
    assert two.is_finished
    assert not one.is_finished
    assert not state.is_finished


def test_resuming_reopens_and_raises_the_total():
    """A stop by hand is not the end, and the total is the newest."""
    state = after(with_baseline(), Stopped("by hand", False), Resumed(9, 2))
    assert state.stopped is None
    assert (state.total, state.slots) == (9, 2)


def test_folding_and_going_on_agree():
    """A fold of all events is what one event after another gives."""
    events = [Proposed(experiment(0)), *tried(0), Proposed(experiment(1)), *tried(1, 60)]
    stepwise = after(history(), *events)
    assert vars(stepwise)["records"] == vars(history(*events))["records"]
    assert stepwise.open == history(*events).open


def test_checkpoints_of_the_line_the_best_and_the_last_stay():
    """The others' may be deleted."""
    state = with_baseline(50)
    for number, right in enumerate((60, 40, 30, 20, 10), start=1):
        state = judged(after(state, Proposed(experiment(number)), *tried(number, right)), number)
    assert kept_experiments(state) == {0, 1, 3, 4, 5}


def test_the_summary_counts_verdicts():
    """Kept, discarded and crashed, and the incumbent beside the baseline."""
    state = judged(after(with_baseline(50), Proposed(experiment(1)), *tried(1, 60)), 1)
    text = summary(state)
    assert "1 experiment: 1 kept (1 provisional), 0 discarded, 0 crashed" in text
    assert "baseline 0.5" in text
