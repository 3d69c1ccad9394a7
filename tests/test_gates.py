"""The gates: what they let pass, what they refuse, and that each reason can be acted on."""

import json
import re
from pathlib import Path

import pytest
from briefs import PASSES, make_brief
from hypothesis import given, settings
from hypothesis import strategies as st
from test_history import START, experiment

from harness.errors import Misuse
from harness.experiment import Proposal, Proposed
from harness.gates import Passed, Refusal, check
from harness.history import History
from harness.ledger import Entry
from harness.preflight import Flight
from harness.researcher import Exhausted, Where, make
from harness.researcher.prepare import prepare
from harness.syntax import NoConstant, fingerprint, set_constants

ROOT = Path(__file__).resolve().parent.parent
TOY = Path(__file__).with_name("toy_train.py").read_text()
REAL = (ROOT / "train.py").read_text()
PLAIN = (ROOT / "inspirations" / "plain_transformer.py").read_text()
LOADER = "\n\ndef load_solver(checkpoint, device):\n    return lambda questions: questions\n"


# ---------------------------------------------------------------------------
# Novelty
# ---------------------------------------------------------------------------

SAME = {
    "comments and spacing": ("LEARNING_RATE = 0.1  # Adam's", "LEARNING_RATE  =  0.1  # no one's"),
    "a docstring": ('"""Each place of the answer looks', '"""Every place of the answer looks'),
    "a seed": ("torch.manual_seed(args.seed)", "torch.manual_seed(args.seed + 1337)"),
    "another seed": ("random.Random(args.seed)", "random.Random(42 + 0)"),
}
NEW = {
    "a constant": ("LEARNING_RATE = 0.1", "LEARNING_RATE = 0.11"),
    "a name": ("self.symbols", "self.letters"),
    "an operator": ("step + 1, loss", "step + 2, loss"),
}


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME.keys())
def test_nothing_new(old, new):
    """Comments, spacing, docstrings and seeds are no change."""
    changed = TOY.replace(old, new)
    assert changed != TOY
    if "Random(42" in new:  # a fixed seed instead of the given one is new, and then all are alike
        assert fingerprint(changed) == fingerprint(TOY.replace(old, "random.Random(7 + 0)"))
    else:
        assert fingerprint(changed) == fingerprint(TOY)


@pytest.mark.parametrize(("old", "new"), NEW.values(), ids=NEW.keys())
def test_something_new(old, new):
    """Anything that runs is a change."""
    assert fingerprint(TOY.replace(old, new)) != fingerprint(TOY)


def test_what_was_tried_is_refused_with_its_number():
    """The reason names the experiment that it repeats."""
    history = History()
    history.fingerprints = {fingerprint(TOY)[0]: 7}
    refused = check(TOY + "\n# nothing\n", history)
    assert isinstance(refused, Refusal)
    assert refused.gate == "novelty"
    assert "experiment 7" in refused.reason


# ---------------------------------------------------------------------------
# The audit
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("source", [TOY, REAL], ids=["toy", "train.py"])
def test_honest_files_pass(source):
    """Our own train.py, and a small one."""
    assert isinstance(check(source, History()), Passed)


REFUSED = {
    "subprocess": ("import subprocess", "`subprocess`"),
    "a process by os": ("import os\nos.system('ls')", r"line 2.*`.system\(\)`"),
    "fork": ("import os\nos.fork()", r"`.fork\(\)`"),
    "socket": ("import socket", "`socket`"),
    "urllib": ("from urllib.request import urlopen", "`urllib.request`"),
    "ctypes": ("import ctypes", "`ctypes`"),
    "a library that is not there": ("import requests", "`requests`.*torch, numpy"),
    "the harness": ("from harness.evaluate import evaluate", "`harness.evaluate`"),
    "the harness by name": ("from harness import controls", "`harness.controls`"),
    "exec": ("exec('x = 1')", "`exec`"),
    "getattr": ("getattr(int, 'real')", "`getattr`"),
    "globals": ("globals()", "`globals`"),
    "sys.modules": ("import sys\nsys.modules['x'] = 1", "`sys.modules`"),
    "sys.path": ("import sys\nsys.path.insert(0, 'x')", "`sys.path`"),
    "an absolute path": ("open('/etc/passwd')", "'/etc/passwd'.*--out"),
    "a path upwards": ("from pathlib import Path\nPath('../other')", "'../other'"),
    "home": ("from pathlib import Path\nPath.home()", r"`.home\(\)`"),
    "the frame": ("import sys\nsys._getframe()", "`._getframe`"),
    "a link": ("import os\nos.symlink('a', 'b')", r"`.symlink\(\)`"),
    "fork by another name": ("import os\nbegin = os.fork", "`os.fork`"),
    "a module by another name": ("import os as o\nf = [o.fork]", "`os.fork`"),
    "a method put aside": ("from pathlib import Path\nf = Path.symlink_to", "`pathlib.Path.sym"),
    "torch's sockets": ("import torch\ntorch.distributed.TCPStore", "`torch.distributed`"),
    "torch's, imported": ("from torch import distributed", "`torch.distributed`"),
    "torch's downloads": ("import torch.hub", "`torch.hub`"),
    "logging over a socket": ("import logging.handlers", "`logging.handlers`"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_training_does_not_need_is_refused(text, said):
    """Line, what, and a remedy after a semicolon."""
    refused = check(text + LOADER, History())
    assert isinstance(refused, Refusal)
    assert refused.gate == "audit"
    assert re.search(said, refused.reason), refused.reason
    assert re.match(r"train.py line \d+: .+; .+", refused.reason)


def test_names_of_ones_own_are_free():
    """A model may have a link, a fork and a home; only what an import brought is looked at."""
    text = "class Model:\n    def see(self):\n        return self.link, self.fork, self.nice\n"
    assert isinstance(check(text + LOADER, History()), Passed)


@pytest.mark.parametrize("text", ["def (", "x = 1\0", "x = " + "(" * 500, "\ud800"])
def test_what_cannot_be_read_is_refused(text):
    """A syntax error is a refusal that names the line, and never an exception."""
    refused = check(text, History())
    assert isinstance(refused, Refusal)
    assert refused.gate == "parse"
    assert refused.is_broken


def test_a_solver_that_leads_out_is_refused():
    """The rules of the slice hold before any training."""
    text = "def load_solver(checkpoint, device):\n    return open('x')\n"
    refused = check(text, History())
    assert isinstance(refused, Refusal)
    assert "`open`" in refused.reason


# ---------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------


def test_a_constant_keeps_its_comment_and_column():
    """Only the value changes; what follows stays where it was while there is room."""
    text = "A = 1    # unit\nB: int = 2\n"
    assert set_constants(text, {"A": 1000, "B": 3}, "cpu") == "A = 1000 # unit\nB: int = 3\n"


def test_the_preset_of_the_campaign_is_set():
    """Of a value for each preset, its own; a whole dict replaces the whole."""
    text = 'A = {"cpu": 1, "gpu": 22}  # é unit\n'
    assert set_constants(text, {"A": 5}, "gpu") == 'A = {"cpu": 1, "gpu": 5}   # é unit\n'
    first = set_constants(text, {"A": 10}, "cpu")
    assert first == 'A = {"cpu": 10, "gpu": 22} # é unit\n', "the comment keeps its column"
    odd = "A = {'cpu': 1, '#': 2}   # unit\n"
    assert set_constants(odd, {"A": [3, 4]}, "cpu") == "A = [3, 4]               # unit\n"
    assert "{'cpu': 9}" in set_constants(text, {"A": {"cpu": 9}}, "gpu")
    with pytest.raises(NoConstant, match="no value for the preset mps"):
        set_constants(text, {"A": 5}, "mps")
    other = 'SKILLS = {"copy": 1}\n'
    assert set_constants(other, {"SKILLS": 5}, "cpu") == "SKILLS = 5\n"


def test_constants_that_are_none_are_refused():
    """A name that the file does not define, or that is no constant's."""
    for name in ("MISSING", "lower", "A.b"):
        with pytest.raises(NoConstant, match=re.escape(name)):
            set_constants("A = 1\n", {name: 2}, "cpu")


def test_every_constant_of_train_py_can_be_set():
    """Each takes another value, and the rest of the file stays as it is, byte by byte."""
    names = re.findall(r"^([A-Z][A-Z0-9_]+) +=", REAL, re.MULTILINE)
    assert len(names) > 20
    for name in names:
        changed = set_constants(REAL, {name: 12345}, "cpu")
        before, after = REAL.splitlines(), changed.splitlines()
        different = [
            i for i, pair in enumerate(zip(before, after, strict=False)) if len(set(pair)) > 1
        ]
        assert "12345" in changed
        assert different, name
        compile(changed, "train.py", "exec")


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["A", "B", "C"]), st.integers() | st.floats(allow_nan=False))
)
def test_constants_come_back(values):
    """What was set is what the file then says."""
    text = "A = 1  # a\nB = (1,\n     2)\nC = 'é'; D = 4\n"
    found = {}
    exec(set_constants(text, values, "cpu"), {"inf": float("inf")}, found)
    assert {name: found[name] for name in values} == values
    assert found["D"] == 4


# ---------------------------------------------------------------------------
# The list researcher
# ---------------------------------------------------------------------------


def brief(proposals=0, try_out=None):
    history = History()
    history.records = dict.fromkeys(range(proposals + 1))
    return make_brief(history=history, try_out=try_out)


def listed(tmp_path, *lines):
    path = tmp_path / "list.jsonl"
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    )
    return make(("list", str(path)), Where(tmp_path))


def test_a_list_proposes_in_order_and_then_no_more(tmp_path):
    """Source, file, constants and replacements; comments and empty lines are skipped."""
    (tmp_path / "new.py").write_text("A = 4\n")
    researcher = listed(
        tmp_path,
        "# a list",
        {"hypothesis": "one", "source": "A = 2\n", "kind": "tuning", "expected": 0.5},
        "",
        {"hypothesis": "two", "constants": {"A": 3}},
        {"hypothesis": "three", "file": "new.py"},
        {"hypothesis": "four", "replace": [["A = 1", "A = 5"]]},
    )
    proposals = [researcher.propose(brief(n)) for n in range(4)]
    assert [p.source for p in proposals] == [f"A = {n}\n" for n in (2, 3, 4, 5)]
    assert (proposals[0].kind, proposals[0].expected) == ("tuning", 0.5)
    assert researcher.repair(brief(), proposals[0], "no") is None
    with pytest.raises(Exhausted, match="4 edits"):
        researcher.propose(brief(4))


def test_the_list_of_the_pictures_applies_to_train_py():
    """Each edit alone, at the size for a CPU: a change, and one that the gates let pass."""
    lines = (ROOT / "scripts" / "ideas.jsonl").read_text().splitlines()
    edits = [json.loads(line)["constants"] for line in lines]
    found = [check(set_constants(REAL, edit, "cpu"), History()) for edit in edits]
    assert all(isinstance(passed, Passed) for passed in found), found
    assert len({passed.fingerprint for passed in found} | {fingerprint(REAL)[0]}) == 21


def test_an_edit_that_does_not_apply_is_a_refusal(tmp_path):
    """With what does not fit as its reason, and what is like it; the list goes on."""
    lines = [{"hypothesis": "h", "replace": [["A = 9", "A = 5"]]}]
    lines.append({"hypothesis": "h", "replace": [["x" * 500, "A = 5"]]})
    lines.append({"hypothesis": "h", "constants": {"AA": 5}})
    lines.append({"hypothesis": "h", "constants": {"LEARNING_RAT": 5}})
    researcher = listed(tmp_path, *lines)
    told = (
        "'A = 9' occurs 0 times, and should once; line 1 is 'A = 1'",
        f"'{'x' * 120}…' occurs 0 times, and should once",
        "train.py has no constant AA; is A meant?",
        "train.py has no constant LEARNING_RAT",
    )
    for number, said in enumerate(told):
        found = prepare(brief(number), researcher)
        assert found.refused.gate == "parse"
        assert found.refused.reason.endswith(said)
        assert found.proposal.source == brief().source


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 1"),
        ([], "hypothesis"),
        ({"source": "x"}, "hypothesis"),
        ({"hypothesis": "h"}, "one of source, file, constants, replace"),
        ({"hypothesis": "h", "source": "x", "constants": {}}, "one of"),
        ({"hypothesis": "h", "source": "x", "sauce": 1}, "'sauce'.*unknown"),
        ({"hypothesis": "h", "source": 3}, "`source` is 3"),
        ({"hypothesis": "h", "source": "x", "expected": "much"}, "'much'"),
        ({"hypothesis": "h", "file": "missing.py"}, "missing.py"),
    ],
)
def test_a_bad_list_is_refused_by_line(tmp_path, line, said):
    """Before anything is begun, with the line's number."""
    with pytest.raises(Misuse, match=said):
        listed(tmp_path, line)


def test_researchers_that_are_none_are_refused(tmp_path):
    """An unknown name, a missing file, an empty list."""
    for words, said in (
        (("oracle",), "oracle"),
        (("list",), "takes one file"),
        (("list", str(tmp_path / "none.jsonl")), "none.jsonl"),
    ):
        with pytest.raises(Misuse, match=said):
            make(words, Where(tmp_path))
    with pytest.raises(Misuse, match="holds no edit"):
        listed(tmp_path, "# nothing")


# ---------------------------------------------------------------------------
# Repair rounds
# ---------------------------------------------------------------------------


class Mender:
    """A researcher that hands in these sources, one after another."""

    name = "mender"

    def __init__(self, *sources):
        self.sources, self.told = list(sources), []

    def propose(self, brief):
        return Proposal("an idea", self.sources.pop(0), self.name)

    def repair(self, brief, proposal, reason):
        self.told.append(reason)
        return Proposal("an idea", self.sources.pop(0), self.name) if self.sources else None


def fly(source):
    return Flight("failed", "NameError: x") if "x" in source.splitlines()[0] else PASSES


def test_refusals_go_back_to_be_mended():
    """Each gate's reason reaches the researcher; what passes in the end is what is prepared."""
    researcher = Mender("def (", "import socket" + LOADER, "x" + LOADER, "A = 1" + LOADER)
    prepared = prepare(brief(try_out=fly), researcher)
    assert prepared.refused is None
    assert prepared.flight == PASSES
    assert prepared.proposal.source.startswith("A = 1")
    assert ["syntax" in researcher.told[0], "socket" in researcher.told[1]] == [True, True]
    assert researcher.told[2] == "NameError: x"


def test_a_source_is_not_flown_twice():
    """A researcher that tried its edit itself does not wait for the same preflight again."""
    flown = []
    found = brief(try_out=lambda source: flown.append(source) or PASSES)
    assert found.gates.rule("A = 1" + LOADER).refused is None
    prepared = prepare(found, Mender("A = 1" + LOADER))
    assert prepared.flight == PASSES
    assert len(flown) == 1
    found.gates.rule("A = 2" + LOADER)
    assert len(flown) == 2


def test_what_mends_a_crash_stands_on_what_that_stood_on():
    """Its source is the crashed one's: an incumbent of meanwhile is merged and not undone."""
    past = [START, *(Proposed(experiment(n, parent=max(0, n - 1))) for n in range(3))]
    stamp = "2026-01-31T22:00:00+00:00"
    found = make_brief(history=History.of(Entry(stamp, event) for event in past), incumbent=2)

    class Mending(Mender):
        def mend(self, brief, number):
            return Proposal("mended", self.sources.pop(0), self.name, mends=number)

    prepared = prepare(found, Mending("A = 1" + LOADER), crashed=1)
    assert (prepared.proposal.mends, prepared.parent) == (1, 0)
    prepared = prepare(found, Mender("A = 2" + LOADER))
    assert prepared.parent == 2


def test_after_three_repairs_it_is_refused():
    """The fourth version that fails is not handed back again."""
    researcher = Mender(*["def ("] * 9)
    prepared = prepare(brief(try_out=fly), researcher)
    assert prepared.refused.gate == "parse"
    assert len(researcher.told) == 3
    assert len(researcher.sources) == 5


def test_what_cannot_be_mended_is_refused():
    """A researcher that gives up ends the rounds."""
    prepared = prepare(brief(try_out=fly), Mender("x" + LOADER))
    assert prepared.refused == Refusal("preflight", "NameError: x")
    assert prepared.refused.is_broken
