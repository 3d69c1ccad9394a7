"""What several tests need: a small disk that can be filled, a project in a repository."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
    os.environ.pop(name, None)  # no test spends a person's money
WHO = ["-c", "user.name=a person", "-c", "user.email=person@localhost"]


@contextlib.contextmanager
def mounted(disk, size):
    """A file system of its own at this folder, of a size such as 512k."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own of half a megabyte."""
    with mounted(tmp_path / "disk", "512k") as disk:
        yield disk


def fill(disk):
    """Take all the room there is; the file that holds it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return ballast


def git(project, *words):
    done = subprocess.run(
        ["git", "--no-optional-locks", *WHO, *words],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def make_project(folder, train, program="Do well.\n"):
    """A repository with a committed train.py and program.md, and changes that are not committed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(train)
    (folder / "program.md").write_text(program)
    (folder / "notes.txt").write_text("the person's own\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    (folder / "notes.txt").write_text("changed\n")
    git(folder, "stash", "push", "-q")
    (folder / "notes.txt").write_text("changed again, not staged\n")
    (folder / "staged.txt").write_text("staged\n")
    git(folder, "add", "staged.txt")
    (folder / ".gitignore").write_text("results/\n")
    return folder


def fingerprint_of(project, *, except_refs="autoresearch/"):
    """All of a person's checkout that a campaign must leave as it is."""
    refs = [
        line
        for line in git(project, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        if except_refs not in line
    ]
    files = {
        str(path.relative_to(project)): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and not {".git", "results"} & set(path.relative_to(project).parts)
    }
    own = ("index", "HEAD", "config", "logs/refs/stash", "info/exclude")
    kept = {name: (project / ".git" / name).read_bytes() for name in own}
    return refs, files, kept, git(project, "status", "--porcelain", "--", ".", ":!results")


def toy_source():
    return Path(__file__).with_name("toy_train.py").read_text()


def environment(project):
    """A state folder beside the project, so that nothing is left in the person's own."""
    state = project.parent / "state"
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(state),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "100",
    }


def begin(project, *words, also=None, **options):
    """`also` is more of the environment."""
    command = [sys.executable, "-m", "harness", *map(str, words)]
    return subprocess.Popen(
        command,
        cwd=project,
        env=environment(project) | (also or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def thinker(project, *words, timeout=900, also=None):
    process = begin(project, *words, also=also)
    out, _ = process.communicate(timeout=timeout)
    return process.returncode, out


def board(project, *words):
    code, out = thinker(project, "board", *words, "--json")
    assert code == 0, out
    return json.loads(out)


def of_campaign(project):
    """Processes that work for a campaign of this project."""
    mark = str(project.parent / "state")
    found = []
    for process in psutil.process_iter():
        try:
            is_ours = any(mark in word for word in process.cmdline()) or (
                process.cwd().startswith(mark)
            )
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def training(project):
    """A trial's own process is there."""
    for process in of_campaign(project):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            if "--no-score" in process.cmdline() and process.name() != "bwrap":
                return True
    return False


def scratch_of(project):
    return list((project.parent / "state").glob("thinker/*/scratch/*"))


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
