"""The constants that may be tuned: what a train.py declares, and what it needs of them."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.knobs import Knob, read
from harness.needs import needs
from harness.syntax import set_constants

TOY = Path(__file__).with_name("toy_train.py").read_text()
REAL = (Path(__file__).resolve().parent.parent / "train.py").read_text()


def knob(text, preset="cpu"):
    (found,) = read(text, preset).knobs
    return found


def test_a_range_makes_a_constant_a_knob():
    """Name, value, range, scale, unit and group, from one line and the comment above."""
    text = "# ----\n# optimiser: all of it\n# ----\n\n"
    text += "RATE: float = 2e-3  # peak, AdamW  [1e-4, 1e-2] log\n"
    assert knob(text) == Knob("RATE", 2e-3, 1e-4, 1e-2, True, "peak, AdamW", "optimiser")
    assert (knob("A = 3  # [0, 9]").value, knob("A = 3  # [0, 9]").is_int) == (3, True)
    assert not knob("A = -3.0  # [-9, 9] linear").is_int


def test_the_preset_of_the_campaign_is_read():
    """Of a value for each preset, its own; of none for it, none."""
    text = 'WIDTH = {"cpu": 64, "gpu": 256}  # [32, 512]'
    assert [knob(text, preset).value for preset in ("cpu", "gpu")] == [64, 256]
    assert read(text, "mps").knobs == ()


@pytest.mark.parametrize(
    "line",
    [
        "A = 3  # no range",
        "A = 3  # [1, 2, 3]",
        "A = 3  # [low, high]",
        "A = 3  # [5, 2]",
        "A = 3  # [2, 2]",
        "A = 3  # [0.1, 0.9]",
        "A = 3.0  # [0, 9] log",
        "A = 3.0  # [nan, 9]",
        "A = 3.0  # [0, inf]",
        "A = 3.0  # [0, 1e300]",
        "A = True  # [0, 1]",
        "A = '3'  # [0, 9]",
        "A = 1 + 2  # [0, 9]",
        "A = {'copy': 3}  # [0, 9]",
        "A = B = 3  # [0, 9]",
        "a = 3  # [0, 9]",
        "A = 3  # [0, 9]\nA = 4  # [0, 9]",
        "def f():\n    A = 3  # [0, 9]",
        "A = 3  # [0, 9]\ndef (",
        "A = 3  # [0, 9]\0",
        "x = " + "(" * 500,
    ],
)
def test_what_declares_no_range_is_no_knob(line):
    """Skipped, and never an error."""
    assert read(line, "cpu").knobs == ()


def test_the_constants_of_train_py():
    """Those with a range, for both presets, in the groups of the file."""
    for preset in ("cpu", "gpu"):
        knobs = {found.name: found for found in read(REAL, preset).knobs}
        assert knobs["LEARNING_RATE"].is_log
        assert (knobs["D_MODEL"].group, knobs["BATCH"].group) == ("model", "data and curriculum")
        assert "MAX_LATENTS" not in knobs
        assert read(REAL, preset).constants["MAX_LATENTS"] > 0
    assert [found.name for found in read(TOY, "cpu").knobs] == ["LEARNING_RATE"]


def test_files_that_differ_in_knobs_have_the_same_rest():
    """In their values, comments and spacing; what else differs is told apart."""
    first = read(REAL, "cpu")
    tuned = set_constants(REAL, {"LEARNING_RATE": 0.5, "D_MODEL": 128}, "cpu")
    assert read(tuned, "cpu").rest == first.rest
    assert read(tuned, "cpu").values != first.values
    assert read(REAL + "\n# nothing\n", "cpu").rest == first.rest
    assert read(REAL + "\nprint()\n", "cpu").rest != first.rest
    assert read(set_constants(REAL, {"D_MODEL": 128}, "gpu"), "cpu").rest != first.rest


ENDS = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)


def test_a_text_too_deep_declares_nothing():
    """One that the parser still reads, and what walks its tree does not."""
    assert read(f"X = {'+'.join(['y'] * 3000)}\nA = 1  # [0, 9]\n", "cpu").knobs == ()


@settings(max_examples=300, deadline=None)
@given(
    st.integers(-2000, 2000) | st.floats(-1e7, 1e7), ENDS, ENDS, st.booleans(), st.floats(-1e9, 1e9)
)
def test_every_value_of_a_knob_is_in_its_range(value, low, high, is_log, drawn):
    """Fitted, moved and spread values; an int stays one, and a fitted value fits."""
    for found in read(f"A = {value!r}  # [{low}, {high}]{' log' * is_log}\n", "cpu").knobs:
        near = found.near()
        values = [found.fit(x) for x in (drawn, *near)] + found.spread(7)
        for up in (True, False):
            moved = found.moved(up)
            start = found.fit(found.value)
            assert moved >= start if up else moved <= start
            values.append(moved)
        for x in values:
            assert low <= x <= high
            assert isinstance(x, int) == found.is_int
            assert found.fit(x) == pytest.approx(x)
        assert near[0] <= near[1]
        assert len(found.spread(7)) > 1


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="A=1.5e-# [],log\n\t\r\f'{}:", max_size=60))
def test_reading_never_fails(text):
    """Whatever the text is."""
    for found in read(text, "cpu").knobs:
        assert math.isfinite(found.fit(found.value))


def test_ints_are_tuned_in_multiples_where_there_is_room():
    """Widths in multiples of 8; a few heads or steps one by one."""
    assert knob("A = 64  # [32, 512]").fit(77) == 80
    assert knob("A = 100  # [0, 1000]").fit(77) == 76
    assert knob("A = 4  # [1, 16]").fit(7.2) == 7
    assert knob("A = 0.1  # [0, 1]").fit(0.12345) == 0.12
    assert knob("A = 0.1  # [0.001, 1] log").fit(0.0012345) == 0.0012


def test_what_train_py_needs_is_read_from_its_text():
    """Heads divide the width, and no more latents are used than there are."""
    constants = dict(read(REAL, "cpu").constants)
    found = needs(REAL, constants)
    assert {(need.left, need.right) for need in found} >= {
        ("D_MODEL", "N_HEAD"),
        ("N_LATENTS", "MAX_LATENTS"),
    }
    assert all(need.is_met(constants) for need in found)
    assert not all(need.is_met(constants | {"N_HEAD": 3}) for need in found)
    assert not all(need.is_met(constants | {"N_LATENTS": 9}) for need in found)


def test_what_is_broken_already_is_no_need():
    """A division that leaves a remainder today need not come out even tomorrow."""
    text = "A = 7\nB = 2\nC = 0\nx = A // B\ny = A % C\nassert A > B and 0 < B\nassert A < B\n"
    found = needs(text, read(text, "cpu").constants)
    assert [(need.left, need.right) for need in found] == [("A", "B")]
    assert not found[0].is_met({"A": 1, "B": 2})
    assert needs("def (", {}) == ()
