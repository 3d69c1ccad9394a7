"""One trial, start to outcome: each test is a training that does something else wrong."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness import sandbox
from harness.experiment import Settings, Trial
from harness.memory import total_bytes
from harness.preflight import preflight
from harness.sandbox import Place, Sandbox
from harness.trial import KILL_S, Order, run_trial
from harness.watch import LOG_BYTES

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
    cores=(),
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
        Place(Sandbox(level, ""), cores, memory_mb=memory_mb),
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
    assert outcome.reason == "exit code 1: ValueError: no [31mway"
    assert outcome.levels == ()
    assert "hello" in (results / "log.txt").read_text()
    assert (results / "train.py").read_text() == source


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose its cores")
def test_what_others_compute_on_its_core_is_told_apart(tmp_path, level):
    """A training that shares its core with a busy process: what it has not, that one has."""
    core = max(os.sched_getaffinity(0))
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    psutil.Process(busy.pid).cpu_affinity([core])
    try:
        source = "import time\nend = time.monotonic() + 4\nwhile time.monotonic() < end: pass\n"
        outcome, _ = try_out(tmp_path, source, level=level, cores=(core,))
    finally:
        busy.kill()
        busy.wait()
    assert outcome.others_s is not None
    assert outcome.others_s > 0.25 * outcome.train_s
    assert outcome.cpu_s < 0.75 * outcome.train_s
    assert outcome.cpu_s + outcome.others_s == pytest.approx(outcome.train_s, rel=0.25)


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
    assert "still running after 2 s" in outcome.reason


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
    outcome, _ = try_out(tmp_path, source, memory_mb=8000)  # pages that they share are counted
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


# ---------------------------------------------------------------------------
# What an edit leaves in its folder
# ---------------------------------------------------------------------------

LEFT = {
    "folders 1,500 deep": """
        import os
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        """,
    "nested metrics": SAVE + "open('out/metrics.jsonl', 'w').write('[' * 100_000)\n",
    "huge integers": SAVE
    + "open('out/metrics.jsonl', 'w').write('{\"seconds\": ' + '9' * 400 + '}')\n",
    "a folder that is a link": "import os\nos.symlink('/proc/self', 'out')\n",
    "names that are no text": "import os\nos.mkdir(b'\\xff\\n')\n",
}


@pytest.mark.parametrize("source", LEFT.values(), ids=LEFT)
def test_whatever_it_leaves_it_is_one_outcome(tmp_path, source, level):
    """No exception reaches the harness, and nothing stays."""
    outcome, _ = try_out(tmp_path, source, level=level)
    assert outcome.status == "no_checkpoint"
    assert (outcome.steps, outcome.samples) == (None, None)


HOLD = """
import os, time
for n in range({n}):
    handle = os.open(f"file-{{n}}", os.O_WRONLY | os.O_CREAT)
    os.write(handle, os.urandom({size}))
    {end}
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("n", "size", "end", "said"),
    [
        (40, 2**20, "os.unlink(f'file-{n}')", "the limit is 20 MB"),
        (60_000, 0, "os.close(handle)", "files; that is the limit"),
        (1, 0, "os.makedirs('a/b'); os.chmod('a', 0o300)", "cannot be read"),
    ],
    ids=["unlinked", "many", "unreadable"],
)
def test_room_that_is_taken_out_of_sight(tmp_path, n, size, end, said):
    """Files without a name, empty ones by the thousand, folders that may not be listed."""
    if "0o300" in end and os.geteuid() == 0:
        pytest.skip("to root every folder can be listed")
    folder_mb = 20 if size else 4096
    outcome, _ = try_out(tmp_path, HOLD.format(n=n, size=size, end=end), folder_mb=folder_mb)
    assert outcome.status == "crash"
    assert said in outcome.reason


PREFLIGHT = """
import os, pathlib
out = pathlib.Path("out")
{before}
out.mkdir(exist_ok=True)
for name in ("train.py", "log.txt"):
    {way}

def load_solver(checkpoint, device):
    return lambda questions: ["" for question in questions]

if __name__ == "__main__":
    import torch
    torch.save({{"a": torch.zeros(3)}}, "out/checkpoint.pt")
    {end}
"""


@pytest.mark.parametrize("end", ["pass", "raise SystemExit('out of here')"], ids=["ends", "fails"])
@pytest.mark.parametrize(
    "way",
    ["(out / name).symlink_to('{foreign}'); pathlib.Path(name).unlink(missing_ok=True);"
     " pathlib.Path(name).symlink_to('{foreign}')",
     "os.mkfifo(out / name)"],
    ids=["links", "pipes"],
)  # fmt: skip
def test_a_preflight_writes_and_reads_nothing_through_the_edits_folder(tmp_path, way, end):
    """Not train.py, not the log: a link there changes no file and shows none, a pipe holds up no
    one."""
    foreign = tmp_path / "foreign"
    foreign.write_text("a secret")
    source = PREFLIGHT.format(before="", way=way.format(foreign=foreign), end=end)
    flight = preflight(
        source, SETTINGS, tmp_path / "scratch" / "preflight", Place(Sandbox("none", "")),
        threading.Event(),
    )  # fmt: skip
    assert flight.end == ("failed" if "raise" in end else "passed"), flight.report
    assert "a secret" not in flight.report
    assert foreign.read_text() == "a secret"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_containers_limit_is_what_there_is(tmp_path):
    """Past it the kernel kills: the least one of its own control group and those above it."""
    groups, own = tmp_path / "cgroup", tmp_path / "self"
    (groups / "a" / "b").mkdir(parents=True)
    whole = total_bytes(groups, own)
    assert whole == psutil.virtual_memory().total
    own.write_text("0::/a/b\n")
    for folder, text in ((groups / "a" / "b", "max"), (groups / "a", "1000000"), (groups, "x")):
        (folder / "memory.max").write_text(f"{text}\n")
    assert total_bytes(groups, own) == 1_000_000
    (groups / "memory.max").write_text("900000\n")
    assert total_bytes(groups, own) == 900_000
