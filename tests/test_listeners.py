"""Listeners: told of each new history off the loop's thread, and never the campaign's business."""

import sys
import time
from threading import Event

import pytest
from conftest import fill, until

from harness.history import History
from harness.listeners import Listeners


def test_each_is_called_with_the_newest_history(tmp_path):
    """Nothing piles up behind a slow listener: it hears of the first and then of the last."""
    gate, heard, quick = Event(), [], []

    def slow(history):
        heard.append(history)
        gate.wait()

    listeners = Listeners({"slow": slow, "quick": quick.append}, tmp_path / "errors")
    histories = [History() for _ in range(1000)]
    begun = time.monotonic()
    listeners.tell(histories[0])
    until(lambda: heard)
    for history in histories:
        listeners.tell(history)
    assert time.monotonic() - begun < 2, "the loop waited for a listener"
    gate.set()
    assert listeners.end()
    assert [histories.index(history) for history in heard] == [0, 999]
    assert quick[-1] is histories[-1]
    assert listeners.failures == 0


@pytest.mark.parametrize(
    "error", [ValueError("two\nlines \x1b[31m"), SystemExit(3), KeyboardInterrupt()]
)
def test_one_that_raises_is_counted_and_the_others_hear(tmp_path, error):
    """Whatever is raised, it is one line of a file, and everybody goes on being called."""
    heard = []

    def bad(history):
        raise error

    listeners = Listeners({"bad": bad, "good": heard.append}, tmp_path / "errors")
    for _ in range(3):
        listeners.tell(History())
        assert listeners.end()
    assert listeners.failures == 3
    assert len(heard) == 3
    (line,) = (tmp_path / "errors").read_text().splitlines()
    assert line.startswith(f"bad: {type(error).__name__}")
    assert line.isprintable()


def test_one_that_hangs_is_left_aside(tmp_path):
    """The others are called without it, and it hears again once it has come back."""
    gate, heard, others = Event(), [], []

    def hangs(history):
        heard.append(history)
        gate.wait()

    listeners = Listeners({"hangs": hangs, "other": others.append}, tmp_path / "e", hangs_s=0.1)
    first, second, third = History(), History(), History()
    listeners.tell(first)
    begun = time.monotonic()
    assert not listeners.end(within_s=2.0), "one has not come back"
    assert time.monotonic() - begun < 2.0, "nobody waits for one that hangs"
    assert others == [first]
    assert listeners.failures == 1
    assert "hangs: has not come back" in listeners.said
    listeners.tell(second)
    listeners.end()
    assert others == [first, second]
    gate.set()
    until(lambda: listeners.end(within_s=0.1))
    listeners.tell(third)
    assert listeners.end()
    assert heard[-1] is third
    assert others == [first, second, third]


def test_the_end_is_bounded(tmp_path):
    """A listener that hangs keeps the campaign's end for the time it is given and no longer."""
    gate = Event()
    listeners = Listeners({"hangs": lambda history: gate.wait()}, tmp_path / "errors")
    listeners.tell(History())
    begun = time.monotonic()
    assert not listeners.end(within_s=0.3)
    assert time.monotonic() - begun < 2.0
    gate.set()


def test_who_knows_the_history_is_called_again(tmp_path):
    """Where something beside it has changed, and only then."""
    heard, history = [], History()
    listeners = Listeners({"one": heard.append}, tmp_path / "errors")
    for again in (False, False, True):
        listeners.tell(history, again=again)
        assert listeners.end()
    assert heard == [history, history]


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_one_that_fills_the_disk(small_disk):
    """What cannot even be written down is counted still."""
    listeners = Listeners({"fills": lambda history: fill_and_write(small_disk)}, small_disk / "e")
    listeners.tell(History())
    assert listeners.end()
    assert listeners.failures == 1
    assert "No space left" in listeners.said


def fill_and_write(disk):
    fill(disk)
    (disk / "more").write_bytes(bytes(4096))


def test_nothing_told_nothing_run(tmp_path):
    """Without a history there is nothing to wait for, nor without listeners."""
    assert Listeners({"never": lambda history: 1 / 0}, tmp_path / "errors").end()
    listeners = Listeners({}, tmp_path / "errors")
    listeners.tell(History())
    assert listeners.end()
    assert not (tmp_path / "errors").exists()
