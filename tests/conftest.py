"""What several tests need: a small disk that can be filled, a project in a repository."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WHO = ["-c", "user.name=a person", "-c", "user.email=person@localhost"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own of half a megabyte."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


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
