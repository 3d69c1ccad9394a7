"""The command researcher: real programs edit a train.py, badly and well, in a masked folder."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
from briefs import Clerk, make_brief
from conftest import ROOT, begin, board, make_project, of_campaign, thinker, toy_source, until
from hypothesis import example, given
from hypothesis import strategies as st

from harness import sandbox
from harness.desk import Halted
from harness.errors import Misuse
from harness.experiment import Experiment, LevelCount, Outcome, Proposed, Settings, Started, Tried
from harness.history import History
from harness.ledger import Entry
from harness.researcher import Where, make
from harness.researcher.command import STAND_IN, TRANSCRIPT_BYTES, Command
from harness.researcher.command_words import table
from harness.researcher.commandline import CommandLine
from harness.researcher.left_behind import Left, fields_of, read_left
from harness.sandbox import Sandbox

DRIVER = Path(__file__).with_name("command_driver.py")
SYSTEM_PYTHON = Path("/usr/bin/python3")
NOBODY = 65534
NONE = Sandbox("none", "asked for")
TOY = toy_source()
EDIT = "text = open('train.py').read(); open('train.py', 'w').write(text + '\\nNEW = 1\\n')\n"
TELL = "open('PROPOSAL.md', 'w').write('Hypothesis: a new constant\\nKind: Constant\\n')\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its sandboxes are Linux's")


def needs_bwrap():
    works, why = sandbox.probe("bwrap")
    if not works:
        pytest.skip(f"bwrap does not work here: {why}")


def make_history(source=TOY, budget_s=20.0):
    given = Settings(budget_s, None, 1, 1, 1, "cpu", "cpu", "none", ("command",), None, None)
    started = Started("t", "a campaign", given, "", "", "", "", "a machine", "0")
    baseline = Experiment(0, 0, "c0", "The baseline", "person", "", None, 0, "f0", 9, "none")
    events = (started, Proposed(baseline))
    return History.of([Entry("2026-01-31T22:00:00+00:00", event) for event in events])


class Bench:
    """A command whose program is `code`, and the campaign that asks it; use it in a `with`."""

    def __init__(self, folder, code, *, words=(), level=NONE, limit_s=30.0, source=TOY):
        self.agent, self.results = folder / "agent.py", folder / "results"
        self.write(code)
        project = folder / "project"
        (project / "inspirations").mkdir(parents=True)
        (project / "inspirations" / "note.md").write_text("# A note\n")
        os.mkfifo(project / "inspirations" / "pipe.md")
        argv = (sys.executable, str(self.agent), *words)
        where = Where(project, folder / "state")
        self.command = Command(argv, where, level=level, limit_s=limit_s)
        self.source = source
        self.clerk = Clerk(make_history(source))

    def write(self, code):
        self.agent.write_text(code)

    def __enter__(self):
        self.clerk.__enter__()
        return self

    def __exit__(self, *_):
        self.clerk.__exit__()

    def brief(self):
        return make_brief(
            self.source,
            history=self.clerk.history,
            results=self.results,
            desk=self.clerk.desk,
            source_of=lambda number: self.source,
        )

    def propose(self):
        return self.command.propose(self.brief())

    def transcript(self):
        return (self.results / "experiments" / "0001" / "transcript.log").read_text()


# ---------------------------------------------------------------------------
# A proposal
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["bwrap", "none"])
def test_what_it_leaves_is_the_proposal(level, tmp_path):
    """It finds program, history, notes and a train.py that runs; its file and its words come back;
    no git folder and no harness but the problems is there."""
    if level == "bwrap":
        needs_bwrap()
    code = f"""
import os, subprocess, sys
names = sorted(os.listdir('.'))
assert names == ['BRIEF.md', 'harness', 'inspirations', 'program.md', 'train.py'], names
assert os.listdir('inspirations') == ['note.md']
assert open('program.md').read() == 'Do well.'
assert 'The baseline' in open('BRIEF.md').read()
assert 'Improve train.py' in sys.stdin.read()
words = '--max-steps 1 --no-score --quiet --out out --device cpu'.split()
subprocess.run([sys.executable, 'train.py', *words], check=True)
{EDIT}{TELL}
print('thought long')
"""
    with Bench(tmp_path, code, level=Sandbox(level, "of the test"), limit_s=300.0) as bench:
        proposal = bench.propose()
        assert proposal.source == TOY + "\nNEW = 1\n", bench.transcript()
        assert (proposal.hypothesis, proposal.kind) == ("a new constant", "constant")
        assert proposal.researcher == {"bwrap": "command", "none": "command (unmasked)"}[level]
        told = [text for text in bench.clerk.told if "rows say unmasked" in text]
        assert len(told) == (level == "none")
        assert "thought long" in bench.transcript()
        assert "Improve train.py" in bench.transcript()
        bench.propose()
        assert [t for t in bench.clerk.told if "rows say unmasked" in t] == told


def test_the_prompt_may_be_a_word(tmp_path):
    """{prompt} is replaced wherever it stands, and nothing comes on standard input then."""
    code = f"""
import sys
assert sys.argv[1].startswith('--ask=Improve train.py'), sys.argv
assert sys.stdin.read() == ''
{EDIT}
print('a plain idea')
print()
"""
    with Bench(tmp_path, code, words=("--ask={prompt}",)) as bench:
        assert bench.propose().hypothesis == "a plain idea"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"PROPOSAL.md": "## Hypothesis\n\nMore heads\n\n**Expected effect:** +1 %\n- Kind: x\n"},
         ("More heads", 0.01, "x")),
        ({"PROPOSAL.md": "# More heads\nas they were few\nExpected: about -0.02"},
         ("More heads", -0.02, "idea")),
        ({"PROPOSAL.md": "Expected effect: large\nkind = memory"}, ("", None, "memory")),
        ({"proposal.json": '{"hypothesis": "a", "expected_effect": 0.5, "kind": "data"}'},
         ("a", 0.5, "data")),
        ({"proposal.json": '{"hypothesis": [1], "expected": "7", "kind": 3}'}, ("", None, "idea")),
        ({"proposal.json": "[" * 60000, "PROPOSAL.md": "b"}, ("b", None, "idea")),
        ({"proposal.json": '{"expected": 1e999}'}, ("", None, "idea")),
        ({"PROPOSAL.md": "Hypothesis: \x1b[31mred\u202e"}, ("[31mred", None, "idea")),
        ({}, ("", None, "idea")),
    ],
)  # fmt: skip
def test_its_words_are_read_leniently(files, expected, tmp_path):
    """Headings, bold fields, JSON or one line; what cannot be read is left out."""
    for name, text in {"train.py": "A = 2", **files}.items():
        (tmp_path / name).write_text(text)
    assert read_left(tmp_path, "A = 1") == Left("A = 2", *expected)


@given(st.text(max_size=300))
@example("kind:" + "*_ " * 3000)
def test_any_words_are_read(text):
    """No text breaks the reading of a PROPOSAL.md, and it takes no long time."""
    before = time.monotonic()
    assert set(fields_of(text)) <= {"hypothesis", "expected", "kind"}
    assert time.monotonic() - before < 1


def test_the_table_holds_what_was_tried():
    """Each experiment has a line, and none of its texts ends its cell."""
    history = make_history()
    words = "c1", "a | b\n| c", "command", "idea", None, 1, "f1", 9, "none"
    history = history.after(Entry("", Proposed(Experiment(1, 0, *words))))
    lines = table(make_brief(history=history)).splitlines()
    assert lines[-1].startswith("| 1 | 0 | waiting |")
    assert lines[-1].count("|") == lines[-2].count("|") == lines[-3].count("|")


# ---------------------------------------------------------------------------
# What goes wrong
# ---------------------------------------------------------------------------

HOSTILE_FILES = {
    "symlink": "os.unlink('train.py'); os.symlink(secret, 'train.py')",
    "hard link": "os.unlink('train.py'); os.link(secret, 'train.py')",
    "pipe": "os.unlink('train.py'); os.mkfifo('train.py')",
    "folder": "os.unlink('train.py'); os.mkdir('train.py')",
    "huge": "open('train.py', 'ab').truncate(2**30)",
    "binary": "open('train.py', 'wb').write(b'\\xff\\xfe')",
    "missing": "os.unlink('train.py')",
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_what_is_no_plain_file_is_not_read(name, tmp_path):
    """A link to a secret, a pipe, a gigabyte: said to it once, then the offline one proposes."""
    secret = tmp_path / "secret"
    secret.write_text("SECRET = 1  # [1, 3]\n")
    code = f"import os, sys\nprint(sys.stdin.read())\nsecret = {str(secret)!r}\n"
    code += f"if os.path.isfile('train.py'):\n    {HOSTILE_FILES[name]}\n"
    with Bench(tmp_path, code) as bench:
        before = time.monotonic()
        proposal = bench.propose()
        assert time.monotonic() - before < 20
        assert proposal.researcher == STAND_IN
        assert "SECRET" not in proposal.source
        assert "LEARNING_RATE" in proposal.hypothesis
        assert bench.transcript().count("=== it ended well") == 2
        assert "A run before this one counts for nothing: it left no train.py" in bench.transcript()
        assert secret.read_text().startswith("SECRET")


def test_an_unchanged_train_py_is_said_once(tmp_path):
    """One more run with that said; if it helps, the proposal is the command's own."""
    code = f"""
import sys
if 'counts for nothing: it left train.py as it was' in sys.stdin.read():
    {EDIT}
"""
    with Bench(tmp_path, code) as bench:
        assert bench.propose().researcher == "command (unmasked)"
        bench.write("print('nothing to do')")
        assert bench.propose().researcher == STAND_IN
        assert bench.transcript().count("=== it ended well") == 4
        assert any("it left train.py as it was" in text for text in bench.clerk.told)


def test_a_failing_command_is_stood_in_for_and_tried_again(tmp_path):
    """Two runs, then one a proposal; the person is told why; once it works it proposes itself."""
    broken = "import sys\nprint('no credit left')\nsys.exit(3)\n"
    with Bench(tmp_path, broken) as bench:
        for runs in (2, 3, 4):
            proposal = bench.propose()
            assert proposal.researcher == STAND_IN
            assert bench.transcript().count("no credit left\n\n=== it ended with") == runs
        until(lambda: len(bench.clerk.told) >= 4, 5)
        said = [text for text in bench.clerk.told if "exit code 3: no credit left" in text]
        assert len(said) == 3
        repaired = bench.command.repair(bench.brief(), proposal, "too small")
        assert repaired.researcher == STAND_IN
        assert repaired.source != proposal.source
        bench.write(EDIT)
        assert bench.propose().researcher == "command (unmasked)"


@pytest.mark.parametrize("level", ["bwrap", "none"])
def test_one_that_hangs_is_ended_with_all_that_it_left(level, tmp_path):
    """At its time it and what fled from it end; later runs get less time, until one ends well."""
    if level == "bwrap":
        needs_bwrap()
    code = hopper(tmp_path) + "time.sleep(600)\n"
    with Bench(tmp_path, code, level=Sandbox(level, ""), limit_s=2.0) as bench:
        before = time.monotonic()
        assert bench.propose().researcher == STAND_IN
        assert time.monotonic() - before < 15
        assert bench.transcript().count("=== still running after 2 s") == 1, "not tried twice"
        until(lambda: of(tmp_path) == [], 5)
        bench.command.limit_s = None
        trial = make_history(budget_s=900.0).settings
        assert bench.command.limit(trial) == 450.0
        assert bench.command.limit(replace(trial, budget_s=20.0)) == 60.0
        bench.write(EDIT)
        bench.propose()
        assert bench.command.limit(trial) == 1800.0
        assert bench.command.limit(replace(trial, budget_s=20.0)) == 300.0


def test_a_flood_of_output_is_cut(tmp_path):
    """100 MB leave their beginning and end in the transcript, and little memory or disk."""
    code = (
        f"import os\nos.write(1, b'first')\n[os.write(1, b'x' * 2**20) for _ in range(100)]\n{EDIT}"
    )
    code += "print('\\nlast')\n"
    with Bench(tmp_path, code) as bench:
        for _ in range(6):
            assert bench.propose().hypothesis == "last"
        text = bench.transcript()
        assert "first" in text
        assert "bytes left out" in text
        assert len(text) <= TRANSCRIPT_BYTES


def test_a_program_that_is_not_there_is_misuse(tmp_path):
    """By name and by path, at the start; one that goes away later is a failure like others."""
    for word in ("no-such-agent", "./agent", str(tmp_path)):
        with pytest.raises(Misuse, match=word):
            make(("command", word, "--flag"), Where(tmp_path))
    with pytest.raises(Misuse, match="-- ARGV"):
        make(("command",), Where(tmp_path))
    program = tmp_path / "project" / "agent"
    with Bench(tmp_path, "") as bench:
        program.write_text(f"#!{sys.executable}\n{EDIT}print('by hand')\n")
        program.chmod(0o755)
        bench.command.line = CommandLine(("./agent",), program.parent, NONE)
        assert bench.propose().hypothesis == "by hand"
        program.unlink()
        assert bench.propose().researcher == STAND_IN
        assert any("there is no program './agent'" in text for text in bench.clerk.told)


def test_where_nobody_has_anything_it_waits(tmp_path):
    """No constants to tune and a broken command: it is tried again, until the campaign ends."""
    ended = []

    def ask(bench):
        try:
            bench.propose()
        except Halted:
            ended.append("halted")

    with Bench(tmp_path, "raise SystemExit('no')", source="A = 1\n") as bench:
        thread = Thread(target=ask, args=(bench,))
        thread.start()
        said = "nor has offline for command anything"
        until(lambda: any(said in text for text in bench.clerk.told), 20)
        assert ended == []
        bench.clerk.halt.set()
        thread.join(timeout=5)
        assert ended == ["halted"]


def test_the_end_of_a_campaign_ends_it(tmp_path):
    """It is killed with all that fled from it, at once, and proposes nothing."""
    code = hopper(tmp_path) + "time.sleep(600)\n"
    with Bench(tmp_path, code) as bench:
        timer = Thread(target=lambda: (until(lambda: len(of(tmp_path)) > 2, 20),
                                       bench.clerk.halt.set()))  # fmt: skip
        timer.start()
        with pytest.raises(Halted):
            bench.propose()
        timer.join()
        until(lambda: of(tmp_path) == [], 5)


# ---------------------------------------------------------------------------
# Mending
# ---------------------------------------------------------------------------


def test_a_refusal_comes_back_in_the_same_folder(tmp_path):
    """The reason is in the prompt, its files are where it left them; no change gives it up."""
    code = f"""
import os, sys
prompt = sys.stdin.read()
if 'Improve train.py' in prompt:
    open('mine.txt', 'w').write('x')
    {EDIT.strip()}
    {TELL.strip()}
elif '| the solver is slow' in prompt:
    assert os.path.exists('mine.txt')
    assert 'NEW = 1' in open('train.py').read()
    open('train.py', 'a').write('MENDED = 1')
"""
    with Bench(tmp_path, code) as bench:
        proposal = bench.propose()
        mended = bench.command.repair(bench.brief(), proposal, "the solver is slow")
        assert mended.source == proposal.source + "MENDED = 1", bench.transcript()
        assert mended.hypothesis == "a new constant"
        assert bench.command.repair(bench.brief(), mended, "and wrong") is None


def test_a_crash_comes_back_with_its_log(tmp_path):
    """The crashed train.py and the end of its log, quoted; only for its own experiments."""
    code = f"""
import sys
prompt = sys.stdin.read()
assert 'Experiment 1 crashed' in prompt and '| ValueError: 3 heads' in prompt, prompt
{EDIT}
"""
    with Bench(tmp_path, code) as bench:
        figures = {"train_s": 1.0, "score_s": 0.0, "cpu_s": 1.0, "solve_s": None, "steps": None}
        figures |= {"samples": None, "memory_mb": None, "slot": 0, "sandbox": "", "checkpoint": ""}
        for number, name in ((1, "command"), (2, STAND_IN)):
            words = f"c{number}", "three heads", name, "idea", None, number, f"f{number}", 9, "none"
            crashed = Outcome(
                number, 7, "crash", (LevelCount("copy:8", 0, 1),), "3 heads", **figures
            )
            for event in (Proposed(Experiment(number, 0, *words)), Tried(crashed)):
                bench.clerk.history = bench.clerk.history.after(Entry("", event))
        folder = bench.results / "experiments" / "0001" / "7"
        folder.mkdir(parents=True)
        (folder / "log.txt").write_bytes(b"\xff\nValueError: 3 heads\n")
        mended = bench.command.mend(bench.brief(), 1)
        assert mended.mends == 1
        assert mended.hypothesis == "three heads, mended"
        assert mended.source.endswith("NEW = 1\n")
        assert bench.command.mend(bench.brief(), 2) is None
        bench.write("raise SystemExit(1)")
        assert bench.command.mend(bench.brief(), 1) is None


# ---------------------------------------------------------------------------
# The mask
# ---------------------------------------------------------------------------


@pytest.fixture
def outside():
    """A new folder not below /tmp, which is hidden in any case."""
    folder = Path(tempfile.mkdtemp(prefix="thinker-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def drive(level, folder, as_nobody, path=os.environ["PATH"]):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
    command = [sys.executable, str(DRIVER), level, str(folder)]
    if as_nobody:
        if os.geteuid() != 0 or not SYSTEM_PYTHON.exists() or shutil.which("setpriv") is None:
            pytest.skip("there is no Python that an ordinary user may run, or this is one")
        library, theirs = folder / "library", folder / "theirs"
        shutil.copytree(ROOT / "harness", library / "harness")
        shutil.copyfile(DRIVER, library / "driver.py")
        for name in ("psutil", "pyseccomp", "git", "gitdb", "smmap"):
            origin = Path(find_spec(name).origin)
            if origin.name == "__init__.py":
                shutil.copytree(origin.parent, library / name)
            else:
                shutil.copyfile(origin, library / origin.name)
        theirs.mkdir()
        os.chown(theirs, NOBODY, NOBODY)
        who = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        command = [*who, str(SYSTEM_PYTHON), str(library / "driver.py"), level, str(theirs)]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(library)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("as_nobody", [False, True], ids=["this user", "ordinary user"])
def test_repository_results_and_state_are_hidden(as_nobody, outside):
    """Neither by their paths nor through /proc, other mounts or namespaces; home, key, network and
    its own folder are there. Without the mask the same program reads and writes them all."""
    needs_bwrap()
    found = drive("auto", outside, as_nobody)
    assert found["level"] == "bwrap", found["why"]
    assert found["got"] == [], found["output"][-3000:]
    assert found["can"] == ["home", "work", "tmp", "key", "network", "train"], found["output"]
    print("refused:", found["output"].count("\n"), "attempts")


def test_without_a_mask_all_of_it_is_seen(outside):
    """What the mask is for: the same program reads secret, ledger and git folder at `none`."""
    found = drive("none", outside, as_nobody=False)
    for name in ("secret", "ledger.jsonl", ".git/HEAD", "project/train.py", "project/HEAD"):
        assert any("read" in got and got.endswith(name) for got in found["got"]), name


@pytest.mark.parametrize("home", ["/", "/tmp/thinker-home"])
def test_an_odd_home_uncovers_nothing(home, outside, monkeypatch):
    """A home that is the root, or lies in what is hidden anyway: writable, and no more is seen."""
    needs_bwrap()
    monkeypatch.setenv("HOME", home)
    project, agent, work = outside / "project", outside / "agent.py", outside / "work"
    for folder in (project, work, Path(home)):
        folder.mkdir(exist_ok=True)
    (project / "train.py").write_text("A = 1\n")
    note = Path("/tmp/thinker-note")
    note.write_text("of somebody else")
    agent.write_text(f"""
import os
written = os.path.join({home!r}, "tmp/thinker-written" if {home!r} == "/" else "written")
open(written, "w").write("x")
print(len([n for n in os.listdir("/proc") if n.isdecimal()]) < 5, os.listdir({str(project)!r}),
      os.path.exists({str(note)!r}))
""")
    try:
        line = CommandLine((sys.executable, str(agent)), project)
        ran = line.run(work, "", 30.0, Event())
        assert line.is_masked
        assert ran.output.decode().strip() == "True [] False", ran.output
        assert (Path(home) / "written").exists() == (home != "/")
    finally:
        note.unlink()
        if home != "/":
            shutil.rmtree(home)


def test_without_bwrap_it_is_said(outside):
    """Landlock may work, and cannot hide a folder: the command runs unmasked, and why is told."""
    programs = outside / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git"))
    found = drive("auto", outside / "it", as_nobody=False, path=str(programs))
    assert (found["level"], found["can"]) == ("none", [])
    assert found["why"] == "bwrap: not installed; other sandboxes cannot hide folders"
    assert found["failure"] == ""


def test_only_files_that_argv_names_are_shown_again(outside):
    """A file of the project is, with its Python; nothing below results, git folder or state."""
    project = make_project(outside / "project", TOY)
    (project / "results" / "night").mkdir(parents=True)
    ledger, agent = project / "results" / "night" / "ledger.jsonl", project / "agent.py"
    for path in (ledger, agent):
        path.write_text("print(open(__file__).read())")
    words = (sys.executable, "agent.py", "results/night/ledger.jsonl", ".git/HEAD", "train.py")
    line = CommandLine((*words, "{prompt}"), project)
    assert line.arguments("x")[1:] == [
        str(agent), str(ledger), str(project / ".git" / "HEAD"), "train.py", "x",
    ]  # fmt: skip
    needs_bwrap()
    shown = line._mask().shown
    assert agent in shown
    assert ledger not in shown
    assert project / ".git" / "HEAD" not in shown
    work = outside / "work"
    work.mkdir()
    listing = f"import os; print(os.listdir({str(project)!r}))"
    agent.write_text(listing)
    ran = CommandLine((sys.executable, "agent.py"), project).run(work, "", 30.0, Event())
    assert ran.output.decode().strip() == "['agent.py']", ran.failure


# ---------------------------------------------------------------------------
# Campaigns
# ---------------------------------------------------------------------------

AGENT = """
import os, re, sys
prompt = sys.stdin.read()
assert sys.argv[1:] == ["--experiments", "99", "--", "--tag"], sys.argv
text = open("train.py").read()
steps = int(re.search("STEPS = ([0-9]+)", text)[1])
tried = len(set(re.findall("[0-9]+ steps more", open("BRIEF.md").read())))
open("train.py", "w").write(text.replace(f"STEPS = {steps}", f"STEPS = {steps + 7 * (tried + 1)}"))
print(f"{7 * (tried + 1)} steps more")
"""
FLAGS = ("--budget-s", "60", "--max-steps", "40", "--problems", "5", "--seeds", "1",
         "--reserve", "0", "--tasks", "copy:4-9")  # fmt: skip
WORDS = ("--researcher", "command", "--", "python3", "agent.py", "--experiments", "99", "--",
         "--tag")  # fmt: skip


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path / "project", TOY)
    (project / "agent.py").write_text(AGENT)
    return project


@pytest.mark.slow
def test_a_campaign_of_a_command(project):
    """Real trainings of what it edits; what follows -- is its own, through the re-execution and on
    resume; its transcripts lie beside the trials."""
    code, out = thinker(project, "run", "--tag", "night", "--experiments", "2", *FLAGS, *WORDS)
    assert code == 0, out
    rows = board(project, "night")
    assert [row["hypothesis"] for row in rows[1:]] == ["7 steps more", "14 steps more"]
    assert [row["status"] for row in rows] == ["ok", "ok", "ok"]
    folder = project / "results" / "night" / "experiments"
    assert "7 steps more" in (folder / "0001" / "transcript.log").read_text()
    assert of_campaign(project) == []
    masked = "command" if sandbox.probe("bwrap")[0] else "command (unmasked)"
    assert f"researcher {masked}, idea" in thinker(project, "show", 1)[1]


def test_a_killed_campaign_takes_its_command_with_it(project):
    """SIGKILL of the harness ends the command and what fled from it; the same words resume."""
    working = (project / "agent.py").read_text()
    mark = project.parent
    (project / "agent.py").write_text(hopper(mark) + "time.sleep(600)\n")
    process = begin(project, "run", "--rehearse", "--experiments", "1", *WORDS)
    until(lambda: len(of(mark)) > 2)
    process.kill()
    process.communicate()
    until(lambda: of(mark) == [], 10)
    (project / "agent.py").write_text(working)
    code, out = thinker(project, "run", "--rehearse", *WORDS[:-1])
    assert code == 2
    assert "--researcher" in out
    code, out = thinker(project, "run", "--rehearse")
    assert code == 0, out
    assert [row["hypothesis"] for row in board(project)] == ["The baseline", "7 steps more"]


def test_a_broken_command_does_not_end_a_campaign(project):
    """Its experiments are the offline researcher's, and their rows say for whom."""
    (project / "agent.py").write_text("raise SystemExit('no credit left')")
    code, out = thinker(project, "run", "--rehearse", "--experiments", "3", *WORDS)
    assert code == 0, out
    assert "no credit left; offline proposes for it" in " ".join(out.split())
    assert len(board(project)) == 4
    assert "offline for command" in thinker(project, "show", "2")[1]


def test_rows_say_unmasked(project, tmp_path):
    """A campaign where there is no bwrap: said once, and in each row."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git").symlink_to(shutil.which("git"))
    (programs / "python3").symlink_to(sys.executable)
    also = {"PATH": str(programs)}
    code, out = thinker(project, "run", "--rehearse", "--experiments", "2", *WORDS, also=also)
    assert code == 0, out
    assert " ".join(out.split()).count("its rows say unmasked (bwrap: not installed") == 1
    for number in (1, 2):
        assert "command (unmasked), idea" in thinker(project, "show", number)[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--researcher", "command", "--", "no-such-agent"], "no-such-agent"),
        (["run", "--researcher", "command", "--"], "-- ARGV"),
        (["run", "--researcher", "command"], "-- ARGV"),
        (["run", "--", "agent"], "--researcher command"),
        (["run", "--researcher", "offline", "--", "agent"], "--researcher command"),
    ],
)
def test_misuse_is_told(project, words, said):
    """Exit code 2, before anything was begun."""
    code, out = thinker(project, *words)
    assert code == 2, out
    assert said in out
    assert not (project / "results").exists()


# ---------------------------------------------------------------------------
# Processes
# ---------------------------------------------------------------------------


def hopper(mark):
    """A program that leaves two processes of other sessions, and one that forks and exits."""
    return f"""
import os, sys, time
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            code = "import time; time.sleep(600)"
            os.execv(sys.executable, [sys.executable, "-c", code, {str(mark)!r} + "-left"])
        os._exit(0)
if os.fork() == 0:
    ends = time.monotonic() + 600
    while time.monotonic() < ends:
        if os.fork():
            os._exit(0)
        time.sleep(0.01)
time.sleep(0.3)
if os.fork() == 0:
    os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)",
                              {str(mark)!r} + "-left"])
"""


def of(mark):
    """Processes that the hopper left, and that run."""
    found = []
    for process in psutil.process_iter():
        try:
            is_left = f"{mark}-left" in process.cmdline()
            if is_left and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
