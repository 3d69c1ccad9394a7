"""`thinker ablate`: what each keep adds to the stack, killed and resumed; and its arithmetic."""

import io
import itertools
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
from conftest import ROOT, begin, environment, git, of_campaign, thinker, toy_source, until
from lines import SETTINGS, TAG, history_of, make_line, outcome, told_by, train_py
from pages import Page
from rich.console import Console

from harness.ablating import Ablation, Bench, order, seeds_for, wanted
from harness.ablation import WHOLE, Ablated, Ablating, Ablations, NoSuchVariant, Study, Variant
from harness.ablation_effects import PRIOR, SDS, found_of, noise_of, p_helps
from harness.ablation_table import ablation_table
from harness.ablation_words import ablation_line, ablation_words
from harness.believed import posteriors
from harness.executor.rehearsal import Rehearsal, outcome_of
from harness.experiment import Trial
from harness.history import History
from harness.kept_line import read_line
from harness.leaderboard import rows
from harness.ledger import Entry, Ledger, decode, encode
from harness.messages import Signal
from harness.prior import EFFECTS
from harness.reading import ledger_of
from harness.repo import Repo
from harness.report.ablated import ablated
from harness.sandbox import choose
from harness.show_words import result

TIME = "2026-01-31T22:00:00.000+00:00"

# ---------------------------------------------------------------------------
# A real one
# ---------------------------------------------------------------------------

BALLAST = "\n\ndef unused(a, b):\n    return a * b + a\n"


def toy(longest, tail=""):
    """A train.py that trains in about a second; it reads only so many digits of an operand."""
    return toy_source().replace("LONGEST = 9 ", f"LONGEST = {longest} ") + tail


def tiny(folder, *texts):
    """A campaign of trainings of a second, on copies of eight digits."""
    changes = {"sandbox": choose().level, "budget_s": 90.0, "max_steps": 100, "problems": 10}
    return make_line(folder, texts, settings=replace(SETTINGS, tasks="copy:8", **changes))


def test_a_planted_passenger_is_named_and_dropped(tmp_path):
    """Without time, killed amid it and resumed: what was tried is not tried again, the edit that
    changes nothing is named, adopt tells of it, and nothing is left over."""
    night = tiny(tmp_path, toy(9, BALLAST), toy(9))
    code, out = thinker(night, "ablate", "--hours", "1e-9")
    assert (code, "the time is over; the same command goes on" in out) == (0, True), out
    begun = begin(night, "ablate", TAG, "--seeds", "1")
    until(lambda: history_of(night).ablations.studies, 120)
    until(lambda: history_of(night).ablations.studies[1].outcomes, 120)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    (before,) = history_of(night).ablations.studies[1].outcomes
    code, out = thinker(night, "ablate", "--seeds", "1", "--json")
    assert code == 0, out
    told, study = told_by(out), history_of(night).ablations.studies[1]
    assert study.outcomes[0] == before
    assert [o.experiment for o in study.outcomes] == [0, 1]
    used = {seed for record in history_of(night).records.values() for seed in record.seeds}
    assert not used & {o.seed for o in study.outcomes}
    (idle,) = told["keeps"]
    assert (idle["effect"], idle["same_weights"]) == (0.0, True)
    assert (told["passengers"], told["without"]) == ([1], []), "without it nothing is left"
    assert of_campaign(night) == []
    ref = "refs/autoresearch/night/ablated/0001/0001"
    assert git(night, "show", f"{ref}:train.py") + "\n" == toy(9, BALLAST)
    assert not list((night / "results" / TAG).glob("ablated/**/checkpoint.pt"))
    code, out = thinker(night, "adopt", "--dry-run")
    assert code == 0, out
    assert "passengers by ablation: 1; and they are all of it: there may be nothing worth" in out
    assert thinker(night, "report")[0] == 0
    page = " ".join(Page((night / "results" / TAG / "report.html").read_text()).text.split())
    assert "and without each of its keeps" in page
    assert "the very same weights without it" in page
    assert "that is all of the line: there is nothing to adopt" in page
    assert "--without" not in page


@pytest.mark.slow
def test_what_gains_is_told_from_what_does_not(tmp_path):
    """A keep that reads longer operands adds all that is right; one that tidies up adds nothing,
    and what adopt takes over without it is what was trained."""
    night = tiny(tmp_path, toy(4, BALLAST), toy(9, BALLAST), toy(9))
    code, out = thinker(night, "ablate", "--seeds", "2", "--json")
    assert code == 0, out
    gain, idle = told_by(out)["keeps"]
    assert gain["effect"] > 0.2
    assert gain["p_helps"] > 0.9
    assert idle["effect"] == 0.0
    assert told_by(out)["without"] == [2]
    code, out = thinker(night, "adopt", "--without", "2", "--dry-run", "--json")
    assert code == 0, out
    assert [(k["experiment"], k["trained"]) for k in told_by(out)["keeps"]] == [(1, True)]


# ---------------------------------------------------------------------------
# Kills and refusals
# ---------------------------------------------------------------------------


def idle_pair():
    """Three texts of a line whose two keeps a rehearsal reads lower with than without."""

    def read(text):
        return outcome_of(Trial(0, 0), text).accuracy

    for third in range(1, 9):
        for values in itertools.product(range(2, 30), repeat=2):
            base = train_py(THIRD=third)
            first, second = (
                train_py(THIRD=third, **{name: value})
                for name, value in zip(("FIRST", "SECOND"), values, strict=True)
            )
            both = train_py(FIRST=values[0], SECOND=values[1], THIRD=third)
            if read(base) and 0 < read(both) < min(read(first), read(second)) - 0.05:
                return base, first, both
    raise AssertionError("no such pair")


def test_killed_at_any_step_it_ends_the_same(tmp_path):
    """Before ledger appends, torn or not, and git steps: the same variants, trials and refs, that
    without both passengers too, and the campaign's own verdicts as they were."""
    project = make_line(tmp_path, idle_pair())
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("ablate_driver.py"), project],
        env=environment(project) | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["points"] > 15
    without = [without for _, without in told["variants"]]
    assert (without[0], sorted(without[1:3]), without[3:]) == ([], [[1], [2]], [[1, 2]])
    assert told["trials"] == 8


@pytest.mark.parametrize("how", ["asked to end", "late", "no room"])
def test_what_is_not_begun_is_gone_on_with(tmp_path, how):
    """Asked to end, past its time or without room it begins nothing; later it does the rest."""
    project = make_line(tmp_path, (train_py(), train_py(FIRST=2)))
    path, repo, inbox, told = ledger_of(project, TAG), Repo(project, TAG), SimpleQueue(), []

    def study(deadline=None, lacking=lambda: None):
        with Ledger(path) as ledger:
            executor, history = Rehearsal(1, inbox.put), History.of(ledger.entries)
            bench = Bench(ledger, repo, executor, inbox, project, deadline, lacking, told.append)
            ablation = Ablation(bench, history, 1)
            ablation.run()
            return ablation

    def is_full():
        inbox.put(Signal(False))  # somebody loses patience
        return "0 MB are free"

    if how == "asked to end":
        inbox.put(Signal(False))
    first = study(0.0 if how == "late" else None, is_full if how == "no room" else lambda: None)
    assert not first.is_complete
    assert len(first.study.outcomes) == (1 if how == "asked to end" else 0), "that ran already"
    assert ("0 MB are free: waiting for room" in told) == (how == "no room")
    assert study().is_complete


def test_a_closed_campaigns_study_is_still_shown(tmp_path):
    """As its board says that it is; nothing more is trained."""
    project = make_line(tmp_path, (train_py(), train_py(FIRST=2)))
    path, inbox = ledger_of(project, TAG), SimpleQueue()
    with Ledger(path) as ledger:
        executor, repo = Rehearsal(1, inbox.put), Repo(project, TAG)
        bench = Bench(ledger, repo, executor, inbox, project, None, lambda: None, print)
        Ablation(bench, History.of(ledger.entries), 2).run()
    assert thinker(project, "close", TAG)[0] == 0
    before = path.read_bytes()
    code, out = thinker(project, "ablate")
    assert (code, "experiment 1 of night, and without each of its keeps" in out) == (0, True), out
    assert path.read_bytes() == before
    assert "thinker ablate night shows it" in " ".join(thinker(project, "board")[1].split())


def test_what_cannot_be_ablated(tmp_path):
    """A closed campaign, a rehearsed one, and one that kept nothing: each is told why."""
    texts = (train_py(), train_py(FIRST=2))
    project = make_line(tmp_path, texts, is_finished=False)
    assert thinker(project, "close", TAG, "--unfinished")[0] == 0
    make_line(tmp_path, texts, sandbox="rehearsal", tag="rehearsed", project=project)
    make_line(tmp_path, texts[:1], tag="none", project=project)
    for tag, said in (
        (TAG, "is closed"),
        ("rehearsed", "was rehearsed"),
        ("none", "kept nothing but the baseline"),
    ):
        code, out = thinker(project, "ablate", tag)
        assert (code, said in out) == (2, True), out


def test_an_older_harness_is_not_given_what_it_cannot_read(tmp_path):
    """An unfinished campaign goes on with its own copy; one that knows no ablation must end
    first."""
    project = make_line(tmp_path, (train_py(), train_py(FIRST=2)), is_finished=False)
    state = project.parent / "state" / "thinker"
    next(state.glob("*/harness-home/harness/ablation.py")).unlink()
    code, out = thinker(project, "ablate")
    assert (code, "finish it first (thinker run --tag night)" in out) == (2, True), out


# ---------------------------------------------------------------------------
# Which trials
# ---------------------------------------------------------------------------


def test_doubtful_keeps_come_first(tmp_path):
    """Withdrawn ones, then by P(real); and the seeds are none that a trial used."""
    texts = [train_py(), *(train_py(FIRST=n) for n in (2, 3, 4))]
    project = make_line(tmp_path, texts, withdrawn=(2,))
    history = history_of(project)
    line = read_line(history, Repo(project, TAG), 3)
    assert order(history, line)[0] == 2
    used = {seed for record in history.records.values() for seed in record.seeds}
    found = seeds_for(history, Study(3), 5)
    assert len(set(found) - used) == 5
    first = Study(3, (), (outcome(1, found[2], 0.5),))
    assert seeds_for(history, first, 2) == [found[2], found[0]], "what was begun is gone on with"


@pytest.mark.parametrize(
    ("seeds", "without", "said"),
    [
        (0, 0.5, ""),
        (1, 0.5, "not yet 2 trials of each keep; thinker ablate night goes on"),
        (2, 0.2, "no passengers (P(helps) 0.3 or more); thinker ablate night shows it"),
        (2, 0.6, "passengers: 1; thinker ablate night shows it"),
    ],
)
def test_the_board_tells_of_the_incumbents_study(tmp_path, seeds, without, said):
    """Whether it has ended, and whom it names, where the incumbent itself reads 0.5."""
    history = history_of(make_line(tmp_path, [train_py(), train_py(FIRST=2)]))
    variants = (Variant(WHOLE, (), "a"), Variant(1, (1,), "b"))
    trials = [
        outcome(number, seed, share + seed / 1000)
        for seed in range(1, seeds + 1)
        for number, share in ((WHOLE, 0.5), (1, without))
    ]
    history.ablations = Ablations({1: Study(1, variants, tuple(trials))})
    assert ablation_line(history) == said


def test_trials_go_seed_by_seed():
    """The incumbent's own first; a failure ends its variant, a lost trial is repeated."""
    study = Study(2, (Variant(0, (), "a"), Variant(1, (1,), "b"), Variant(2, (2,), "c")))
    assert wanted(study, [7, 8])[:4] == [Trial(0, 7), Trial(1, 7), Trial(2, 7), Trial(0, 8)]
    tried = (outcome(0, 7, 0.5), outcome(1, 7, 0, status="crash"), outcome(2, 7, 0, status="lost"))
    left = [Trial(2, 7), Trial(0, 8), Trial(2, 8)]
    assert wanted(replace(study, outcomes=tried), [7, 8]) == left
    assert wanted(replace(study, outcomes=tried), [7, 8], left[:1]) == left[1:]


def test_events_of_no_study_are_refused():
    """A trial of what was not planned, a variant or a seed twice."""
    variant = Variant(1, (1,), "b")
    planned = Ablations().after(Ablating(2, (Variant(0, (), "a"), variant)))
    once = planned.after(Ablated(2, outcome(1, 7, 0.5)))
    for state, event in (
        (Ablations(), Ablated(2, outcome(1, 7, 0.5))),
        (planned, Ablated(2, outcome(3, 7, 0.5))),
        (planned, Ablating(2, (variant,))),
        (once, Ablated(2, outcome(1, 7, 0.5))),
    ):
        with pytest.raises(NoSuchVariant):
            state.after(event)
    assert once.after(Ablated(2, outcome(1, 8, 0.5))).studies[2].seeds_of(1) == (7, 8)


def test_the_ledger_holds_a_study():
    """Both events come out of their line as they went in."""
    for event in (Ablating(2, (Variant(1, (1, 2), "b"),)), Ablated(2, outcome(1, 7, 0.5))):
        assert decode(encode(Entry(TIME, event))).event == event


# ---------------------------------------------------------------------------
# Figures
# ---------------------------------------------------------------------------


def study_of(*columns, groups=None, twins=()):
    """Accuracies of the incumbent, and then without each of its keeps, by seed."""
    groups = groups or {}
    variants = [
        Variant(n, groups.get(n, (n,) if n else ()), f"commit {n}") for n in range(len(columns))
    ]
    outcomes = [
        outcome(n, seed, accuracy, checkpoint=f"{0 if n in twins else n} {seed}")
        for n, column in enumerate(columns)
        for seed, accuracy in enumerate(column)
        if accuracy is not None
    ]
    return Study(max(1, len(columns) - 1), tuple(variants), tuple(outcomes))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    texts = [train_py(), *(train_py(FIRST=n) for n in (2, 3, 4))]
    return history_of(make_line(tmp_path_factory.mktemp("figures"), texts))


def test_effects_are_paired_by_seed(campaign):
    """Only seeds that both have count, so that what moves all trials of a seed moves no effect."""
    study = study_of((0.5, 0.6, 0.9), (0.45, 0.55, None), (0.5, 0.6, 0.9), (0.52, 0.62, 0.92))
    first, second, third = found_of(campaign, study).singles
    assert first.seeds == (0, 1)
    assert first.effect == pytest.approx(0.05)
    assert (second.effect, third.effect) == (pytest.approx(0.0), pytest.approx(-0.02))
    assert first.p_helps > second.p_helps > third.p_helps


def test_passengers_are_those_that_nothing_speaks_for(campaign):
    """Below the bound of withdrawal with two trials or more; one trial names none but twins."""
    study = study_of((0.5, 0.5), (0.42, 0.42), (0.503, 0.5), (0.52, 0.51))
    assert found_of(campaign, study).passengers == (2, 3)
    one = study_of((0.5,), (0.42,), (0.53,), (0.5,), twins=(3,))
    found = found_of(campaign, one)
    assert found.passengers == (3,)
    assert found.singles[2].p_helps == 0.0


def test_a_keep_that_others_stand_on_goes_only_with_them(campaign):
    """1 cannot be taken out without 2: it is a passenger only where 2 is one, too."""
    groups = {1: (1, 2)}
    needed = study_of((0.5, 0.5), (0.52, 0.51), (0.42, 0.42), groups=groups)
    assert found_of(campaign, needed).passengers == ()
    idle = study_of((0.5, 0.5), (0.52, 0.51), (0.52, 0.51), groups=groups)
    assert found_of(campaign, idle).passengers == (1, 2)


def test_passengers_that_help_together_stay(campaign):
    """Two that do the same thing are idle one by one; without both the accuracy falls."""
    study = study_of((0.5, 0.5), (0.42, 0.42), (0.503, 0.5), (0.52, 0.51))
    assert found_of(campaign, study).together is None
    assert not found_of(campaign, replace(study)).singles[0].is_idle
    both = replace(study, variants=(*study.variants, Variant(4, (2, 3), "both")))
    assert not found_of(campaign, both).is_droppable, "not tried yet"
    for accuracy, is_fine in ((0.42, False), (0.51, True)):
        tried = tuple(outcome(4, seed, accuracy, checkpoint="other") for seed in (0, 1))
        told = found_of(campaign, replace(both, outcomes=(*both.outcomes, *tried)))
        assert told.together.variant.without == (2, 3)
        assert told.is_droppable == is_fine


def test_a_variant_that_fails_is_no_passenger(campaign):
    """Without it nothing trains: the failure is the finding."""
    study = study_of((0.5, 0.5), (0.5, 0.5), (0.42, 0.42))
    failed = outcome(1, 0, 0, status="crash", reason="it needs\x1b[31m that", levels=())
    outcomes = (failed, *(o for o in study.outcomes if o.experiment != 1))
    found = found_of(campaign, replace(study, outcomes=outcomes))
    assert found.singles[0].failure.startswith("crash: it needs")
    assert found.passengers == ()


def test_noise_is_learned_from_the_table():
    """Rows and columns may differ; what is left of both is noise."""
    rng = np.random.default_rng(1)
    rows, columns = rng.normal(0.5, 0.1, (9, 1)), rng.normal(0, 0.1, 12)
    table = rows + columns + rng.normal(0, 0.03, (9, 12))
    weights = noise_of(0.0, 0, table)
    assert np.sqrt(weights @ SDS**2) == pytest.approx(0.03, abs=0.004)
    alone = noise_of(0.0, 0, table[:, :1])
    assert np.sqrt(weights @ (SDS - 0.03) ** 2) < np.sqrt(alone @ (SDS - 0.03) ** 2) / 3
    repeated = noise_of(100 * 0.005**2, 100, table[:, :1])
    assert np.sqrt(repeated @ SDS**2) == pytest.approx(0.005, abs=0.001)


def test_p_helps_is_a_probability():
    """Of edits as they are expected to be, and noises as the judge expects them, the share that
    helps is the one that is said; the noise is known from five degrees of freedom alone."""
    rng = np.random.default_rng(2)
    count, trials, free = 1500, 2, 5
    prior = noise_of(0.0, 0, np.zeros((1, 1)))
    effects = rng.choice(EFFECTS, count, p=PRIOR / PRIOR.sum())
    sds = rng.choice(SDS, count, p=prior)
    reads = effects + rng.normal(0, sds * np.sqrt(2 / trials))
    squares = sds**2 * rng.chisquare(free, count)
    said = np.array(
        [
            p_helps(read, trials, noise_of(square, free, np.zeros((1, 1))))
            for read, square in zip(reads, squares, strict=True)
        ]
    )
    for low, high in ((0.0, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.01)):
        inside = (said >= low) & (said < high)
        assert inside.sum() > 100
        assert said[inside].mean() == pytest.approx((effects > 0)[inside].mean(), abs=0.08)


# ---------------------------------------------------------------------------
# What is shown
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_table_fits_and_says_what_to_do(campaign, width):
    """A row a keep, passengers named with the command that drops them, no line too long."""
    study = study_of((0.5, 0.5), (0.42, 0.42), (0.503, 0.5), (0.42, 0.43), groups={1: (1, 3)})
    console = Console(width=width, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(ablation_table(campaign, TAG, study))
    text = console.export_text()
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert "  -0.002 ± 0.00" in text
    assert "1 cannot be taken out alone: 3 stands on it" in text
    assert "passengers (P(helps) under 0.3): 2" in text
    assert "thinker adopt 3 --tag night --without 2" in text
    assert sum("edit " in line for line in lines) == 3


def test_a_study_cut_short_says_that_trials_are_uneven(campaign):
    """Effects are of the seeds that both have, so that they do not follow from the means."""
    text = io.StringIO()
    study = study_of((0.5, 0.6), (0.45, None), (0.5, 0.6), (0.52, 0.62))
    Console(width=120, file=text).print(ablation_table(campaign, TAG, study))
    assert "2 trials, not yet as many of each" in text.getvalue()
    even = study_of((0.5, 0.6), (0.45, 0.5), (0.5, 0.6), (0.52, 0.62))
    Console(width=120, file=text).print(ablation_table(campaign, TAG, even))
    assert "2 trials of each" in text.getvalue()


def test_a_line_for_one_keep(campaign):
    """What show says of it, from the last study that has it."""
    study = study_of((0.5, 0.5), (0.42, 0.42), (0.503, 0.5), (0.5, 0.5), twins=(3,))
    events = [Ablating(3, study.variants), *(Ablated(3, o) for o in study.outcomes)]
    history = campaign
    for event in events:
        history = history.after(Entry(TIME, event))
    assert ablation_words(history, 1).startswith("+0.080 ± ")
    assert "a passenger, in experiment 3" in ablation_words(history, 2)
    assert "the very same weights" in ablation_words(history, 3)
    row = rows(history)[2]
    shown = list(result(history, row, posteriors(history)))
    assert ("ablation", ablation_words(history, 2)) in shown
    assert ablation_words(history, 0) == ablation_words(campaign, 1) == ""
    assert WHOLE == 0
    told = ablated(history)
    assert [(each.number, each.is_passenger) for each in told.rows] == [
        (1, False), (2, True), (3, True),
    ]  # fmt: skip
    assert (told.rows[0].accuracy, told.rows[0].helps) == ("0.420", ">0.99")
    assert told.rows[2].words == "the very same weights without it"
    assert ablated(campaign) is None
