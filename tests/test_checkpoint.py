"""A checkpoint is read without unpickling: honest files whole, hostile ones refused at once."""

import io
import json
import math
import struct
import subprocess
import sys
import time
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from harness import checkpoint, score
from harness.evaluation import Refused

HERE = Path(__file__).resolve().parent
TENSOR = (
    b"ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n%sStorage\nX\1\0\0\0%dX\3\0\0\0cpu"
    b"%stQK\0(%st(%st\x89ccollections\nOrderedDict\n)RtR"
)


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def archive(pickled, records=(), kind=zipfile.ZIP_STORED, **others):
    """The file that torch.save would write of this data.pkl and these records."""
    buffer = io.BytesIO()
    files = {"data.pkl": pickled, "byteorder": b"little"} | {k: v for k, v in others.items() if v}
    with zipfile.ZipFile(buffer, "w", kind) as new:
        for name, data in (*files.items(), *((f"data/{i}", d) for i, d in enumerate(records))):
            new.writestr(f"archive/{name}", data)
    return buffer.getvalue()


def number(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def tensor(items, shape, strides, kind=b"Float", record=0):
    sizes = (b"".join(map(number, sizes)) for sizes in (shape, strides))
    return TENSOR % (kind, record, number(items), *sizes)


def entry(value, key=b"X\1\0\0\0w"):
    return b"\x80\x02}" + key + value + b"s."


def read(data, folder):
    (folder / "checkpoint.pt").write_bytes(data)
    return checkpoint.read(folder / "checkpoint.pt")


BASE = torch.arange(24.0)
HONEST = {
    "a state_dict": torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3)).state_dict(),
    "ordered": OrderedDict(b=torch.ones(2), a=1),
    "nothing": {},
    "parameters": dict(torch.nn.Linear(2, 3).named_parameters()),
    "every type": {
        kind: torch.ones(3).to(getattr(torch, kind))
        for kind in checkpoint.FLOATS + checkpoint.INTEGERS
    },
    "tied": {"a": BASE, "b": BASE, "c": BASE[3:7]},
    "views": {
        "turned": BASE.view(4, 6).T,
        "steps": BASE[1::5],
        "spread": BASE[:3, None].expand(3, 4),
        "windows": BASE.unfold(0, 6, 2),
        "last": BASE[23:],
    },
    "odd shapes": {"number": torch.tensor(2.5), "none": torch.empty(0, 3), "one": BASE[:1, None].T},
    "plain values": {
        "words": "ä\n",
        "": "",
        "yes": True,
        "no": False,
        "n": -5,
        "big": 2**70,
        "x": math.inf,
        "k" * 200: 1,
    },
    "many": {f"layers.{i}.weight": torch.ones(1) for i in range(3000)},
}


@pytest.mark.parametrize("values", HONEST.values(), ids=HONEST)
def test_what_torch_saves_is_read_as_torch_reads_it(values, tmp_path):
    """The same names in the same order, types, shapes and bits."""
    found = read(saved(values), tmp_path)
    known = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert type(found) is dict
    assert list(found) == list(known)
    for key, value in known.items():
        if isinstance(value, torch.Tensor):
            assert type(found[key]) is torch.Tensor
            assert (found[key].dtype, found[key].shape) == (value.dtype, value.shape)
            assert torch.equal(found[key], value.detach())
            assert found[key].is_contiguous()
            size = value.numel() * value.element_size()
            assert found[key].untyped_storage().nbytes() == size
        else:
            assert (type(found[key]), found[key]) == (type(value), value)


@pytest.mark.skipif(sys.byteorder != "little", reason="writes the other machine's bytes")
def test_hand_made_files_are_read(tmp_path):
    """What the hostile files below are near twins of; bools are made 0 or 1."""
    two = struct.pack("<2f", 1, 2)
    twin = archive(entry(tensor(2, [2], [1])), [two])
    assert read(twin, tmp_path)["w"].tolist() == [1.0, 2.0]
    bools = read(archive(entry(tensor(2, [2], [1], b"Bool")), [b"\2\0"]), tmp_path)["w"]
    assert bools.view(torch.uint8).tolist() == [1, 0]


FOUR = [b"\1" * 16]
HOSTILE = {
    "a key that is hashed for ever": (
        archive(b"\x80\x02}K\1" + b"q\0h\0\x86" * 60 + b"K\1s."),
        "a tuple",
    ),
    "a long key of tuples": (archive(entry(b"K\1", b"(K\1K\1t")), "the key a tuple"),
    "memory by name": (
        archive(entry(b"cbuiltins\nbytearray\nJ\0\0\0\x7f\x85R")),
        r"a pickled object \(builtins.bytearray\) at 'w'",
    ),
    "a command": (archive(b"\x80\x02cos\nsystem\nX\4\0\0\0true\x85R."), "os.system"),
    "an empty stack": (archive(b"\x80\x02a."), "does not write .APPEND."),
    "too much popped": (archive(b"\x80\x02s."), "damaged data.pkl"),
    "no mark": (archive(b"\x80\x02u."), "damaged data.pkl"),
    "nothing remembered": (archive(b"\x80\x02h\7."), "damaged data.pkl"),
    "no end": (archive(b"\x80\x02}"), "damaged data.pkl"),
    "more after the end": (archive(b"\x80\x02}.}"), "after the end"),
    "lists in lists": (archive(entry(b"]" * 90_000 + b"a" * 89_999)), "a list at 'w'"),
    "tuples in tuples": (archive(entry(b")" + b"\x85" * 90_000)), "a tuple at 'w'"),
    "marks in marks": (archive(entry(b"(" * 90_000)), "nested too deeply"),
    "dicts in dicts": (
        archive(entry(b"}" + b"X\1\0\0\0a}" * 20_000 + b"s" * 20_000)),
        "a dict at 'w'",
    ),
    "a dict in itself": (archive(b"\x80\x02}q\0X\1\0\0\0wh\0s."), "a dict at 'w'"),
    "many steps": (archive(b"\x80\x02}" + b"q\0" * 1_000_001 + b"."), "over 1,000,000 steps"),
    "a long pickle": (archive(b"\x80\x02}" + b" " * 2**22), "the limit is 4,194,304"),
    "many entries": (
        archive(entry(b"", b"(" + b"".join(b"X\4\0\0\0%04xK\1" % i for i in range(10_001)) + b"u")),
        "10,001 entries",
    ),
    "another protocol": (archive(b"\x80\x04}."), "PROTO"),
    "half a character": (archive(entry(b"X\3\0\0\0\xed\xa0\x80")), "surrogate"),
    "half a character as key": (archive(entry(b"K\1", b"X\3\0\0\0\xed\xa0\x80")), "surrogate"),
    "a class": (archive(entry(b"ctorch\nFloatStorage\n")), "a pickled object .*FloatStorage"),
    "a storage": (
        archive(
            entry(b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpuK\4tQ"), FOUR
        ),
        "a storage at 'w'",
    ),
    "a record of another size": (
        archive(entry(tensor(9999, [9999], [1])), FOUR),
        "9,999 items of 4 bytes, its record 16 bytes",
    ),
    "no record": (archive(entry(tensor(4, [4], [1], record=7)), FOUR), "no record data/7"),
    "beyond its record": (archive(entry(tensor(4, [5], [1])), FOUR), "beyond its record"),
    "steps beyond its record": (archive(entry(tensor(4, [2], [4])), FOUR), "beyond its record"),
    "spread for ever": (archive(entry(tensor(4, [10**13], [0])), FOUR), "40,000,000,000,000"),
    "nothing, of a vast shape": (archive(entry(tensor(4, [0, 2**40], [1, 1])), FOUR), "the shape"),
    "negative": (archive(entry(tensor(4, [-1], [1])), FOUR), "not plain"),
    "of fractions": (
        archive(entry(TENSOR % (b"Float", 0, number(4), b"G" + b"\0" * 8, b"K\1")), FOUR),
        "not plain",
    ),
    "of seventeen dimensions": (archive(entry(tensor(4, [1] * 17, [1] * 17)), FOUR), "long tuple"),
    "compressed": (archive(entry(b"K\1"), kind=zipfile.ZIP_DEFLATED), "compressed|unpacks"),
    "of another machine": (archive(entry(b"K\1"), byteorder=b"big"), "byte order"),
    "a long byte order": (archive(entry(b"K\1"), byteorder=b"x" * 17), "byteorder has 17 bytes"),
    "without data.pkl": (archive(b"").replace(b"data.pkl", b"data.pxl"), "no record data.pkl"),
    "many records": (archive(entry(b"K\1"), [b""] * 20_001), "20,003 records"),
    "a vast index": (
        archive(entry(b"K\1"), **{"x" * 60_000 + str(i): b"x" for i in range(80)}),
        "not written by torch.save",
    ),
}


@pytest.mark.parametrize(("data", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_at_once(data, reason, tmp_path):
    """In five seconds at most, with what was wrong; the fuzz below limits its memory."""
    started = time.monotonic()
    with pytest.raises(Refused, match=reason) as refused:
        read(data, tmp_path)
    assert time.monotonic() - started < 5
    assert refused.value.status == "crash"
    assert len(refused.value.reason) < 600


def test_two_records_of_one_name_are_refused(tmp_path):
    """Nobody chooses which of the two is meant."""
    buffer = io.BytesIO(archive(entry(b"K\1")))
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(buffer, "a") as more,
    ):
        more.writestr("archive/data.pkl", entry(b"K\2"))
    with pytest.raises(Refused, match="same name"):
        read(buffer.getvalue(), tmp_path)


def test_changed_bytes_are_refused(tmp_path):
    """A record that does not have its checksum is damaged, wherever the damage is."""
    data = saved({"w": torch.full((9,), 1.5)})
    broken = data.replace(struct.pack("<f", 1.5), struct.pack("<f", 2.5), 1)
    assert broken != data
    with pytest.raises(Refused, match="damaged"):
        read(broken, tmp_path)


def test_the_scorer_survives_a_hostile_file(tmp_path):
    """Its reply is a crash with the reason: the trial is booked, and not lost and repeated."""
    (tmp_path / "train.py").write_text(
        "def load_solver(checkpoint, device):\n    return lambda questions: questions\n"
    )
    (tmp_path / "checkpoint.pt").write_bytes(HOSTILE["an empty stack"][0])
    job = {"run": str(tmp_path), "seed": "s", "problems": 1, "subset": "validation"}
    job |= {"device": "cpu", "level": "none", "tasks": None, "memory_mb": None}
    done = subprocess.run(
        [sys.executable, "-m", "harness.score"],
        input=json.dumps(job).encode(),
        capture_output=True,
        cwd=HERE.parent,
        check=False,
    )
    found = score.result(done.stdout, done.stderr)
    assert found["status"] == "crash"
    assert "does not write" in found["reason"]


@pytest.mark.skipif(sys.platform != "linux", reason="its limits are Linux's")
def test_no_file_does_anything_but_read_or_be_refused():
    """Hostile and damaged files, damaged and random pickles, under limits of memory and time."""
    done = subprocess.run(
        [sys.executable, str(HERE / "checkpoint_fuzz.py")],
        capture_output=True,
        text=True,
        cwd=HERE.parent,
        env={"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    well_read, refused = map(int, done.stdout.split())
    assert well_read > 20
    assert refused > 400
