"""The ledger: what is appended is there, whole, once; what is damaged is refused by its line."""

import dataclasses
import errno
import json
import os
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from conftest import fill
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import experiment as nouns
from harness.errors import Broken, Misuse
from harness.experiment import LevelCount, Outcome, Stopped, Tried
from harness.ledger import Damaged, Entry, Held, Ledger, decode, encode, read, writer_of
from harness.stop_command import stop

STOPPED = Stopped("a limit", True)


def outcome(**changes):
    fields = {
        "experiment": 1,
        "seed": 7,
        "status": "ok",
        "levels": (LevelCount("add:4", 3, 4),),
        "reason": "",
        "train_s": 1.0,
        "score_s": 2.0,
        "cpu_s": 1.5,
        "solve_s": None,
        "steps": 10,
        "samples": None,
        "memory_mb": 20.5,
        "slot": 0,
        "sandbox": "bwrap",
        "checkpoint": "",
    }
    return Outcome(**(fields | changes))


def strategy(kind):
    """Any value that fits an annotation."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.builds(
            kind, **{f.name: strategy(hints[f.name]) for f in dataclasses.fields(kind)}
        )
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return st.lists(strategy(arguments[0]), max_size=2).map(tuple)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if arguments:  # X | None
        return st.one_of(*map(strategy, arguments))
    simple = {
        str: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        int: st.integers(),
        bool: st.booleans(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        type(None): st.none(),
    }
    return simple[kind]


@settings(max_examples=200, deadline=None)
@given(st.one_of(*map(strategy, typing.get_args(nouns.Event))))
def test_every_event_comes_back_as_it_was(event):
    """What is written of an event is one line, and gives an equal event."""
    line = encode(Entry("2026-01-31T22:00:00.000+00:00", event))
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert decode(line).event == event


def test_what_is_appended_is_there(tmp_path):
    """Two ledgers in turn on one file: all events of both, in order."""
    path = tmp_path / "ledger.jsonl"
    for name in ("one", "two"):
        with Ledger(path) as ledger:
            ledger.append(Stopped(name, False))
    assert [entry.event.reason for entry in read(path)] == ["one", "two"]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_trimmed(tmp_path, cut):
    """The line that a kill left half written does not count, and the next one is whole."""
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        ledger.append(Stopped("whole", False))
        ledger.append(Stopped("torn", False))
    path.write_bytes(path.read_bytes()[:-cut])
    assert [entry.event.reason for entry in read(path)] == ["whole"]
    with Ledger(path) as ledger:
        assert [entry.event.reason for entry in ledger.entries] == ["whole"]
        ledger.append(Stopped("next", False))
    assert [entry.event.reason for entry in read(path)] == ["whole", "next"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (b"nonsense", "line 2"),
        (b"\xff\xfe", "line 2"),
        (b"[]", "line 2: no JSON object"),
        (b'{"v": 2, "time": "x", "type": "stopped"}', "version 2"),
        (b'{"v": 1, "time": "x", "type": "won"}', "unknown type 'won'"),
        (b'{"v": 1, "time": "x", "type": "stopped", "reason": "a"}', "missing"),
        (b'{"v": 1, "time": "x", "type": "stopped", "reason": 1, "is_finished": true}', "reason"),
    ],
)
def test_damage_in_the_middle_is_refused_by_line(tmp_path, damage, said):
    """The line is named, and what stands before it can be read."""
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        for name in ("one", "two", "three"):
            ledger.append(Stopped(name, False))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = damage + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(Damaged, match=said) as damaged:
        Ledger(path)
    assert isinstance(damaged.value, Broken)
    assert damaged.value.line == 2
    assert [entry.event.reason for entry in damaged.value.readable] == ["one"]
    assert writer_of(path) is None, "a ledger that was refused is not held"


def test_a_status_that_nobody_knows_is_an_error():
    """Unknown must never mean success."""
    line = json.loads(encode(Entry("x", Tried(outcome()))))
    line["outcome"]["status"] = "fine"
    with pytest.raises(ValueError, match="'fine' does not fit"):
        decode(json.dumps(line))


def test_no_number_that_is_none():
    """NaN and infinity are not JSON; they are refused when written."""
    with pytest.raises(ValueError, match="JSON"):
        encode(Entry("x", Tried(outcome(train_s=float("nan")))))


def test_looking_for_the_writer_takes_no_lock_from_it(tmp_path):
    """The lock of a harness that is gone is left alone, so that the next one finds it free."""
    path = tmp_path / "ledger.jsonl"
    assert writer_of(path) is None
    assert not path.with_name(".lock").exists()
    with Ledger(path):
        assert writer_of(path) == os.getpid()
    path.with_name(".lock").write_text("999999999")
    assert writer_of(path) is None
    assert path.with_name(".lock").read_text() == "999999999"


def test_stop_ends_nothing_that_ends_by_itself(tmp_path, monkeypatch, capsys):
    """A sealed set that is asked: it is asked to end, and goes on; after a while that is said."""
    path = tmp_path / "results" / "night" / "ledger.jsonl"
    path.parent.mkdir(parents=True)
    code = (
        "import sys, time; from pathlib import Path; from harness import __main__ as command\n"
        "from harness.ledger import Ledger\n"
        "def seal(args, words):\n"
        "    with Ledger(Path(sys.argv[1])):\n"
        "        print('up', flush=True); time.sleep(3)\n"
        "    return 7\n"
        "command.dispatch = seal\n"
        "sys.exit(command.main(['seal', 'night']))"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    holder.stdout.readline()
    monkeypatch.chdir(tmp_path)
    assert stop("night", False, most_s=0.5) == 1
    assert "night is at work still" in capsys.readouterr().err
    assert holder.wait(timeout=30) == 7
    holder.stdout.close()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="takes another user")
def test_another_user_sees_who_writes(tmp_path):
    """A board that may read the ledger, though not write its lock."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    path = tmp_path / "ledger.jsonl"
    code = (
        "import fcntl, os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "import harness.ledger\n"
        "os.setuid(65534)\n"
        "print(harness.ledger.writer_of(Path(sys.argv[1])))"
    )
    with Ledger(path):
        words = [sys.executable, "-c", code, str(path), str(Path(__file__).parents[1])]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == str(os.getpid()), done.stderr


def test_a_second_writer_is_refused(tmp_path):
    """Another process gets the holder's number; when the holder is killed, the ledger is free."""
    path = tmp_path / "ledger.jsonl"
    code = (
        "import sys, time; from pathlib import Path; from harness.ledger import Ledger\n"
        "with Ledger(Path(sys.argv[1])): print('up', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    holder.stdout.readline()
    assert writer_of(path) == holder.pid
    with pytest.raises(Held, match=f"process {holder.pid}") as held:
        Ledger(path)
    assert isinstance(held.value, Misuse)
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert writer_of(path) is None
    with Ledger(path) as ledger:
        ledger.append(STOPPED)


def test_a_full_disk_leaves_the_ledger_whole(small_disk):
    """An append that finds no room raises ENOSPC and leaves no half line; with room it works."""
    path = small_disk / "ledger.jsonl"
    with Ledger(path) as ledger:
        ledger.append(STOPPED)
        ballast = fill(small_disk)
        big = Stopped("x" * 20_000, False)
        with pytest.raises(OSError, match="No space left") as full:
            ledger.append(big)
        assert full.value.errno == errno.ENOSPC
        assert len(read(path)) == 1
        ballast.unlink()
        ledger.append(big)
    assert [entry.event for entry in read(path)] == [STOPPED, big]
