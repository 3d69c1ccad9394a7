"""thinker doctor says what a campaign would lack here, and what to do about it."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import environment, fill, make_project, mounted, toy_source

from harness import sandbox
from harness.doctor import Check
from harness.doctor_command import verdict


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project", toy_source())


def doctor(project, **changes):
    """The exit code, and the checks by name."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", "doctor", "--json"],
        cwd=project,
        env=environment(project) | changes,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)}


def test_it_ends_with_whether_a_campaign_may_begin():
    """One line for who reads only the last."""
    checks = [Check("git", "ok", ""), Check("clock", "warn", "", "set it"), Check("disk", "ok", "")]
    assert verdict(checks) == "ready, with 1 warning"
    assert verdict(checks[:1]) == "ready"
    assert verdict([*checks, Check("torch", "fail", "none", "install")]) == "not ready: torch"


def test_a_sound_machine_passes(project):
    """Each check was made, none fails, and what warns has a remedy."""
    code, checks = doctor(project)
    works = [level for level in ("bwrap", "landlock") if sandbox.probe(level)[0]]
    assert code == (0 if works else 1)
    expected = {"python", "libraries", "torch", "git", "sandbox bwrap", "sandbox landlock"}
    expected |= {"cores", "memory", "disk of results/", "disk of the state", "disk of /tmp"}
    assert expected | {"clock", "sleep", "key"} <= checks.keys()
    for level in works:
        assert checks[f"sandbox {level}"]["state"] == "ok"
    for check in checks.values():
        assert bool(check["remedy"]) == (check["state"] != "ok"), check
    assert checks["key"]["found"].startswith("none")


def test_the_key_is_never_shown(project):
    """That there is one is told, and for which server."""
    secret = "sk-planted-key"
    _, checks = doctor(project, ANTHROPIC_API_KEY=secret, ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    assert checks["key"]["found"].startswith("ANTHROPIC_API_KEY is set for http://127.0.0.1:9:")
    assert secret not in json.dumps(checks)


@pytest.mark.skipif(sys.platform != "linux", reason="bwrap is Linux's")
def test_without_bubblewrap(project, tmp_path):
    """Landlock is taken where it works; else both say how to get a sandbox."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "cat"):
        (folder / name).symlink_to(shutil.which(name))
    code, checks = doctor(project, PATH=str(folder))
    assert "not installed" in checks["sandbox bwrap"]["found"]
    if sandbox.probe("landlock")[0]:
        assert checks["sandbox landlock"]["state"] == "ok"
        assert code == 0
    else:
        assert checks["sandbox landlock"]["state"] == "fail"
        assert "install bubblewrap" in checks["sandbox landlock"]["remedy"]


def test_a_full_disk_fails(tmp_path):
    """Where results would lie; the folder is named, and what to do."""
    with mounted(tmp_path / "disk", "4m") as disk:
        project = make_project(disk / "project", toy_source())
        fill(disk)
        code, checks = doctor(project, XDG_STATE_HOME=str(tmp_path / "state"))
    assert code == 1
    assert checks["disk of results/"]["state"] == "fail"
    assert "make room" in checks["disk of results/"]["remedy"]
    assert checks["disk of the state"]["state"] != "fail"


def test_outside_a_project(tmp_path):
    """No repository and no train.py, each with its remedy."""
    folder = tmp_path / "empty"
    folder.mkdir()
    code, checks = doctor(folder)
    assert code == 1
    assert checks["git"]["remedy"] == "run thinker in the project's folder"
    for name in ("train.py", "program.md"):
        (folder / name).write_text("")
    assert "git init" in doctor(folder)[1]["git"]["remedy"]
    project = make_project(tmp_path / "project", toy_source())
    (project / "program.md").unlink()
    code, checks = doctor(project)
    assert (code, checks["git"]["state"]) == (1, "fail")
    assert "program.md" in checks["git"]["found"]


def test_a_clock_that_is_behind(project):
    """A commit of tomorrow says that today is not today."""
    tomorrow = {
        "GIT_AUTHOR_DATE": "2099-01-31T00:00:00Z",
        "GIT_COMMITTER_DATE": "2099-01-31T00:00Z",
    }
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    command = ["git", *who, "commit", "-q", "--allow-empty", "-m", "later"]
    subprocess.run(command, cwd=project, check=True, env=os.environ | tomorrow)
    _, checks = doctor(project)
    assert checks["clock"]["state"] == "warn"
    assert "2099-01-31" in checks["clock"]["found"]
