"""macOS's level as far as it can be seen elsewhere: its profile as text, and the supervisor as it
runs where there is no Linux."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness import sandbox
from harness.confinement import Box, python_folders
from harness.sandbox import SUPERVISOR
from harness.seatbelt_rules import PROGRAM, profile, seatbelt_command

TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[()]|[^\s()"]+')


def parsed(text):
    """The rules as nested lists; strings without their quotes, marked so."""
    assert not TOKEN.sub("", text).strip()
    tokens = TOKEN.findall(text)
    stack = [[]]
    for token in tokens:
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    (rules,) = stack
    return rules


def decides(rules, operation, path):
    """allow or deny, as the last rule that matches says."""
    found = "allow"
    for action, *rest in rules:
        if action not in ("allow", "deny"):
            continue
        names = [r for r in rest if isinstance(r, str)]
        filters = [r for r in rest if not isinstance(r, str)]
        is_named = any(
            n in ("default", operation)
            or operation.startswith(n[:-1] + "-")
            or (n.endswith("*") and operation.startswith(n[:-1]))
            for n in names
        )
        if is_named and (not filters or any(_matches(f, path) for f in filters)):
            found = action
    return found


def _matches(rule, path):
    kind, name = rule[0], re.sub(r"\\(.)", r"\1", rule[1][1:-1])
    if kind == "subpath":
        return Path(path).is_relative_to(name)
    return kind == "literal" and path == name


def test_what_the_profile_allows():
    """Reading what Python needs, writing the trial's folder alone, and no network."""
    work = "/private/var/folders/ab/trial"
    rules = parsed(profile(Box(Path(work))))
    assert rules[:2] == [["version", "1"], ["allow", "default"]]
    home = os.path.realpath(Path.home())
    for secret in (
        f"{home}/.ssh/id",
        "/Users/other/x",
        "/Volumes/disk/x",
        "/private/tmp/x",
        "/private/var/folders/ab/another/secret",
    ):
        assert decides(rules, "file-read-data", secret) == "deny"
        assert decides(rules, "file-write-create", secret) == "deny"
    for readable in (
        f"{work}/train.py",
        "/usr/lib/libSystem.dylib",
        *(f"{folder}/lib/x.py" for folder in python_folders()),
    ):
        assert decides(rules, "file-read-data", readable) == "allow"
    assert decides(rules, "file-write-data", f"{work}/out/checkpoint.pt") == "allow"
    assert decides(rules, "file-write-data", "/dev/null") == "allow"
    for closed in ("/usr/local/bin/x", "/Library/LaunchAgents/x.plist", sys.prefix + "/x.pth"):
        assert decides(rules, "file-write-create", closed) == "deny"
    assert ["deny", "network*"] in rules
    assert ["allow", "signal", ["target", "same-sandbox"]] in rules


@given(st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=40))
@example('"')
@example("\\")
@example('a\\" (allow default) "')
@example("..")
def test_no_folder_breaks_out_of_its_quotes(name):
    """Whatever a folder is called, the profile has the same rules, or it is refused by name."""
    work = Path("/private/tmp/t") / name
    if not name.isprintable():
        with pytest.raises(ValueError, match="control character"):
            profile(Box(work))
        return
    rules = parsed(profile(Box(work)))
    assert len(rules) == len(parsed(profile(Box(Path("/private/tmp/t/plain")))))
    assert decides(rules, "file-write-data", f"{work}/x") == "allow"


def test_the_command_is_wrapped():
    """sandbox-exec, the profile, then the command as it is."""
    box = Box(Path("/private/tmp/t"))
    assert seatbelt_command(box, ["/bin/a", "-b"]) == [PROGRAM, "-p", profile(box), "/bin/a", "-b"]


def test_each_system_has_its_levels():
    """seatbelt is not tried on Linux, nor are Linux's levels elsewhere."""
    assert set(sandbox.here()) == (
        {"bwrap", "landlock"} if sys.platform == "linux" else {"seatbelt"}
    )
    if sys.platform == "linux":
        assert sandbox.probe("seatbelt") == (False, "not on linux")


CHILD = """
import os, sys, time
if os.fork() == 0:
    time.sleep(600)
print(os.getpid(), flush=True)
if sys.argv[1:] == ["end"]:
    sys.exit(7)
time.sleep(600)
"""


def supervise(*words):
    """As it runs where there is no Linux; its process, and the pipe whose end ends it."""
    ours, theirs = os.pipe()
    spec = {"alive": ours, "filter": None, "cores": [0], "nice": 0, "limits": {"NOFILE": 99}}
    spec |= {"landlock": None, "linux": False}
    command = [sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(spec), "--"]
    process = subprocess.Popen(
        [*command, sys.executable, "-I", "-c", CHILD, *words],
        stdout=subprocess.PIPE,
        pass_fds=(ours,),
        start_new_session=True,
    )
    os.close(ours)
    return process, theirs


def lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def is_gone(group):
    deadline = time.monotonic() + 20
    while lives(group) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not lives(group)


@pytest.mark.parametrize("how", ["it ends", "SIGTERM", "the harness is gone"])
def test_the_group_ends_without_linux(how):
    """The command's exit code, or its signal; nothing of its process group lives on."""
    process, alive = supervise(*(["end"] if how == "it ends" else []))
    try:
        group = int(process.stdout.readline())
        if how == "SIGTERM":
            process.terminate()
        if how == "the harness is gone":
            os.close(alive)
        code = process.wait(timeout=20)
        assert code == (7 if how == "it ends" else 128 + signal.SIGKILL)
        assert is_gone(group)
    finally:
        if how != "the harness is gone":
            os.close(alive)
        process.kill()
        process.stdout.close()
