"""The offline researcher: valid and new proposals, led by curves first and by results after."""

import json
import math
import random
from pathlib import Path
from statistics import mean

import pytest
from briefs import make_brief
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import judge
from harness.diagnosis import suggestions
from harness.errors import Misuse
from harness.experiment import (
    Experiment,
    Judged,
    LevelCount,
    Outcome,
    Proposed,
    Settings,
    Started,
    Tried,
)
from harness.gates import Passed, check
from harness.history import History
from harness.knobs import read
from harness.ledger import Entry
from harness.researcher import Exhausted, Where, make
from harness.researcher.evidence import Evidence
from harness.researcher.offline import Offline
from harness.syntax import fingerprint, set_constants

TOY = Path(__file__).with_name("toy_train.py").read_text()
REAL = (Path(__file__).resolve().parent.parent / "train.py").read_text()
LOADER = "def load_solver(checkpoint, device):\n    return lambda questions: questions\n"
SMALL = f"""# optimiser
LEARNING_RATE = 3e-4  # [1e-5, 1e-1] log
WEIGHT_DECAY = 0.01   # [0, 0.2]
# model
D_MODEL = {{"cpu": 64, "gpu": 512}}  # [32, 512]
N_HEAD = 4            # [2, 16]
# data
BATCH = 16            # [4, 8192] log
PROMOTE_AT = 0.9      # [0.5, 1]
SIZE = D_MODEL["cpu"] // N_HEAD
{LOADER}"""
SETTINGS = Settings(1.0, None, 1, 1, 1, "cpu", "cpu", "none", ("offline",), None, None)
STARTED = Started("t", "a campaign", SETTINGS, "", "", "", "", "a machine", "0")
LEVEL = 10_000  # problems


class Night:
    """A campaign whose trials are a function of the constants: accuracy, or a status."""

    def __init__(self, source, trial, results=Path("nowhere"), campaign="a campaign"):
        self.trial, self.results, self.sources = trial, results, {}
        started = Started("t", campaign, SETTINGS, "", "", "", "", "a machine", "0")
        self.history = History.of([Entry("2026-01-31T22:00:00+00:00", started)])
        self.researcher = Offline()
        self.add(source)

    def fold(self, event):
        self.history = self.history.after(Entry("2026-01-31T22:00:00+00:00", event))

    def add(self, source, refused="", parent=None):
        number = self.history.next_id
        self.sources[number] = source
        parent = (self.history.incumbent or 0) if parent is None else parent
        words = "h", "offline", "constant", None, number, *fingerprint(source), "none"
        self.fold(
            Proposed(
                Experiment(
                    number, parent, f"c{number}", *words, refused=refused, broken=bool(refused)
                )
            )
        )
        return number

    def finish(self, number):
        found = self.trial(read(self.sources[number], "cpu").values)
        is_ok = not isinstance(found, str)
        right = round(LEVEL * min(1, max(0, found))) if is_ok else 0
        figures = dict.fromkeys(("train_s", "score_s", "cpu_s"), 1.0)
        figures |= dict.fromkeys(("solve_s", "steps", "samples", "memory_mb"))
        if not self.history.records[number].experiment.refused:
            seed = judge.seeds(self.history)[0]
            levels = (LevelCount("add:4", right, LEVEL),) if is_ok else ()
            status = "ok" if is_ok else found
            rest = {"slot": 0, "sandbox": "none", "checkpoint": "", **figures}
            self.fold(Tried(Outcome(number, seed, status, levels, "", **rest)))
        (verdict,) = judge.verdicts(self.history)
        self.fold(Judged(verdict, f"d{number}"))
        return verdict.decision

    def brief(self):
        number = self.history.incumbent or 0
        source_of = self.sources.__getitem__
        return make_brief(
            source_of(number),
            incumbent=number,
            history=self.history,
            source_of=source_of,
            results=self.results,
        )

    def propose(self):
        return self.researcher.propose(self.brief())

    def step(self):
        proposal = self.propose()
        self.finish(self.add(proposal.source))
        return proposal

    @property
    def best(self):
        return read(self.sources[self.history.incumbent], "cpu").values


def started_night(source=SMALL, trial=lambda values: 0.5, results=Path("nowhere")):
    night = Night(source, trial, results)
    night.finish(0)
    return night


def changes(brief, proposal):
    before, after = read(brief.source, "cpu"), read(proposal.source, "cpu")
    assert before.rest == after.rest, "something other than a constant changed"
    return {k.name: k for k in after.knobs if k.value != before.values[k.name]}


def check_proposal(night, proposal):
    """What holds for each of them."""
    brief = night.brief()
    changed = changes(brief, proposal)
    assert isinstance(check(proposal.source, night.history), Passed)
    assert 1 <= len(changed) <= 3
    assert all(k.low <= k.value <= k.high for k in changed.values())
    assert len({k.group for k in changed.values()}) == 1 or "not tried" in proposal.hypothesis
    assert (proposal.researcher, proposal.kind) == ("offline", "constant")
    assert proposal.mark == night.history.proposals
    for name, knob in changed.items():
        assert f"{name} {read(brief.source, 'cpu').values[name]} → {knob.value}" in (
            proposal.hypothesis
        )
    assert Offline().propose(brief) == proposal, "a fresh one proposes otherwise"
    return changed


# ---------------------------------------------------------------------------
# Every proposal
# ---------------------------------------------------------------------------

ENDS = st.sampled_from([0.3, 0.4, 0.5, 0.6, "crash", "out_of_memory", "not_learned", "refused"])


@settings(max_examples=25, deadline=None)
@given(st.lists(ENDS | st.just("open"), max_size=12))
def test_every_proposal_is_valid_new_and_the_same_again(ends):
    """Whatever became of those before: it passes the gates, and a resume would propose it too."""
    end = 0.5
    night = started_night(trial=lambda values: end)
    for end in ends:
        proposal = night.propose()
        check_proposal(night, proposal)
        number = night.add(proposal.source, "preflight: no" if end == "refused" else "")
        if end != "open":
            if any(n < number for n in night.history.open):
                break  # verdicts come in order
            night.finish(number)


@pytest.mark.parametrize(("source", "n"), [(REAL, 5), (TOY, 12)], ids=["train.py", "toy"])
def test_train_py_is_tuned(source, n):
    """Several in a row, with the file's comments and columns kept."""
    drawn = random.Random(3)
    night = started_night(source, lambda values: drawn.random())
    for _ in range(n):
        proposal = night.propose()
        changed = check_proposal(night, proposal)
        lines = zip(proposal.source.splitlines(), night.brief().source.splitlines(), strict=True)
        different = [(new, old) for new, old in lines if new != old]
        assert len(different) == len(changed)
        assert all(new.partition("#")[2] == old.partition("#")[2] for new, old in different)
        night.finish(night.add(proposal.source))


def test_it_proposes_before_the_baseline_has_ended():
    """There is no curve yet, and it does not pretend that there is."""
    night = Night(SMALL, lambda values: 0.5)
    first = night.propose()
    assert "LEARNING_RATE 0.0003 → 0.0006" in first.hypothesis
    assert "no curve yet" in first.hypothesis
    night.add(first.source)
    second = night.propose()
    check_proposal(night, second)
    assert "by chance" in second.hypothesis


def test_each_campaign_draws_otherwise():
    """The draws come from the campaign's name and the number of proposals."""
    drawn = []
    for campaign in ("one", "another"):
        night = Night(SMALL, lambda values: 0.5, campaign=campaign)
        night.finish(0)
        drawn.append([night.step().hypothesis for _ in range(6)])
    assert drawn[0] != drawn[1]


# ---------------------------------------------------------------------------
# Refusals, repairs and the end
# ---------------------------------------------------------------------------


def test_a_refused_proposal_is_mended_by_another_draw():
    """Not one of the values that failed; the same again after a kill."""
    night = started_night()
    runs = []
    for _ in range(2):
        researcher, seen = Offline(), []
        proposal = researcher.propose(night.brief())
        for _ in range(3):
            assert changes(night.brief(), proposal)
            seen.append(proposal.source)
            proposal = researcher.repair(night.brief(), proposal, "CUDA out of memory")
        runs.append([*seen, proposal.source])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 4


def test_heads_divide_the_width():
    """What the file's text asks of its constants is not left to the preflight."""
    night = started_night()
    for _ in range(40):
        proposal = night.step()
        values = read(proposal.source, "cpu").values
        assert values["D_MODEL"] % values["N_HEAD"] == 0
    assert len({read(s, "cpu").values["N_HEAD"] for s in night.sources.values()}) > 1


def test_without_a_declared_constant_it_says_what_to_add():
    """Exhausted, with an example of a range."""
    night = started_night(f"LEARNING_RATE = 2e-3  # peak\n{LOADER}")
    with pytest.raises(Exhausted, match=r"no constant with a range.*\[1e-4, 1e-2\] log"):
        night.propose()


def test_a_small_space_is_used_up_before_it_ends():
    """Every value is proposed once; then it says so, and has nothing to mend with."""
    night = started_night(f"A = 2  # [1, 4]\nB = 1  # [1, 3]\n{LOADER}")
    seen = set()
    for _ in range(11):
        seen.add(tuple(read(night.step().source, "cpu").values.values()))
    assert len(seen | {(2, 1)}) == 12
    with pytest.raises(Exhausted, match="every value .*: A, B"):
        night.propose()
    last = Offline()
    assert last.repair(night.brief(), Offline().propose(started_night().brief()), "no") is None


def test_the_name_is_offline():
    """`--researcher offline`, with nothing after it."""
    assert make(("offline",), Where(Path())).name == "offline"
    with pytest.raises(Misuse, match="nothing more"):
        make(("offline", "7"), Where(Path()))


# ---------------------------------------------------------------------------
# Curves
# ---------------------------------------------------------------------------

KNOBS = read(REAL, "cpu").values


def curve(loss, frontier=lambda i: {"add": 4}, n=50, **last):
    rows = [
        {"step": 100 * i, "seconds": i, "progress": i / n, "loss": loss(i), "frontier": frontier(i)}
        for i in range(1, n + 1)
    ]
    rows[-1] |= last
    return rows


SYMPTOMS = {
    "falling": (curve(lambda i: 3 * 0.97**i), ("LEARNING_RATE", True), "still falling"),
    "flat": (curve(lambda i: 1.0, lambda i: {"add": 4 + i}), ("D_MODEL", True), "no longer fell"),
    "not finite": (curve(lambda i: math.nan if i == 9 else 1.0), ("LEARNING_RATE", False), "900"),
    "jumps": (
        curve(lambda i: 9.0 if i % 8 == 7 else 1.0),
        ("GRAD_CLIP", False),
        "jumped 6 times",
    ),
    "warm-up": (curve(lambda i: 1.0, n=2), ("WARMUP_STEPS", False), "50% of the 200 steps"),
    "stuck": (curve(lambda i: 1.0), ("DEFAULT_SHARE", True), "1 of 1 frontiers never moved"),
    "late": (
        curve(lambda i: 1.0, lambda i: {"add": 4 + 4 * (i > 40)}),
        ("PROMOTE_AT", False),
        "moved at 82% of the budget",
    ),
    "hasty": (
        curve(lambda i: 1.0, lambda i: {"add": 4 + i}, exact_match={"add:4": 0.25, "add:64": 0}),
        ("PROMOTE_AT", True),
        "add:4 was right at 25% with the frontier at 54",
    ),
    "none": ([], ("LEARNING_RATE", True), "no curve"),
}


@pytest.mark.parametrize(("rows", "move", "said"), SYMPTOMS.values(), ids=SYMPTOMS.keys())
def test_a_symptom_moves_its_constant(rows, move, said):
    """Which constant, which way, and the figure that says so."""
    found = {(s.constant, s.up): s.why for s in suggestions(rows, KNOBS)}
    assert said in found[move]
    assert len({constant for constant, _ in found}) == len(found), "a constant twice"


def test_a_good_curve_suggests_nothing():
    """Frontiers that moved, easy levels right, a loss that fell slowly: draws decide."""
    exact = {"add:4": 1.0}
    rows = curve(lambda i: 3 * 0.994**i, lambda i: {"add": 4 + i}, exact_match=exact)
    assert list(suggestions(rows, KNOBS)) == []


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(["step", "loss", "progress", "frontier", "exact_match", "seconds"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(KEYS, JUNK, min_size=4), max_size=20))
def test_telemetry_may_be_anything(rows):
    """Edited code writes it: what is no curve suggests something or nothing, and never fails."""
    assert all(suggestion.why for suggestion in suggestions(rows, KNOBS))


def test_the_first_proposals_come_from_the_incumbents_curve(tmp_path):
    """One constant each, none again that was in vain, the same way on where it helped."""
    night = started_night(REAL, lambda v: 0.5 + 0.1 * (v["LEARNING_RATE"] == 0.004), tmp_path)
    for number in (0, 1):
        folder = tmp_path / f"experiments/{number:04d}/{judge.seeds(night.history)[0]}"
        folder.mkdir(parents=True)
        lines = map(json.dumps, SYMPTOMS["falling"][0])
        (folder / "metrics.jsonl").write_text("\n".join(lines))
    told = [night.step().hypothesis for _ in range(4)]
    why = "loss still falling at the end (1 → 0.75)"
    assert told[0] == f"LEARNING_RATE 0.002 → 0.004: for faster learning; the baseline: {why}"
    assert told[1] == f"LEARNING_RATE 0.004 → 0.008: for faster learning; experiment 1: {why}"
    assert told[2] == f"BATCH 16 → 8: for more steps in the same time; experiment 1: {why}"
    assert told[3].startswith("COOLDOWN 0.6 → 0.4")


# ---------------------------------------------------------------------------
# What the experiments say
# ---------------------------------------------------------------------------


def test_gains_add_up_along_the_line_of_one_constant_only():
    """A value tried on a better incumbent is compared without what others brought it."""
    rates = {3e-4: 0.0, 6e-4: 0.05, 1e-3: 0.08}
    night = started_night(
        trial=lambda v: 0.4 + rates[v["LEARNING_RATE"]] + 0.1 * (v["PROMOTE_AT"] == 0.8)
    )
    for values in ({"LEARNING_RATE": 6e-4}, {"PROMOTE_AT": 0.8}, {"LEARNING_RATE": 1e-3}):
        night.finish(night.add(set_constants(night.brief().source, values, "cpu")))
    structural = night.add(night.brief().source + "\nprint()\n")
    night.finish(structural)
    evidence = Evidence(night.history, lambda n: read(night.sources[n], "cpu"))
    points = {p.values["LEARNING_RATE"]: p.gain for p in evidence.points(["LEARNING_RATE"])}
    assert points == pytest.approx(rates, abs=0.05), "as far as one trial each is believed"
    assert points[3e-4] < points[6e-4] < points[1e-3]
    assert structural not in evidence.tried
    assert evidence.keeps_and_misses(["PROMOTE_AT", "BATCH"]) == (1, 0)


def test_a_constant_that_became_one_to_tune_is_no_obstacle():
    """Ranges are comments: the rest of the text is the same, and the constant is new."""
    base = "SKIP = 0\nA = 1.0  # [0.5, 2]\n"
    night = started_night(base)
    night.finish(night.add(base.replace("SKIP = 0", "SKIP = 2  # [0, 4]")))
    evidence = Evidence(night.history, lambda n: read(night.sources[n], "cpu"))
    assert evidence.tried == {}


def test_a_value_beyond_its_range_is_not_moved_the_wrong_way(tmp_path):
    """0.05 with a range that ends at 0.01: to move it up is no step to 0.01."""
    far = set_constants(REAL, {"LEARNING_RATE": 0.05}, "cpu")
    night = started_night(far, results=tmp_path)
    folder = tmp_path / f"experiments/0000/{judge.seeds(night.history)[0]}"
    folder.mkdir(parents=True)
    lines = map(json.dumps, SYMPTOMS["falling"][0])
    (folder / "metrics.jsonl").write_text("\n".join(lines))
    assert "for faster learning" not in night.step().hypothesis


def true_accuracy(values):
    """Smooth, with its best at a rate of 0.004, a width of 160 and batches of 64."""
    rate = math.log10(values["LEARNING_RATE"] / 4e-3)
    width, batch = math.log2(values["D_MODEL"] / 160), math.log2(values["BATCH"] / 64)
    return 0.7 - 0.2 * rate**2 - 0.2 * width**2 - 0.02 * batch**2


def test_sixty_proposals_beat_chance():
    """A better incumbent than that of as many draws over the whole ranges, under noise."""
    ours, chance = [], []
    for campaign in range(8):
        noise = random.Random(campaign)

        def trial(values, noise=noise):
            return true_accuracy(values) + noise.gauss(0, 0.01)

        night = Night(SMALL, trial, campaign=str(campaign))
        night.finish(0)
        for _ in range(60):
            night.step()
        ours.append(true_accuracy(night.best))
        drawn = [
            {k.name: noise.choice(k.spread(50)) for k in read(SMALL, "cpu").knobs}
            for _ in range(60)
        ]
        chance.append(true_accuracy(max(drawn, key=trial)))
    assert mean(ours) > mean(chance) + 0.02
    assert mean(ours) > 0.65


def test_values_that_fail_are_drawn_less_and_less():
    """Widths over 96 run out of memory: a third of what is near, soon a tenth of the draws."""
    text = f"WIDTH = 64  # [8, 512]\nRATE = 0.01  # [1e-4, 1] log\n{LOADER}"
    failed = [0] * 8  # of 30 proposals, five of each campaign
    for campaign in range(6):

        def trial(values):
            if values["WIDTH"] > 96:
                return "out_of_memory"
            return 0.5 - 0.1 * (math.log10(values["RATE"]) + 1.5) ** 2

        night = Night(text, trial, campaign=str(campaign))
        night.finish(0)
        for i in range(40):
            night.step()
            failed[i // 5] += night.history.verdict_of(i + 1).decision == "crash"
    assert sum(failed[4:]) / 120 < 0.18
    assert mean(failed[4:]) < 0.75 * failed[0]
