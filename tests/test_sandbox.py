"""Each test attacks one promise of the sandbox, from inside a real one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from test_history import SETTINGS

from harness import contract, sandbox
from harness.confinement import Box
from harness.errors import Misuse
from harness.orphans import end_orphans
from harness.process_tree import resident_mb
from harness.sandbox import Sandbox, choose, scrub, start
from harness.session import sandbox_of

ROOT = Path(__file__).resolve().parent.parent
DRIVER = Path(__file__).with_name("sandbox_driver.py")
SYSTEM_PYTHON = Path("/usr/bin/python3")
NOBODY = 65534

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bwrap and Landlock are Linux's")


def needs(level):
    works, why = sandbox.probe(level)
    if not works:
        pytest.skip(f"{level} does not work here: {why}")


def drive(level, tmp_path, *options):
    """The driver as this user: what it printed."""
    done = subprocess.run(
        [sys.executable, str(DRIVER), level, str(tmp_path), *options],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def drive_as_nobody(level, tmp_path, *options):
    """The driver as an ordinary user, with the system's Python and copies that it may read."""
    if os.geteuid() != 0:
        pytest.skip("this is an ordinary user already")
    if not SYSTEM_PYTHON.exists() or shutil.which("setpriv") is None:
        pytest.skip("there is no Python that an ordinary user may run")
    home = tmp_path / "home"
    shutil.copytree(ROOT / "harness", home / "harness")
    shutil.copyfile(DRIVER, home / "driver.py")
    for name in ("psutil", "pyseccomp"):
        origin = Path(find_spec(name).origin)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, home / name)
        else:
            shutil.copyfile(origin, home / origin.name)
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    for path in [tmp_path, *tmp_path.parents]:
        if path.stat().st_uid == os.geteuid() and path.is_relative_to("/tmp/pytest-of-root"):
            path.chmod(0o755)
    who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = subprocess.run(
        [*who, str(SYSTEM_PYTHON), str(home / "driver.py"), level, str(folder), *options],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("as_user", [drive, drive_as_nobody], ids=["this user", "ordinary user"])
@pytest.mark.parametrize("level", ["bwrap", "landlock"])
def test_nothing_gets_out_and_nothing_stays(level, as_user, tmp_path):
    """No write outside, no packet, no foreign process or secret; what it left ends with it."""
    needs(level)
    found = as_user(level, tmp_path)
    assert found["said"] is not None, found["errors"]
    print(level, "refused:", found["errors"].count("\n"), "attempts")
    assert found["said"]["got"] == [], found["errors"]
    assert found["said"]["wrote"]
    assert found["datagram"] is None
    assert not found["shared memory"]
    assert found["secret"] == "a secret"
    assert found["mode"] == 0o600
    assert found["victim"] is None
    assert found["after"] == 0


@pytest.mark.parametrize("level", ["bwrap", "landlock", "none"])
def test_killing_reaches_whatever_session_it_fled_to(level, tmp_path):
    """Three processes that changed their session, lost their parent and ignore SIGTERM end too."""
    if level != "none":
        needs(level)
    found = drive(level, tmp_path, "--hang")
    assert found["during"] == 3
    assert found["after"] == 0


@pytest.mark.parametrize("level", ["bwrap", "landlock", "none"])
@pytest.mark.parametrize("victim", ["harness", "supervisor"])
def test_nothing_outlives_a_killed_harness(level, victim, tmp_path):
    """SIGKILL of the harness, or of the sandbox's own supervisor, leaves no process."""
    if level != "none":
        needs(level)
    code = f"""
import json, os, subprocess, sys, time
from pathlib import Path
from harness.confinement import Box
from harness.sandbox import Sandbox, start
work = Path({str(tmp_path)!r})
fork = (
    "import os, time, sys\\n"
    "if os.fork() == 0:\\n"
    "    try: os.setsid()\\n"
    "    except OSError: pass\\n"
    "    if os.fork() == 0:\\n"
    "        time.sleep(600)\\n"
    "    os._exit(0)\\n"
    "print('up', flush=True)\\n"
    "time.sleep(600)\\n"
)
command = [sys.executable, "-I", "-c", fork, {str(tmp_path)!r}]
process = start(Sandbox({level!r}, ""), Box(work), command, stdout=subprocess.PIPE)
process.popen.stdout.readline()
time.sleep(0.3)
print(process.popen.pid, flush=True)
time.sleep(600)
"""
    harness = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    supervisor = int(harness.stdout.readline())
    assert len(of(tmp_path)) >= 3
    os.kill(harness.pid if victim == "harness" else supervisor, signal.SIGKILL)
    expected = 0 if victim == "harness" or level == "bwrap" else 1
    left = until(expected, tmp_path, but=harness.pid)
    harness.kill()
    harness.wait()
    harness.stdout.close()
    end_orphans()  # as the next start does
    assert len(left) <= expected
    assert until(0, tmp_path) == []


STAYERS = """
import ctypes, os, sys, time
mark, hops, ends = sys.argv[1], int(sys.argv[2]), time.monotonic() + 20
def stay():
    try: os.setsid()
    except OSError: pass
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # nobody may look at its folder or environment
    os.chdir("/usr")
    code = "import time; time.sleep(20)"
    os.execve(sys.executable, [sys.executable, "-I", "-c", code, mark], {})
def hop():
    while time.monotonic() < ends:
        if os.fork():
            os._exit(0)
for _ in range(2):
    if os.fork() == 0:
        stay()
for _ in range(hops):
    if os.fork() == 0:
        hop()
print("up", flush=True)
time.sleep(20)
"""


def stayers(level, tmp_path, *, hops):
    """What hides, and chains of processes that fork and exit at once; ends itself after 20 s."""
    command = [sys.executable, "-I", "-c", STAYERS, str(tmp_path), str(hops)]
    box = Box(tmp_path, environment={"HOME": str(tmp_path)})
    process = start(Sandbox(level, ""), box, command, stdout=subprocess.PIPE)
    process.popen.stdout.readline()
    time.sleep(0.3)
    return process


@pytest.mark.parametrize("level", ["bwrap", "landlock"])
def test_forking_does_not_outrun_the_kill(level, tmp_path):
    """Four chains of processes that fork and exit at once end with the rest, and soon."""
    needs(level)
    process = stayers(level, tmp_path, hops=4)
    assert len(of(tmp_path)) >= 3
    before = time.monotonic()
    process.kill()
    print(level, f"killed in {time.monotonic() - before:.2f} s")
    assert time.monotonic() - before < 5
    assert until(0, tmp_path) == []


@pytest.mark.parametrize(
    ("level", "hops"), [("bwrap", 4), ("landlock", 0), ("landlock", 4), ("none", 0)]
)
def test_what_outlives_its_supervisor_is_ended(level, hops, tmp_path):
    """After SIGKILL of the supervisor the next start finds what hid itself.

    What another supervisor that lives has started stays, and so does what carries no mark.
    """
    if level != "none":
        needs(level)
    gone, other = tmp_path / "gone", tmp_path / "other"
    for folder in (gone, other):
        folder.mkdir()
    living = stayers(level, other, hops=0)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"])
    process = stayers(level, gone, hops=hops)
    os.kill(process.popen.pid, signal.SIGKILL)
    process.popen.wait()
    time.sleep(0.3)
    left = len(of(gone))
    found = end_orphans()
    print(level, f"{left} processes seen to survive, in {found} groups")
    assert found > 0 or level == "bwrap"  # there a dead one may be left to be waited for
    assert until(0, gone) == []
    assert len(of(other)) >= 3
    assert bystander.poll() is None
    for ended in (process, living):
        ended.kill()
    bystander.kill()
    bystander.wait()
    assert until(0, other) == []


def test_a_killed_supervisor_is_noticed(tmp_path):
    """Process.kill of a sandbox whose supervisor was SIGKILLed ends what that left."""
    process = stayers("none", tmp_path, hops=0)
    os.kill(process.popen.pid, signal.SIGKILL)
    process.popen.wait()
    assert process.kill() == -signal.SIGKILL
    assert until(0, tmp_path) == []


def until(expected, mark, but=0):
    """What runs with this mark, when it is no more than expected or after some seconds."""
    deadline = time.monotonic() + 5
    while len(left := of(mark, but)) > expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def of(mark, but=0):
    found = []
    for process in psutil.process_iter():
        try:
            running = process.status() != psutil.STATUS_ZOMBIE
            if running and str(mark) in process.cmdline() and process.pid != but:
                found.append(process)
        except psutil.Error:
            continue
    return found


# ---------------------------------------------------------------------------
# Limits
# ---------------------------------------------------------------------------


def said_by(code, box, level="none"):
    process = start(
        Sandbox(level, ""),
        box,
        [sys.executable, "-I", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = process.popen.communicate(timeout=60)
    return out.decode(), process.kill()


def test_memory_and_files_are_limited(tmp_path):
    """More memory or a larger file than the box allows is an error inside, not on the machine."""
    box = Box(tmp_path, memory_mb=512, file_mb=1)
    out, code = said_by("x = bytearray(2**30)", box)
    assert "MemoryError" in out
    assert code == 1
    out, code = said_by("open('big', 'wb').write(bytes(2**21))", box)
    assert "File too large" in out or code == 128 + signal.SIGXFSZ
    assert (tmp_path / "big").stat().st_size <= 2**20


def test_folders_in_memory_are_part_of_the_limit(tmp_path):
    """At bwrap /tmp and /dev/shm hold a sixteenth each of what the process may use."""
    needs("bwrap")
    code = (
        "import os\n"
        "for folder in ('/tmp', '/dev/shm', '/dev'):\n"
        "    found = os.statvfs(folder)\n"
        "    writable = not found.f_flag & os.ST_RDONLY\n"
        "    print(folder, found.f_blocks * found.f_frsize >> 20 if writable else 'read-only')\n"
    )
    out, _ = said_by(code, Box(tmp_path, memory_mb=512), "bwrap")
    assert out.splitlines() == ["/tmp 32", "/dev/shm 32", "/dev read-only"]


def test_cores_and_niceness_are_set(tmp_path):
    """A process runs on the cores it was given, and as nicely."""
    core = min(os.sched_getaffinity(0))
    out, _ = said_by(
        "import os; print(os.sched_getaffinity(0), os.nice(0))",
        Box(tmp_path, cores=(core,), nice=7),
    )
    assert out.strip() == f"{{{core}}} {7 + os.nice(0)}"


def test_the_environment_is_allow_listed(tmp_path, monkeypatch):
    """No key and no setting of the person's reaches a trial."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "planted-key")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    environment = scrub(tmp_path, device="cpu")
    assert "planted-key" not in environment.values()
    assert "PYTHONSTARTUP" not in environment
    assert environment["HOME"] == str(tmp_path)
    out, _ = said_by("import os; print(sorted(os.environ))", Box(tmp_path, environment=environment))
    assert "ANTHROPIC" not in out


def test_exit_codes_come_through(tmp_path):
    """The command's own exit code, and 128 + N for a signal."""
    assert said_by("import sys; sys.exit(7)", Box(tmp_path))[1] == 7
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert said_by(code, Box(tmp_path))[1] == 128 + 9


def test_memory_of_a_whole_tree_is_seen(tmp_path):
    """What the harness polls counts the children of the sandboxed process too."""
    code = (
        "import subprocess, sys\n"
        "child = 'x = bytearray(200 * 2**20); print(1, flush=True); import time; time.sleep(600)'\n"
        "c = subprocess.Popen([sys.executable, '-c', child], stdout=subprocess.PIPE)\n"
        "c.stdout.readline(); print('up', flush=True); c.wait()\n"
    )
    process = start(
        Sandbox("none", ""), Box(tmp_path), [sys.executable, "-c", code], stdout=subprocess.PIPE
    )
    process.popen.stdout.readline()
    mb, count = resident_mb(process.popen)
    process.kill()
    assert mb > 200
    assert count >= 3


def test_the_best_level_is_one_that_was_seen_working():
    """auto takes a level whose probe passed; none must be asked for."""
    assert choose("none").level == "none"
    works = [level for level in ("bwrap", "landlock") if sandbox.probe(level)[0]]
    if not works:
        with pytest.raises(sandbox.NoSandbox, match="--sandbox none"):
            choose()
    else:
        assert choose().level == works[0]


def test_a_campaign_stays_at_its_level():
    """Whatever better one was installed since: it goes on, and its figures compare. One that does
    not work here is named."""
    needs("bwrap")
    needs("landlock")
    assert sandbox_of(replace(SETTINGS, sandbox="landlock"), False).level == "landlock"
    with pytest.raises(Misuse, match=r"run in seatbelt, which does not work here \(not on linux\)"):
        sandbox_of(replace(SETTINGS, sandbox="seatbelt"), False)


def test_bwrap_holds_without_libseccomp():
    """Where it is missing the level is taken and says so; landlock is not taken."""
    needs("bwrap")
    code = (
        "import sys; sys.modules['pyseccomp'] = None\n"
        "from harness.sandbox import probe\n"
        "print(probe('bwrap'), probe('landlock'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    print(done.stdout)
    assert "(True, 'bwrap" in done.stdout
    assert "without seccomp" in done.stdout
    assert "(False, " in done.stdout


def test_a_start_takes_little(tmp_path):
    """The filter is made once: a start of bwrap costs what Python and bwrap do."""
    needs("bwrap")
    seconds = []
    for _ in range(5):
        before = time.monotonic()
        process = start(Sandbox("bwrap", ""), Box(tmp_path), ["/bin/true"])
        process.popen.wait()
        seconds.append(time.monotonic() - before)
        process.kill()
    print([f"{1000 * s:.0f} ms" for s in seconds])
    assert min(seconds) < 0.5


@pytest.mark.parametrize("level", ["bwrap", "landlock"])
def test_a_training_runs_in_it(level, tmp_path):
    """Twenty steps of train.py leave their checkpoint at both levels."""
    needs(level)
    work = tmp_path / "work"
    work.mkdir()
    box = contract.lay_out(work, (ROOT / "train.py").read_text(), device="cpu")
    command = contract.command(
        seed=1, budget_s=60, device="cpu", preset="cpu", max_steps=20, tasks="add:1-4"
    )
    process = start(Sandbox(level, ""), box, command, stderr=subprocess.PIPE)
    _, said = process.popen.communicate(timeout=90)
    assert process.kill() == 0, said.decode()
    assert (work / contract.OUT / "checkpoint.pt").is_file()


def test_workers_load_data_in_bwrap(tmp_path):
    """torch's DataLoader starts two workers, which share memory and sockets with it."""
    needs("bwrap")
    code = (
        "import torch\n"
        "loader = torch.utils.data.DataLoader(torch.ones(64, 1000), 8, num_workers=2)\n"
        "print(int(sum(batch.sum() for batch in loader)))\n"
    )
    out, exit_code = said_by(code, Box(tmp_path, memory_mb=4096), "bwrap")
    assert (out.strip(), exit_code) == ("64000", 0)
