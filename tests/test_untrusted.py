"""Folders that an edit could write to lead nowhere, and can always be removed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import untrusted
from harness.metrics import last_metrics, read_metrics
from harness.untrusted import remove, take_out, weigh

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("out", "checkpoint.pt")
MOST = 1000


@pytest.fixture
def folder(tmp_path):
    """The edit's folder, and beside it something that is not the edit's."""
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "checkpoint.pt").write_text("a secret")
    (tmp_path / "edit" / "out").mkdir(parents=True)
    return tmp_path / "edit"


def taken(folder):
    target = folder.parent / "taken"
    found = take_out(folder, NAMES, target, MOST)
    assert found == target.exists()
    assert not target.with_name("taken.tmp").exists()
    return target.read_bytes() if found else None


def test_a_plain_file_is_taken_out_whole(folder):
    """Up to the limit, and not a byte more."""
    (folder / "out" / "checkpoint.pt").write_bytes(b"x" * MOST)
    assert taken(folder) == b"x" * MOST
    (folder.parent / "taken").unlink()
    (folder / "out" / "checkpoint.pt").write_bytes(b"x" * (MOST + 1))
    assert taken(folder) is None


def link_file(folder):
    (folder / "out" / "checkpoint.pt").symlink_to(folder.parent / "foreign" / "checkpoint.pt")


def link_folder(folder):
    (folder / "out").rmdir()
    (folder / "out").symlink_to(folder.parent / "foreign")


def link_top(folder):
    (folder / "out").rmdir()
    folder.rmdir()
    (folder.parent / "top" / "out").mkdir(parents=True)
    (folder.parent / "top" / "out" / "checkpoint.pt").write_text("a secret")
    folder.symlink_to(folder.parent / "top")


def hard_link(folder):
    os.link(folder.parent / "foreign" / "checkpoint.pt", folder / "out" / "checkpoint.pt")


def pipe(folder):
    os.mkfifo(folder / "out" / "checkpoint.pt")


def directory(folder):
    (folder / "out" / "checkpoint.pt").mkdir()


@pytest.mark.parametrize("way", [link_file, link_folder, link_top, hard_link, pipe, directory])
def test_nothing_else_is_taken_out(folder, way):
    """Links of each kind, pipes and folders are not there, and nobody waits for them."""
    way(folder)
    assert taken(folder) is None


def nest(folder, depth, name="d"):
    """Folders within folders, deeper than any path can name."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=handle)
        inner = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    with open(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=handle), "w") as file:  # noqa: PTH123
        file.write("at the bottom")
    os.close(handle)


@pytest.mark.parametrize("depth", [1, untrusted.DEPTH + 1, 5000])
def test_however_deep_it_is_removed(folder, depth):
    """Neither recursion nor the length of a path is in the way."""
    nest(folder, depth)
    weight = weigh(folder, most_mb=100, most_entries=100_000)
    assert weight.is_open == (depth < 5000)
    remove(folder)
    assert not folder.exists()


def test_links_out_of_it_are_removed_and_what_they_name_stays(folder):
    """To files and folders, at the top and below."""
    (folder / "a").symlink_to(folder.parent / "foreign")
    link_file(folder)
    remove(folder)
    assert (folder.parent / "foreign" / "checkpoint.pt").read_text() == "a secret"
    folder.symlink_to(folder.parent / "foreign")
    remove(folder)
    assert not folder.is_symlink()
    assert (folder.parent / "foreign").is_dir()
    remove(folder)


LOCKED = """
import os, sys
from pathlib import Path
from harness.untrusted import remove
folder = Path(sys.argv[1])
(folder / "a" / "b").mkdir(parents=True)
(folder / "a" / "b" / "c").write_text("x")
(folder / "a" / "b" / "link").symlink_to("/nowhere")
deep = folder / "a" / "b"
for n in range(40):
    deep = deep / "d"
    deep.mkdir()
for where in [deep, *list(deep.parents)[:44]]:
    if where == folder.parent:
        break
    where.chmod(0)
remove(folder)
print(folder.exists())
"""


def test_folders_that_forbid_to_be_entered_are_removed(tmp_path):
    """By an ordinary user too, to whom a mode of 0 means something."""
    work = tmp_path / "work"
    work.mkdir(mode=0o777)
    work.chmod(0o777)
    who, python = [], sys.executable
    if os.geteuid() == 0:
        if not Path("/usr/bin/python3").exists():
            pytest.skip("there is no Python that an ordinary user may run")
        for path in [tmp_path, *tmp_path.parents]:
            if path.is_relative_to("/tmp/pytest-of-root"):
                path.chmod(0o755)
        who, python = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], "python3"
    package = tmp_path / "harness"
    package.mkdir()
    for name in ("__init__.py", "untrusted.py"):
        (package / name).write_text((ROOT / "harness" / name).read_text())
    package.chmod(0o755)
    done = subprocess.run(
        [*who, python, "-c", LOCKED, str(work / "folder")],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "False", done.stderr


def test_weighing_ends_at_its_limits(folder):
    """Of bytes and of entries; empty files weigh something, too."""
    for number in range(200):
        (folder / f"{number}\n\udcff").touch()
    assert weigh(folder, most_mb=100, most_entries=50).entries == 51
    assert weigh(folder, most_mb=0.1, most_entries=10**6).mb > 0.1
    (folder / "big").write_bytes(bytes(2**20))
    assert weigh(folder, most_mb=100, most_entries=10**6).mb > 1


# ---------------------------------------------------------------------------
# metrics.jsonl
# ---------------------------------------------------------------------------

HOSTILE = {
    "nested": "[" * 100_000,
    "a huge integer": '{"seconds": ' + "9" * 5000 + "}",
    "an integer that no float is near": '{"seconds": ' + "9" * 400 + "}",
    "infinity": '{"seconds": 1e999}',
    "no number": '{"seconds": NaN}',
    "a list": "[1, 2]",
    "bad bytes": b"\xff\xfe".decode("latin-1"),
    "a long line": '{"seconds": 1, "x": "' + "x" * 10**6 + '"}',
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_hostile_metrics_are_passed_over(tmp_path, line):
    """What is no line of figures is not there, and raises nothing."""
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"seconds": 1, "step": 7}}\n{line}\n', encoding="latin-1")
    assert read_metrics(path) == [{"seconds": 1, "step": 7}]
    assert last_metrics(path) in ({"seconds": 1, "step": 7}, {})


@given(st.binary(max_size=300))
def test_any_bytes_are_metrics_or_nothing(tmp_path_factory, content):
    """Whatever the file holds, the answer is a list of records."""
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    path.write_bytes(content)
    assert isinstance(read_metrics(path), list)
    assert isinstance(last_metrics(path), dict)
