"""Started by tests/test_checkpoint.py: damaged and random checkpoints, read under limits.

Whatever the file holds, `read` gives a valid dict or raises Refused; anything else, an example of
over five seconds, or over 400 MB beyond what torch itself takes ends this process with an error.
"""

import io
import pickletools
import resource
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_checkpoint import HOSTILE

from harness import checkpoint
from harness.evaluation import Refused

ROOM_BYTES = 400 * 2**20
CPU_S = 60
SHARED = torch.randn(6)
VALID = {
    "w": torch.randn(3, 4).T,
    "tied": SHARED,
    "again": SHARED[2:5],
    "half": torch.ones(2, dtype=torch.bfloat16),
    "p": torch.nn.Parameter(torch.ones(2)),
    "i": torch.arange(3),
    "b": torch.tensor([True, False]),
    "none": torch.empty(0, 3),
    "n": 7,
    "big": -(2**70),
    "x": 0.5,
    "s": "words",
    "yes": True,
}
OUTCOMES = {"read": 0, "refused": 0}


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


FILES = [saved(VALID), saved(torch.nn.Linear(2, 3).state_dict())]
PICKLES = [zipfile.ZipFile(io.BytesIO(file)).read("archive/data.pkl") for file in FILES]


def with_pickle(pickled, file=FILES[0]):
    """The file with another data.pkl, its checksums right."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, pickled if entry.endswith("data.pkl") else old.read(entry))
    return buffer.getvalue()


PARTS = [
    pickled[start:end]
    for pickled in PICKLES
    for places in [[place for _, _, place in pickletools.genops(pickled)]]
    for start, end in zip(places, places[1:], strict=False)
]
STEPS = [
    *PARTS,
    *(op.code.encode("latin1") for op in pickletools.opcodes),
    *(b"(", b"t", b"\x85", b"}", b"s", b"u", b"h\0", b"q\0", b"Q", b"R", b"b", b"K\1", b"a"),
    *(b"\x8a\x08" + bytes([255] * 7 + [127]), b"cbuiltins\nbytearray\n", b"X\1\0\0\0w"),
    *(b"J\xff\xff\xff\x7f", b"\x8b\xff\xff\xff\x7f", b"X\xff\xff\xff\xff", b"I01\n", b"S'\\q'\n"),
]
edits = st.lists(
    st.tuples(st.integers(0, 2**20), st.binary(max_size=6), st.integers(0, 6)), max_size=6
)


def edited(data, changes):
    """Each change puts its bytes at a place, for as many as it says."""
    for place, new, length in changes:
        at = place % (len(data) + 1)
        data = data[:at] + new + data[at + length :]
    return data


def must_be_short(reason):
    assert 0 < len(reason) < 2_000


def must_hold(data):
    path = FOLDER / "checkpoint.pt"
    path.write_bytes(data)
    try:
        found = checkpoint.read(path)
    except Refused as refused:
        OUTCOMES["refused"] += 1
        must_be_short(refused.reason)
        return
    OUTCOMES["read"] += 1
    for key, value in found.items():
        assert type(key) is str
        assert type(value) in (torch.Tensor, str, int, float, bool)
        if isinstance(value, torch.Tensor):
            assert value.is_contiguous()
            assert value.untyped_storage().nbytes() == value.numel() * value.element_size()
    checkpoint.write(found, FOLDER / "again.pt")


fuzz = settings(
    max_examples=int(sys.argv[1]) if len(sys.argv) > 1 else 150,
    deadline=5_000,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@fuzz
@given(st.sampled_from(FILES), edits)
def damaged_files(file, changes):
    must_hold(edited(file, changes))


@fuzz
@given(st.sampled_from(PICKLES), edits)
def damaged_pickles(pickled, changes):
    must_hold(with_pickle(edited(pickled, changes)))


@fuzz
@given(st.lists(st.sampled_from(STEPS), max_size=60))
def random_pickles(steps):
    must_hold(with_pickle(b"\x80\x02" + b"".join(steps) + b"."))


@fuzz
@given(
    st.sampled_from(PICKLES),
    st.lists(st.tuples(st.integers(0, 999), st.sampled_from(STEPS), st.booleans()), max_size=4),
)
def exchanged_steps(pickled, changes):
    """An opcode in place of another, or before it."""
    places = [place for _, _, place in pickletools.genops(pickled)]
    steps = [pickled[a:b] for a, b in zip(places, [*places[1:], None], strict=True)]
    for place, step, is_before in changes:
        at = place % len(steps)
        steps[at : at if is_before else at + 1] = [step]
    must_hold(with_pickle(b"".join(steps)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM_BYTES, used + ROOM_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    with TemporaryDirectory() as name:
        FOLDER = Path(name)
        for hostile, _ in HOSTILE.values():
            must_hold(hostile)
        for promise in (damaged_files, damaged_pickles, random_pickles, exchanged_steps):
            promise()
    print(OUTCOMES["read"], OUTCOMES["refused"])
