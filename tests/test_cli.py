"""The command line: exit codes, what goes to which stream, and how fast --help is."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from terminal import Terminal

from harness.errors import Misuse
from harness.verify_command import trained_run

ROOT = Path(__file__).resolve().parent.parent
TOY = ROOT / "tests" / "toy_train.py"
HEAVY = {"torch", "numpy", "anthropic", "pandas", "matplotlib", "rich", "git", "optuna", "psutil"}
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "80"}


def thinker(*arguments, cwd=ROOT):
    command = [sys.executable, "-m", "harness", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """A folder in which `thinker verify` has trained the toy and scored it, and what it printed."""
    folder = tmp_path_factory.mktemp("verified")
    options = (
        "--problems",
        40,
        "--seed",
        "five",
        "--tasks",
        "copy:1-6",
        "--budget-s",
        60,
        "--json",
    )
    return folder, thinker("verify", TOY, *options, cwd=folder)


# --- a result ---


def test_verify_trains_a_train_py_first(verified):
    """With a train.py the training comes first, into results/by-hand, and its talk is progress."""
    folder, done = verified
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    run = folder / result["run"]
    assert run.parent == folder / "results" / "by-hand"
    assert re.fullmatch(r"\d{8}T\d{6}Z", run.name)
    assert {"train.py", "checkpoint.pt", "metrics.jsonl"} <= {p.name for p in run.iterdir()}
    assert "steps: " in done.stderr


def test_json_is_the_evaluation(verified):
    """--json prints one object with accuracy, status, tasks, counted levels, controls, seconds."""
    result = json.loads(verified[1].stdout)
    assert result["status"] == "ok"
    assert result["levels"][0]["accuracy"] > 0.4  # three of five operations up to 8 digits
    assert 0.02 < result["accuracy"] < 0.06  # which is little of the ladder
    assert result["interval"][0] < result["accuracy"] < result["interval"][1]
    assert set(result["tasks"]) == {"copy", "add", "mul", "factor"}
    assert len(result["levels"]) == 20
    assert all(0 <= row["correct"] <= row["total"] == 40 for row in result["levels"])
    assert [row["name"] for row in result["extra"]] == ["copy:6"]
    assert {c["name"] for c in result["controls"]} == {
        "permuted",
        "dose",
        "zero_step",
        "same_answer",
    }
    assert result["seconds"] > 0
    assert result["seed"] == "five"


def test_verify_again_asks_the_same(verified):
    """The command that a result names gives the same counts, from the checkpoint's path too."""
    folder, done = verified
    result = json.loads(done.stdout)
    assert result["command"].startswith(f"thinker verify {result['run']} --seed five")
    options = result["command"].split()[3:]
    again = thinker("verify", f"{result['run']}/checkpoint.pt", *options, cwd=folder)
    assert again.returncode == 0, again.stderr
    shown = re.findall(r" (\d+)/40 ", again.stdout)
    counts = [str(row["correct"]) for row in result["levels"] + result["extra"]]
    assert shown == counts
    assert "validation accuracy" in again.stdout
    assert "\x1b" not in again.stdout + again.stderr


def test_a_solver_that_computes_is_not_accepted(verified, tmp_path):
    """A solver that answers without its weights exits 1 and is told why."""
    run = verified[0] / json.loads(verified[1].stdout)["run"]
    (tmp_path / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes())
    cheat = """
        def load_solver(checkpoint, device):
            def solver(questions, **compute):
                return [q.split()[-1][::-1] for q in questions]
            return solver
    """
    source = (run / "train.py").read_text()
    start, end = (
        source.index("def load_solver"),
        source.index("# ---", source.index("def load_sol")),
    )
    (tmp_path / "train.py").write_text(source[:start] + textwrap.dedent(cheat) + source[end:])
    done = thinker("verify", tmp_path, "--problems", 40)
    assert done.returncode == 1
    assert "NOT ACCEPTED, status not_learned" in done.stdout or "refused" in done.stderr


# --- errors ---


@pytest.mark.parametrize(
    ("arguments", "value", "remedy"),
    [
        (("verify", "nowhere"), "nowhere", "name a run folder"),
        (("verify", "README"), "README", "name a run folder"),
        (("verify", "."), ".", "holds no checkpoint.pt"),
        (("verify", "constraints.txt"), "constraints.txt", "name one, or a run folder"),
        (("verify", "train.py", "--problems", "0"), "0", "1 or more"),
        (("verify", "train.py", "--problems", "many"), "many", "1 or more"),
        (("verify", "train.py", "--budget-s", "-3"), "-3", "above 0"),
        (("verify", "train.py", "--budget-s", "nan"), "nan", "above 0"),
        (("verify", "train.py", "--tasks", "division:3"), "division", "add:1-10"),
        (("verify", "train.py", "--device", "tpu"), "tpu", "cuda"),
        (("verify",), "PATH", "--help"),
        (("train",), "train", "--help"),
        (("verify", "train.py", "--frobnicate"), "--frobnicate", "(see thinker verify --help)"),
        (("board", "--sortt", "id"), "--sortt", "is --sort meant?"),
        (("bord",), "'bord'", "is board meant?"),
        (("report", "--tag", "night"), "--tag", "as in thinker report 20260131"),
        (("board", "--tag=night"), "--tag=night", "as in thinker board 20260131"),
        (("adopt", "night"), "night", "a campaign is named by --tag"),
    ],
)
def test_misuse_exits_2_in_one_line(arguments, value, remedy):
    """Misuse exits 2 with one line on standard error: the value, and what to do."""
    done = thinker(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert value in done.stderr
    assert remedy in done.stderr


def test_a_terminal_gets_lines_broken_between_words(tmp_path):
    """The same words as elsewhere in one line, and a path in one piece, to be copied."""
    one = thinker("board", "nothing", cwd=tmp_path).stderr.rstrip("\n")
    assert len(one) > 60
    with Terminal(60, 20) as terminal:
        assert terminal.start(tmp_path, "board", "nothing").wait(30) == 2
        terminal.until(one.split()[-1])
        lines = terminal.text.rstrip().splitlines()
    assert len(lines) > 1
    assert " ".join(line.strip() for line in lines) == one
    assert all(len(line) <= 60 or len(line.split()) == 1 for line in lines)


def test_budget_of_a_trained_run_is_misuse(tmp_path):
    """--budget-s with a run that is trained already is refused, not ignored."""
    (tmp_path / "train.py").touch()
    (tmp_path / "checkpoint.pt").touch()
    done = thinker("verify", tmp_path, "--budget-s", 9)
    assert done.returncode == 2
    assert "trained already" in done.stderr


def test_an_experiments_folder_is_its_one_trial(tmp_path):
    """With more than one, each is named; with none, what is lacking."""
    with pytest.raises(Misuse, match="holds no checkpoint.pt"):
        trained_run(tmp_path)
    for number in (11, 12):
        (tmp_path / str(number)).mkdir()
        for name in ("train.py", "checkpoint.pt"):
            (tmp_path / str(number) / name).touch()
        if number == 11:
            assert trained_run(tmp_path) == tmp_path / "11"
    with pytest.raises(Misuse, match=r"has several trials: name one, .*/11, .*/12"):
        trained_run(tmp_path)


def test_a_checkpoint_that_was_not_kept_can_be_trained_again(tmp_path):
    """An experiment that was discarded has none any more: the message names what brings it back."""
    trial = tmp_path / "night" / "experiments" / "0012" / "77"
    trial.mkdir(parents=True)
    (trial / "train.py").write_text("")
    (tmp_path / "night" / "ledger.jsonl").write_text("")
    for path in (trial, trial.parent):
        with pytest.raises(Misuse, match=r"thinker reproduce 12 --tag night trains it again"):
            trained_run(path)
    with pytest.raises(Misuse, match="is no run folder: it holds no checkpoint"):
        trained_run(tmp_path / "night")


def test_a_folder_within_a_project_is_none(tmp_path):
    """Its campaigns would not be found there, and files be left; nothing is."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").touch()
    inner = tmp_path / "docs"
    inner.mkdir()
    for words in (("board",), ("report", "night"), ("diff", "1"), ("adopt",)):
        done = thinker(*words, cwd=inner)
        assert done.returncode == 2
        assert f"is a folder within the project {tmp_path}; cd there" in done.stderr
    assert list(inner.iterdir()) == []


def test_absent_cuda_is_misuse():
    """A device that the machine does not have exits 2 and names the way out."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    done = thinker("verify", TOY, "--device", "cuda")
    assert done.returncode == 2
    assert "--device cuda" in done.stderr
    assert "--device auto" in done.stderr


def test_broken_checkpoint_is_refused_in_one_line(tmp_path):
    """A checkpoint that can not be read exits 1 with its reason and no traceback."""
    (tmp_path / "train.py").write_text(TOY.read_text())
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 truncated")
    done = thinker("verify", tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("thinker: refused: checkpoint.pt")
    assert len(done.stderr.splitlines()) == 1


def test_what_is_refused_is_said_in_json_too(tmp_path):
    """With --json a script reads why nothing could be asked, and what it would be booked as."""
    (tmp_path / "train.py").write_text("def load_solver(checkpoint, device):\n    return eval\n")
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    done = thinker("verify", tmp_path, "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert (result["status"], result["accuracy"]) == ("crash", None)
    assert "line 2" in result["reason"]


def test_failed_training_exits_1(tmp_path):
    """A train.py that crashes is named with its exit code; its traceback stays visible above."""
    (tmp_path / "train.py").write_text("raise SystemExit(7)\n")
    done = thinker("verify", "train.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "train.py failed with exit code 7" in done.stderr


SLOW = """
    import pathlib, sys, time
    out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
    out.mkdir(parents=True)
    print("training", file=sys.stderr, flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(0.5)  # as long as a save may take
        (out / "checkpoint.pt").touch()
        sys.exit(130)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_lets_the_training_save(tmp_path, number):
    """Ctrl-C and kill reach the training once, which saves; exit 130, with the folder named."""
    (tmp_path / "train.py").write_text(textwrap.dedent(SLOW))
    with subprocess.Popen(
        [sys.executable, "-m", "harness", "verify", "train.py"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "training\n"
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(timeout=30) == 130
    (checkpoint,) = tmp_path.glob("results/by-hand/*/checkpoint.pt")
    assert rest.startswith("thinker: interrupted; what was trained so far is in")
    assert checkpoint.parent.name in rest
    assert len(rest.splitlines()) == 1


# --- help ---


COMMANDS = ("run", "stop", "board", "show", "diff", "verify")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_an_example(command):
    """Every command's help shows an example to type."""
    done = thinker(*filter(None, [command]), "--help")
    assert done.returncode == 0
    assert f"example: thinker {command}" in done.stdout


def test_no_command_shows_the_help_and_exits_2():
    """`thinker` alone is misuse; it shows what there is."""
    done = thinker()
    assert done.returncode == 2
    assert "verify" in done.stderr


def test_help_is_quick():
    """--help takes less than 0.3 s (the best of five, as machines are busy)."""

    def taken():
        start = time.perf_counter()
        thinker("--help")
        return time.perf_counter() - start

    assert min(taken() for _ in range(5)) < 0.3


def test_help_imports_nothing_heavy():
    """Neither --help nor a misuse that argparse finds imports a heavy library."""
    code = """
        import sys
        from harness.__main__ import main
        for arguments in (["--help"], ["run", "--help"], ["verify", "--problems", "0", "x"]):
            try:
                main(arguments)
            except SystemExit:
                pass
        print(*sys.modules, file=sys.stderr)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not HEAVY & set(done.stderr.splitlines()[-1].split())
