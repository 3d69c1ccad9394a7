"""Trying as an ordinary user what root has tried: walls differ between the two."""

import atexit
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ORDINARY = "nobody"
ROOT = Path(__file__).parents[1]


def try_as_ordinary_user(words: Sequence[str]) -> int:
    """The exit code of the same command, as `nobody`, for what a sandbox lets out.

    Where that user may not run this Python or read this folder, a line says so, and it is 0: what
    was not tried has not passed either, and whoever runs the corpus as a user tries it there.
    """
    command = [sys.executable, "-c", "import torch, harness.sandbox"]
    try:
        probe = subprocess.run(
            command, cwd=ROOT, user=ORDINARY, group=_group(), extra_groups=[], capture_output=True
        )
        is_there = probe.returncode == 0
    except (OSError, KeyError):
        is_there = False
    if not is_there:
        print(
            f"\nnot tried as an ordinary user: {ORDINARY} may not run {sys.executable} in"
            f" {ROOT}; run make redteam as an ordinary user, or where all may read both",
            flush=True,
        )
        return 0
    print(f"\nas {ORDINARY}, what a sandbox lets out:", flush=True)
    again = [sys.executable, "-m", "redteam", *words, "--walls", "--user", ORDINARY]
    return subprocess.run(again, cwd=ROOT).returncode


def become(name: str) -> str:
    """This process is that user's from now on, with a new home. Why it cannot be, else empty."""
    if os.getuid() != 0:
        return "only root can become another user; leave --user out"
    entry = pwd.getpwnam(name)
    home = tempfile.mkdtemp(prefix="thinker-redteam-home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    for variable in ("HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        os.environ[variable] = home
    os.environ["USER"] = os.environ["LOGNAME"] = name
    tempfile.tempdir = None
    return ""


def _group() -> int:
    return pwd.getpwnam(ORDINARY).pw_gid
