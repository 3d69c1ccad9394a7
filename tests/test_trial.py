"""One trial, start to outcome: each test is a training that does something else wrong."""

import os
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness import sandbox
from harness.experiment import Settings, Trial
from harness.sandbox import Place, Sandbox
from harness.trial import Order, run_trial
from harness.watch import KILL_S, LOG_BYTES

SETTINGS = Settings(20.0, None, 2, 1, 1, "cpu", "cpu", "none", ("list", "x"), None, None)
SAVE = "import os, pathlib\npathlib.Path('out').mkdir()\n"
WRITE = SAVE + "pathlib.Path('out/checkpoint.tmp').write_bytes(b'not a checkpoint')\n"
RENAME = "os.rename('out/checkpoint.tmp', 'out/checkpoint.pt')\n"


@pytest.fixture(params=["none", "landlock", "bwrap"])
def level(request):
    if request.param != "none" and not sandbox.probe(request.param)[0]:
        pytest.skip(f"{request.param} does not work here")
    return request.param


def try_out(
    tmp_path,
    source,
    *,
    level="none",
    stop=None,
    memory_mb=2000,
    results=None,
    folder_mb=4096,
    **changes,
):
    """The outcome of a train.py of this text, and the folder of its results."""
    order = Order(
        Trial(7, 1234),
        textwrap.dedent(source),
        replace(SETTINGS, **changes),
        results or tmp_path / "results",
        tmp_path / "scratch" / "0007",
        "a secret",
        Place(Sandbox(level, "")),
        memory_mb,
        0,
        folder_mb,
    )
    outcome = run_trial(order, stop or threading.Event())
    assert not order.scratch.exists()
    assert below(tmp_path) == []
    return outcome, order.results


def below(folder):
    """Processes that work below a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd().startswith(str(folder)) and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_crash_ends_with_its_last_line(tmp_path, level):
    """Exit code and the traceback's last line, as plain text; the log is kept."""
    source = "print('hello')\nraise ValueError('no \\x1b[31mway')"
    outcome, results = try_out(tmp_path, source, level=level)
    assert outcome.status == "crash"
    assert outcome.reason == "exit code 1: ValueError: no  [31mway"
    assert outcome.levels == ()
    assert "hello" in (results / "log.txt").read_text()
    assert (results / "train.py").read_text() == source


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("pass", "left no checkpoint.pt"),
        (SAVE + "os.symlink('/etc/passwd', 'out/checkpoint.pt')", "left no checkpoint.pt"),
        (SAVE + "os.mkfifo('out/checkpoint.pt')", "left no checkpoint.pt"),
        (SAVE + "os.mkdir('out/checkpoint.pt')", "left no checkpoint.pt"),
        (SAVE + "os.truncate(os.open('out/checkpoint.pt', 66), 600 * 2**20)", "left no"),
        ("import os\nos.symlink('/etc', 'out')\nos.symlink('passwd', 'checkpoint.pt')", "left no"),
    ],
    ids=["none", "symlink", "fifo", "folder", "huge", "folder is a link"],
)
def test_what_is_no_checkpoint(tmp_path, source, reason):
    """Nothing, a link, a pipe, a folder, 600 MB: none is read, and none is waited for."""
    outcome, results = try_out(tmp_path, source)
    assert outcome.status == "no_checkpoint"
    assert reason in outcome.reason
    assert not (results / "checkpoint.pt").exists()


def test_a_checkpoint_that_is_none_is_a_crash(tmp_path):
    """The scorer refuses it, and says why."""
    source = WRITE + RENAME + "\n\ndef load_solver(checkpoint, device):\n    return None\n"
    outcome, _ = try_out(tmp_path, source)
    assert outcome.status == "crash"
    assert "checkpoint.pt" in outcome.reason
    assert outcome.score_s > 0


def test_a_checkpoint_renamed_late_is_a_timeout(tmp_path):
    """By the harness's clock, and whatever times the file claims."""
    source = (
        WRITE + "import time\ntime.sleep(3.5)\n" + RENAME + "os.utime('out/checkpoint.pt', (0, 0))"
    )
    outcome, _ = try_out(tmp_path, source, budget_s=1.0)
    assert outcome.status == "timeout"
    assert "after the budget" in outcome.reason


HANG = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


def test_a_training_that_hangs_is_killed(tmp_path, level):
    """With all that it started, 30 s after the budget."""
    outcome, _ = try_out(tmp_path, HANG, level=level, budget_s=2.0 - KILL_S)
    assert outcome.status == "timeout"
    assert "still running 30 s after the budget" in outcome.reason


def test_a_stopped_trial_is_lost_at_once(tmp_path, level):
    """A harness that ends takes its trials with it, and they are wanted again."""
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    started = time.monotonic()
    outcome, _ = try_out(tmp_path, HANG, level=level, stop=stop)
    assert outcome.status == "lost"
    assert time.monotonic() - started < 15


def test_memory_of_one_process(tmp_path):
    """An allocation over the limit fails inside."""
    outcome, _ = try_out(tmp_path, "x = bytearray(3 * 2**30)", memory_mb=1000)
    assert outcome.status == "out_of_memory"


def test_memory_of_many_processes(tmp_path, level):
    """Four of 150 MB each are over a limit of 400 MB together."""
    source = """
    import os, time
    for _ in range(4):
        if os.fork() == 0:
            x = b"1" * (150 * 2**20)
            time.sleep(600)
    time.sleep(600)
    """
    outcome, _ = try_out(tmp_path, source, level=level, memory_mb=400)
    assert outcome.status == "out_of_memory"
    assert "the limit is 400 MB" in outcome.reason


def test_too_many_processes(tmp_path):
    """Three hundred sleepers are counted and ended."""
    source = """
    import os, time
    for _ in range(300):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)
    """
    outcome, _ = try_out(tmp_path, source)
    assert outcome.status == "crash"
    assert "processes; the limit is 256" in outcome.reason


def test_output_is_capped(tmp_path):
    """Gigabytes may be printed; the beginning and the end are kept."""
    source = """
    import os
    os.write(1, b"the beginning\\n")
    block = b"x" * 2**20
    for _ in range(1500):
        os.write(1, block)
    os.write(2, b"\\nthe end\\n")
    raise SystemExit(3)
    """
    outcome, results = try_out(tmp_path, source)
    assert outcome.reason == "exit code 3: the end"
    log = (results / "log.txt").read_bytes()
    assert len(log) < LOG_BYTES + 100
    assert log.startswith(b"the beginning")
    assert b"bytes left out" in log


def test_killed_by_something_else_is_lost(tmp_path):
    """SIGKILL from outside is not the edit's fault: the trial is wanted again."""
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    outcome, _ = try_out(tmp_path, source)
    assert outcome.status == "lost"
    assert "signal 9" in outcome.reason


def test_a_full_disk_is_not_the_trainings_fault(tmp_path, small_disk):
    """A failure with no room left is lost, and nothing half written is read as whole."""
    outcome, results = try_out(tmp_path, "raise OSError(28, 'full')", results=small_disk / "r")
    assert outcome.status == "lost"
    assert "disk is full" in outcome.reason
    big = WRITE + "os.truncate('out/checkpoint.tmp', 2**21)\n" + RENAME
    outcome, results = try_out(tmp_path, big, results=small_disk / "r")
    assert outcome.status == "lost"
    assert not (results / "checkpoint.pt").exists()
    assert list(results.glob("*.tmp")) == []


def test_a_trial_that_fills_its_folder_is_ended(tmp_path):
    """Many files are weighed together."""
    source = """
    import os, time
    for n in range(50):
        with open(f"ballast-{n}", "wb") as file:
            file.write(os.urandom(2**20))
    time.sleep(600)
    """
    outcome, _ = try_out(tmp_path, source, folder_mb=20)
    assert outcome.status == "crash"
    assert "the limit is 20 MB" in outcome.reason


def test_folders_that_cannot_be_entered_are_removed(tmp_path):
    """What a trial made unreadable does not stay."""
    source = (
        "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w')\nos.chmod('a/b', 0)\nos.chmod('a', 0)"
    )
    outcome, _ = try_out(tmp_path, source)
    assert outcome.status == "no_checkpoint"


def test_neither_key_nor_git_nor_answers_are_there(tmp_path, monkeypatch):
    """An allow-listed environment, a folder of its own, and of the harness the problems alone."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "planted-key")
    source = """
    import os, pathlib, sys
    import harness.problems
    package = pathlib.Path(harness.problems.__file__).parent
    print(sorted(p.name for p in package.glob("*.py")), sorted(os.listdir(".")))
    print("planted-key" in str(os.environ), flush=True)
    raise SystemExit(9)
    """
    _, results = try_out(tmp_path, source)
    said = (results / "log.txt").read_text()
    assert said.splitlines() == [
        "['__init__.py', 'problems.py', 'tasks.py'] ['lib', 'tmp', 'train.py']",
        "False",
    ]


def test_the_supervisor_may_die_too(tmp_path):
    """SIGKILL of a trial's sandbox ends the trial, and it is lost."""
    stop = threading.Event()
    found = []

    def kill():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not found:
            for process in psutil.Process(os.getpid()).children(recursive=True):
                try:
                    if any(Path(word).name == "supervisor.py" for word in process.cmdline()):
                        time.sleep(0.5)
                        found.append(process.pid)
                        process.kill()
                        return
                except psutil.Error:
                    continue
            time.sleep(0.05)

    threading.Thread(target=kill).start()
    outcome, _ = try_out(tmp_path, "import time\ntime.sleep(30)", stop=stop)
    assert found
    assert outcome.status == "lost"
