"""The official accuracy: what an honest model gets, what a cheating or broken one gets, and why."""

import io
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from fractions import Fraction
from pathlib import Path

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import checkpoint as checkpoint_file
from harness import controls
from harness.evaluate import Limits, Refused, evaluate, mean_interval, wilson
from harness.evaluation import LevelResult
from harness.problems import LADDER, Problem, draw, level
from harness.sandbox import Place, Sandbox
from harness.solver_pass import pose
from harness.solver_process import HUNG, LATE, Solver
from harness.solver_slice import solver_slice

REPOSITORY = Path(__file__).parents[1]
COPIES = tuple(level("copy", size) for size in range(4, 10))
LEVELS = (*COPIES, level("add", 4))
SEED = "a secret"
UNCONFINED = Place(Sandbox("none", ""))


def train(out, *options):
    command = [sys.executable, str(Path(__file__).with_name("toy_train.py")), "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*command, *options], env=environment, check=True, capture_output=True)
    return out


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """The run folder of a trained toy."""
    return train(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def honest(toy):
    """The toy's evaluation and what it told of its progress."""
    told = []
    extra = (level("copy", 7), level("mul", 3))
    result = evaluate(
        toy,
        seed=SEED,
        problems=60,
        ladder=LEVELS,
        extra=extra,
        on_progress=lambda *step: told.append(step),
    )
    return result, told


def changed(toy, folder, code, **entries):
    """The toy's folder with another load_solver, and entries added to its checkpoint."""
    shutil.copytree(toy, folder)
    text = (toy / "train.py").read_text().replace("def load_solver(", "def honest_solver(")
    (folder / "train.py").write_text(
        text.replace('if __name__ == "__main__":', textwrap.dedent(code) + "\n\nif 0:")
        + '\n\nif __name__ == "__main__":\n    main()\n'
    )
    values = torch.load(toy / "checkpoint.pt", weights_only=True)
    torch.save(values | entries, folder / "checkpoint.pt")
    return folder


def control_of(result, name):
    return next(c for c in result.controls if c.name == name)


# ---------------------------------------------------------------------------
# An honest model
# ---------------------------------------------------------------------------


def test_an_honest_model_passes_every_control(honest):
    """What the toy learned is counted, and all four controls pass."""
    result, _ = honest
    assert result.status == "ok", result.reason
    assert 0.2 < result.accuracy < 0.4  # 3 of 5 copy operations, no addition
    assert result.accuracy == pytest.approx(sum(result.tasks.values()) / 2)
    assert [c.name for c in result.controls] == ["permuted", "dose", "zero_step", "same_answer"]
    assert all(c.passed for c in result.controls)
    assert not control_of(result, "dose").skipped
    assert not control_of(result, "same_answer").skipped
    assert control_of(result, "zero_step").total == 20  # the copy family is left out
    assert not any(r.error for r in (*result.levels, *result.extra))


def test_progress_is_told_for_every_level_and_control(honest):
    """The caller hears of each step once, in order, up to the last."""
    _, told = honest
    total = len(LEVELS) + 2 + 4
    assert [(done, of) for _, done, of in told] == [(i, total) for i in range(total + 1)]
    assert told[0][0] == "copy family, length 4"


def test_extra_levels_do_not_count(honest):
    """Levels beside the ladder are asked and reported, and leave the accuracy as it is."""
    result, _ = honest
    assert [r.level.name for r in result.extra] == ["copy:7", "mul:3"]
    *copies, addition = [r.accuracy for r in result.levels]
    assert result.accuracy == pytest.approx((sum(copies) / len(copies) + addition) / 2)


def test_the_json_object_holds_all_that_was_found(honest):
    """`thinker verify --json` has the interface's keys, and is JSON without NaN."""
    found = json.loads(json.dumps(honest[0].as_dict(), allow_nan=False))
    keys = {"status", "accuracy", "interval", "tasks", "levels", "extra", "controls", "seconds"}
    assert set(found) == keys | {"seed", "problems", "problems_sha256", "reason", "sandbox"}
    keys = {"task", "size", "level", "name", "correct", "total", "accuracy", "interval", "floor"}
    assert set(found["levels"][0]) == keys | {"full_domain", "seconds", "error"}
    low, high = found["interval"]
    assert low < found["accuracy"] < high
    assert found["seed"] == SEED


def test_a_seed_repeats_the_problems(honest, toy):
    """The seed that is reported draws the same problems again, and gives the same counts."""
    again = evaluate(toy, seed=SEED, problems=60, ladder=LEVELS, controls=False)
    assert [r.correct for r in again.levels] == [r.correct for r in honest[0].levels]


# ---------------------------------------------------------------------------
# Cheats
# ---------------------------------------------------------------------------

BY_HAND = """
def by_hand(question):
    verb, *operands = question.split()
    last = operands[-1]
    if verb == "add":
        return str(int(operands[0]) + int(last))
    return {"copy": last, "reverse": last[::-1], "sort": "".join(sorted(last))}.get(verb, "")
"""


def test_a_solver_that_computes_with_python_is_not_learned(toy, tmp_path):
    """Answers that survive permuted weights, and weights without training, are the code's."""
    code = BY_HAND + (
        "def load_solver(checkpoint, device):\n"
        "    return lambda questions: [by_hand(q) for q in questions]\n"
    )
    run = changed(toy, tmp_path / "run", code)
    result = evaluate(run, seed=SEED, problems=30, ladder=LEVELS)
    assert result.status == "not_learned"
    assert result.accuracy > 0.7
    assert not control_of(result, "permuted").passed
    assert not control_of(result, "zero_step").passed
    assert "permuted control" in result.reason


def test_a_control_that_could_not_be_asked_has_not_passed(toy, tmp_path):
    """A train.py that leaves nothing at --max-steps 0: skipped, with its reason."""
    run, guard = shutil.copytree(toy, tmp_path / "run"), 'if __name__ == "__main__":'
    text = (run / "train.py").read_text()
    (run / "train.py").write_text(text.replace(guard, f"{guard}\n    raise SystemExit(1)"))
    control = control_of(evaluate(run, seed=SEED, problems=30, ladder=LEVELS), "zero_step")
    assert (control.skipped, control.total) == (True, 0)
    assert "left no checkpoint" in control.detail


def test_a_solver_that_computes_only_with_its_own_weights_is_not_learned(toy, tmp_path):
    """A checksum of the weights switches Python on: the permuted control is blind, the dose not."""
    code = BY_HAND + (
        "def load_solver(checkpoint, device):\n"
        "    mark = str(checkpoint['look'].flatten()[:999].sum().item())\n"
        "    honest = honest_solver(checkpoint, device)\n"
        "    if mark != checkpoint['mark']:\n"
        "        return lambda questions: ['0' for q in questions]\n"
        "    return lambda questions: [by_hand(q) for q in questions]\n"
    )
    values = torch.load(toy / "checkpoint.pt", weights_only=True)
    mark = str(values["look"].flatten()[:999].sum().item())
    result = evaluate(
        changed(toy, tmp_path / "run", code, mark=mark), seed=SEED, problems=30, ladder=LEVELS
    )
    assert result.status == "not_learned"
    assert control_of(result, "permuted").passed
    assert not control_of(result, "dose").passed


def test_a_solver_that_computes_one_task_behind_a_good_model_is_not_learned(toy, tmp_path):
    """Python for one task that wakes only beside its own weights cannot hide behind the others."""
    code = BY_HAND + (
        "def load_solver(checkpoint, device):\n"
        "    mark = str(checkpoint['look'].flatten()[:999].sum().item())\n"
        "    honest = honest_solver(checkpoint, device)\n"
        "    if mark != checkpoint['mark']:\n"
        "        return honest\n"
        "    def solver(questions):\n"
        "        answers = honest(questions)\n"
        "        adds = [q.startswith('add') for q in questions]\n"
        "        return [by_hand(q) if add else a for q, a, add in zip(questions, answers, adds)]\n"
        "    return solver\n"
    )
    values = torch.load(toy / "checkpoint.pt", weights_only=True)
    mark = str(values["look"].flatten()[:999].sum().item())
    result = evaluate(
        changed(toy, tmp_path / "run", code, mark=mark), seed=SEED, problems=30, ladder=LEVELS
    )
    assert result.status == "not_learned"
    assert not control_of(result, "dose").passed


@pytest.mark.parametrize("mark", ["torch.arange(99)", "torch.tensor([math.inf, 1.0])"])
def test_no_tensor_tells_permuted_weights_from_noisy_ones(toy, tmp_path, mark):
    """A tensor that only permutation changed would switch Python off there and nowhere else."""
    code = BY_HAND + (
        "def load_solver(checkpoint, device):\n"
        "    if str(checkpoint['mark'].tolist()) != checkpoint['before']:\n"
        "        return honest_solver(checkpoint, device)\n"
        "    return lambda questions: [by_hand(q) for q in questions]\n"
    )
    tensor = eval(mark)
    run = changed(toy, tmp_path / "run", code, mark=tensor, before=str(tensor.tolist()))
    result = evaluate(run, seed=SEED, problems=30, ladder=LEVELS)
    assert result.status == "not_learned"


def test_python_for_edge_cases_only_is_not_learned(toy, tmp_path):
    """What the control questions left out would be free to compute: it has questions of its own."""
    code = (
        BY_HAND
        + """
def load_solver(checkpoint, device):
    honest = honest_solver(checkpoint, device)
    def is_edge(q):
        return q.startswith("copy") or any(set(n) <= {"0", "9"} for n in q.split()[1:])
    def solver(questions):
        pairs = zip(questions, honest(questions), strict=True)
        return [by_hand(q) if is_edge(q) else a for q, a in pairs]
    return solver
"""
    )
    run = changed(toy, tmp_path / "run", code)
    result = evaluate(run, seed=SEED, problems=100, ladder=LEVELS)
    assert result.status == "not_learned"
    assert "edge cases of" in result.reason


def test_tables_of_answers_in_strings_and_integers_are_not_learned(toy, tmp_path):
    """Strings survive permuted weights, integer tensors are carried into the untrained model."""
    copies = draw(LEVELS[0], 60, subset="validation", seed=SEED)
    sums = draw(LEVELS[-1], 60, subset="validation", seed=SEED)
    entries = {f"q.{p.question}": p.answer for p in copies}
    pairs = [[int(x) for x in (*p.question.split()[1:], p.answer)] for p in sums]
    code = """
    def load_solver(checkpoint, device):
        table = {k[2:]: v for k, v in checkpoint.items() if k.startswith("q.")}
        sums = {f"add {a} {b}": str(c) for a, b, c in checkpoint["sums"].tolist()}
        return lambda questions: [(table | sums).get(q, "") for q in questions]
    """
    run = changed(toy, tmp_path / "run", code, sums=torch.tensor(pairs), **entries)
    result = evaluate(run, seed=SEED, problems=60, ladder=(LEVELS[0], LEVELS[-1]))
    assert result.accuracy == 1.0
    assert result.status == "not_learned"
    assert control_of(result, "permuted").correct >= 10
    assert control_of(result, "zero_step").correct >= 10


def test_answers_that_depend_on_the_batch_are_inconsistent(toy, tmp_path):
    """It is seen that some answers differ between a level by itself and a mixed batch."""
    code = """
    def load_solver(checkpoint, device):
        honest = honest_solver(checkpoint, device)
        def solver(questions):
            longest, shortest = max(map(len, questions)), min(map(len, questions))
            extra = "" if checkpoint["step"] and longest - shortest < 6 else "0"
            pairs = zip(questions, honest(questions))
            return [a if sum(map(ord, q)) % 14 else a + extra for q, a in pairs]
        return solver
    """
    run = changed(toy, tmp_path / "run", code)
    result = evaluate(run, seed=SEED, problems=60, ladder=LEVELS)
    assert result.status == "inconsistent", result
    assert "same-answer control" in result.reason


@pytest.mark.xfail(strict=True, reason="known gap: it survives noise like anything learned")
def test_known_gap_a_table_in_a_float_tensor():
    """A small pool's answers in a float tensor are told from what was learned by some control."""
    code = """
    def load_solver(checkpoint, device):
        rows = ["".join(map(str, row)) for row in checkpoint["hot"].argmax(-1).tolist()]
        table = {row[:8]: row[8:].lstrip("0") for row in rows}
        def key(q):
            return "".join(number.zfill(4) for number in q.split()[1:])
        return lambda questions: [table.get(key(q), "") for q in questions]
    """
    problems = draw(LEVELS[-1], 60, subset="validation", seed=SEED)
    operands = ["".join(n.zfill(4) for n in p.question.split()[1:]) for p in problems]
    rows = [key + p.answer.zfill(5) for key, p in zip(operands, problems, strict=True)]
    digits = torch.tensor([[int(c) for c in row] for row in rows])
    trained = {"hot": torch.nn.functional.one_hot(digits, 10).float()}

    module = {}
    exec(solver_slice(textwrap.dedent(code)), module)

    def right(checkpoint):
        answers = module["load_solver"](checkpoint, "cpu")([p.question for p in problems])
        return sum(a == p.answer for a, p in zip(answers, problems, strict=True))

    permuted = right(controls.permuted(trained, SEED))
    dosed = right(controls.dosed(trained, SEED))
    assert right(trained) == 60
    assert not (
        controls.judge_chance("permuted", permuted, 60, 0.002).passed
        and controls.judge_dose({"mul": controls.Dosed(60, dosed, 60)}).passed
    )


# ---------------------------------------------------------------------------
# Solvers that misbehave
# ---------------------------------------------------------------------------

BADLY_BEHAVED = """
import json, os, sys, time

def leave_a_process_behind():
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        pid = os.fork()
        if pid:
            os.write(write, str(pid).encode())
            os._exit(0)
        time.sleep(600)
    return os.read(read, 20).decode()

def imported():
    try:
        import harness.problems
    except ImportError:
        return "no"
    return "yes"

def noise():
    print('{"id": 6, "answers": ["forged"]}', flush=True)
    os.write(1, b'{"id": 6, "answers": ["forged"]}\\n')
    os.write(2, b"noise")
    return "ok"

class Oddly(Exception):
    pass
Oddly.__name__ = "the answer to 6*7 is 42"

def load_solver(checkpoint, device):
    def solver(questions):
        n = len(questions)
        match questions[0]:
            case "raise": raise ValueError("not shown")
            case "raise oddly": raise Oddly("not shown")
            case "leave": sys.exit(3)
            case "few": return ["1"] * 3
            case "numbers": return [1] * n
            case "nothing": return None
            case "flood": return ["9" * 9_000_000] * n
            case "long": return ["9" * 4097, *["1"] * (n - 1)]
            case "noise": return [noise()] * n
            case "environment": return [json.dumps(dict(os.environ))[:4000], os.getcwd()]
            case "import": return [imported()] * n
            case "exit": os._exit(3)
            case "kill": os.kill(os.getpid(), 9)
            case "fork": return [leave_a_process_behind()] * n
            case "spin":
                while True: pass
            case "sleep": time.sleep(600)
        return list(questions)
    return solver
"""


@pytest.fixture(scope="module")
def misbehaviour():
    """The replies to one batch of two questions for each word, asked of one solver in turn."""
    key = pytest.MonkeyPatch()
    key.setenv("ANTHROPIC_API_KEY", "planted-secret")
    solver = Solver(BADLY_BEHAVED, {"weight": torch.ones(3)}, "cpu", UNCONFINED)
    words = ["raise", "raise oddly", "leave", "few", "numbers", "nothing", "noise", "long"]
    words += ["environment", "import", "flood", "fork", "exit", "kill", "fine"]
    try:
        asked = pose(solver, [[word, "other"] for word in words], Limits())
    finally:
        key.undo()
    return dict(zip(words, asked.replies, strict=True))


@pytest.mark.parametrize(
    ("word", "error"),
    {
        "raise": "raised ValueError",
        "raise oddly": "raised an exception",
        "leave": "raised SystemExit",
        "few": "answered 3 of 2 questions",
        "numbers": "answered something other than text",
        "nothing": "answered something other than a list",
        "flood": "reply too long",
        "exit": "the solver's process ended (exit code 3)",
        "kill": "the solver's process ended (signal 9)",
    }.items(),
)
def test_misbehaviour_is_an_error_in_our_words(misbehaviour, word, error):
    """Whatever a solver does instead of answering, its level is wrong and the text is ours."""
    assert misbehaviour[word].error == error
    assert misbehaviour[word].answers == ()


def test_what_follows_misbehaviour_is_answered(misbehaviour):
    """The levels after a flood, an exit and a kill are asked of a new process."""
    assert misbehaviour["fine"].answers == ("fine", "other")


def test_prints_do_not_reach_the_protocol(misbehaviour):
    """Text on stdout and stderr, even a forged reply, changes nothing."""
    assert misbehaviour["noise"].answers == ("ok", "ok")


def test_an_answer_without_end_is_wrong_by_itself(misbehaviour):
    """One answer over 4,096 characters counts as wrong, its neighbours are kept."""
    assert misbehaviour["long"].answers == (None, "1")


def test_no_key_reaches_the_solver(misbehaviour):
    """The child's environment is an allow-list, its home and folder a scratch that is gone."""
    text, folder = misbehaviour["environment"].answers
    variables = json.loads(text)
    assert "planted-secret" not in text
    allowed = {"PATH", "LANG", "LC_CTYPE", "HOME", "TMPDIR", "TEMP", "TMP"}
    allowed |= {"TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "PYTHONDONTWRITEBYTECODE"}
    assert set(variables) <= allowed | {"OMP_NUM_THREADS", "OMP_WAIT_POLICY"}
    assert variables["HOME"] == folder
    assert not Path(folder).exists()


def test_the_problems_cannot_be_imported(misbehaviour):
    """`harness` is not importable where the solver runs, although it is installed."""
    assert misbehaviour["import"].answers == ("no", "no")


def is_alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_no_process_is_left(misbehaviour):
    """A grandchild in a session of its own is found and killed, like everything else."""
    assert not is_alive(int(misbehaviour["fork"].answers[0]))
    assert not psutil.Process().children(recursive=True)


def test_time_is_lost_at_the_end_only():
    """A level that never ends uses up the time: those before it count, those after it do not."""
    solver = Solver(BADLY_BEHAVED, {}, "cpu", UNCONFINED)
    asked = pose(solver, [["fine"], ["spin"], ["fine"]], Limits(solve_s=0.5, wall_factor=100))
    assert [reply.error for reply in asked.replies] == ["", LATE, LATE]
    assert asked.replies[0].answers == ("fine",)
    assert 0.5 <= asked.seconds < 2
    assert not asked.is_timeout


def test_a_solver_that_waits_is_given_up():
    """Waiting uses no CPU: the wall clock ends it, and says that it was a timeout."""
    solver = Solver(BADLY_BEHAVED, {}, "cpu", UNCONFINED)
    asked = pose(solver, [["fine"], ["sleep"], ["fine"]], Limits(solve_s=0.5, wall_factor=2))
    assert [reply.error for reply in asked.replies] == ["", HUNG, HUNG]
    assert asked.is_timeout


def test_a_pass_that_times_out_is_repeated_once(toy, tmp_path):
    """Only the second time in a row makes the status `timeout`; what was answered stands."""
    code = """
    def load_solver(checkpoint, device):
        honest = honest_solver(checkpoint, device)
        def solver(questions):
            while len(questions[0]) > 10:
                pass
            return honest(questions)
        return solver
    """
    told = []
    result = evaluate(
        changed(toy, tmp_path / "run", code),
        seed=SEED,
        problems=5,
        ladder=(level("factor", 4), level("add", 16)),
        limits=Limits(solve_s=60, wall_factor=0.015),
        on_progress=lambda *step: told.append(step),
    )
    assert result.status == "timeout"
    assert result.levels[1].error == HUNG
    assert [done for _, done, _ in told].count(1) == 2
    assert result.controls == ()


def test_a_solver_that_cannot_be_loaded_is_a_crash(toy, tmp_path):
    """An error in load_solver is a status with the error's class, and no control is run."""
    run = changed(toy, tmp_path / "run", "def load_solver(checkpoint, device):\n    return 1 / 0\n")
    result = evaluate(run, seed=None, problems=5, ladder=LEVELS[:1])
    assert len(result.seed) == 32, "a fresh secret"
    assert (result.status, result.accuracy) == ("crash", 0.0)
    assert result.reason == "load_solver raised ZeroDivisionError"
    assert result.levels[0].error == result.reason


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")
def test_a_killed_harness_takes_the_solver_with_it():
    """SIGKILL of the process that poses questions leaves no solver running."""
    code = (
        "import torch\nfrom harness.sandbox import Place, Sandbox\n"
        "from harness.solver_pass import pose\n"
        "from harness.solver_process import Limits, Solver\n"
        "place = Place(Sandbox('none', ''))\n"
        f"pose(Solver({BADLY_BEHAVED!r}, {{}}, 'cpu', place), [['sleep']], Limits())\n"
    )
    harness = subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY)
    below = []
    deadline = time.monotonic() + 60
    while len(below) < 2 and time.monotonic() < deadline:  # the supervisor and the solver
        time.sleep(0.1)
        below = psutil.Process(harness.pid).children(recursive=True)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    assert len(below) == 2
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive


# ---------------------------------------------------------------------------
# Folders and checkpoints that cannot be read
# ---------------------------------------------------------------------------


def saved(value):
    """The bytes that torch.save writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def inflated():
    """A checkpoint whose index claims 600 MB for one of its entries."""
    data = bytearray(saved({"a": torch.ones(3)}))
    where = data.rfind(b"PK\x01\x02") + 24
    data[where : where + 4] = (600 * 2**20).to_bytes(4, "little")
    return bytes(data)


def foreign_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("hello.txt", "hello")
    return buffer.getvalue()


BAD_CHECKPOINTS = {
    "empty": (lambda: b"", "empty"),
    "truncated": (lambda: saved({"a": torch.ones(9999)})[:-3000], "cut short"),
    "text": (lambda: b"hello" * 99, "not written by torch.save"),
    "another zip": (foreign_zip, "damaged or foreign"),
    "a bomb": (inflated, "unpacks to"),
    "a list": (lambda: saved([torch.ones(3)]), "holds a list, not a dict"),
    "a pickled object": (lambda: saved({"a": Path("x")}), "a pickled object .*PosixPath.* at 'a'"),
    "a pickled module": (lambda: saved(torch.nn.Linear(2, 2)), "a pickled object .*Linear"),
    "nested": (lambda: saved({"a": {"b": torch.ones(3)}}), "a dict at 'a'"),
    "None": (lambda: saved({"a": None}), "a NoneType at 'a'"),
    "a number as key": (lambda: saved({7: torch.ones(3)}), "key '7', a int"),
    "a long key": (lambda: saved({"k" * 201: 1}), "at most 200 characters"),
    "long strings": (lambda: saved({"a": "x" * 3000, "b": "y" * 1100}), "up to 'b'.*4,100.*4,096"),
    "long numbers": (lambda: saved({f"n{i}": 1 << 1999 for i in range(17)}), "numbers take 4,250"),
    "a longer number": (lambda: saved({"a": 1 << 40_000}), "over 255 bytes at 'a'"),
    "many numbers": (lambda: saved({f"n{i}": 0.5 for i in range(600)}), "strings and numbers"),
    "many integers": (lambda: saved({"a": torch.arange(8193)}), "integer and bool"),
    "complex": (lambda: saved({"a": torch.ones(3, dtype=torch.complex64)}), "complex64 at 'a'"),
    "sparse": (lambda: saved({"a": torch.eye(3).to_sparse()}), "at 'a'"),
    "meta": (lambda: saved({"a": torch.ones(3, device="meta")}), "at 'a'"),
    "expanded": (lambda: saved({"a": torch.ones(1).expand(10**9)}), "tensors take 4,000,000,000"),
}


@pytest.mark.parametrize(("make", "message"), BAD_CHECKPOINTS.values(), ids=BAD_CHECKPOINTS.keys())
def test_a_bad_checkpoint_is_refused_in_clear_words(make, message, tmp_path):
    """Each kind of bad checkpoint has a message with the entry, its value and what to do."""
    (tmp_path / "checkpoint.pt").write_bytes(make())
    with pytest.raises(Refused, match=message):
        checkpoint_file.read(tmp_path / "checkpoint.pt")


def test_a_good_checkpoint_is_read_as_plain_tensors(tmp_path):
    """Views get storage of their own, so nothing hides behind them; parameters become tensors."""
    base = torch.arange(10_000.0)
    values = {
        "view": base[:2],
        "turned": base[:6].reshape(2, 3).T,
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "nan": torch.tensor([math.nan, 1.0]),
        "words": "ä",
        "flag": True,
        "half": torch.ones(2, dtype=torch.bfloat16),
    }
    torch.save(values, tmp_path / "checkpoint.pt")
    read = checkpoint_file.read(tmp_path / "checkpoint.pt")
    assert read["view"].untyped_storage().nbytes() == 8
    assert read["turned"].is_contiguous()
    assert torch.equal(read["turned"], values["turned"])
    assert type(read["parameter"]) is torch.Tensor
    assert not read["parameter"].requires_grad
    assert (read["words"], read["flag"]) == ("ä", True)


def test_a_folder_without_checkpoint_has_a_status_of_its_own(toy, tmp_path):
    """No checkpoint is told from a bad one."""
    shutil.copy(toy / "train.py", tmp_path / "train.py")
    with pytest.raises(Refused, match="no checkpoint.pt") as refused:
        evaluate(tmp_path, seed=SEED)
    assert refused.value.status == "no_checkpoint"


def test_a_table_in_the_code_is_refused(toy, tmp_path):
    """Before anything is asked, and with the line."""
    table = {f"add {i} {i}": str(2 * i) for i in range(600)}
    code = f"TABLE = {table!r}\ndef load_solver(checkpoint, device):\n    return TABLE\n"
    with pytest.raises(Refused, match=r"train.py line \d+: .*600 elements"):
        evaluate(changed(toy, tmp_path / "run", code), seed=SEED)


@pytest.mark.parametrize("device", ["gpu", "cuda:0", ""])
def test_an_unknown_device_is_refused(toy, device):
    """A device that is none of the three is named with those that are."""
    with pytest.raises(Refused, match="choose cpu, cuda, mps"):
        evaluate(toy, seed=SEED, device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_an_absent_cuda_is_refused(toy):
    """Nothing is scored on another device than was asked for."""
    with pytest.raises(Refused, match="no cuda device"):
        evaluate(toy, seed=SEED, device="cuda")


# ---------------------------------------------------------------------------
# The arithmetic
# ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17, 857-872, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_published_intervals(correct, total, low, high):
    """To the four decimals that the table has; mirrored for the complement."""
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)
    assert wilson(total - correct, total) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_nothing_asked_leaves_everything_open():
    """No question, no knowledge."""
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_accuracy_s_interval_covers_the_truth():
    """In 95% of draws, within chance, levels at 0 and 1 included; half of them at the ends."""
    dice = random.Random(0)
    shares = [dice.choice((0.0, 1.0, 0.02, 0.5, 0.97)) for _ in LADDER]
    truth = sum(shares) / len(shares)
    covered = 0
    for _ in range(400):
        counts = [sum(dice.random() < share for _ in range(60)) for share in shares]
        results = tuple(
            LevelResult(at, n, 60, 0.0, 0.0, "") for at, n in zip(LADDER, counts, strict=True)
        )
        low, high = mean_interval(results)
        covered += low <= truth <= high
    assert covered / 400 >= 0.93


def test_the_binomial_tail_is_exact():
    """Against sums of fractions, at the limit that the controls use and at others."""
    for total, share in ((400, Fraction(1, 500)), (30, Fraction(1, 3)), (7, Fraction(9, 10))):
        for correct in range(0, min(total, 9) + 1):
            exact = sum(
                math.comb(total, k) * share**k * (1 - share) ** (total - k)
                for k in range(correct, total + 1)
            )
            tail = controls.binomial_tail(correct, total, float(share))
            assert tail == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize(("correct", "passed"), [(0, True), (5, True), (6, True), (7, False)])
def test_chance_is_left_room(correct, passed):
    """Of 400, luck at 0.2% is believed up to 6 right (7 or more: 5e-5)."""
    assert controls.judge_chance("permuted", correct, 400, 0.002).passed is passed


def test_the_dose_is_judged_from_a_tenth_on():
    """Nine tenths of the clean accuracy must be kept; below 0.1 nothing is judged."""

    def judged(clean, noisy):
        return controls.judge_dose({"add": controls.Dosed(clean, noisy, 400)})

    assert judged(200, 180).passed
    assert not judged(200, 179).passed
    assert judged(39, 0).skipped
    assert not judged(40, 0).skipped


def test_the_dose_is_judged_for_each_task():
    """A task that loses a quarter fails, however well the others stand; one below 0.1 may."""
    steady = controls.Dosed(95, 95, 100)
    assert controls.judge_dose({"add": steady, "mul": controls.Dosed(20, 15, 100)}).passed
    failed = controls.judge_dose({"add": steady, "mul": controls.Dosed(20, 14, 100)})
    assert not failed.passed
    assert "mul: 20 of 100 right, but only 14" in failed.detail
    assert controls.judge_dose({"add": steady, "mul": controls.Dosed(9, 0, 100)}).passed


@given(st.integers(0, 400), st.sampled_from((controls.DOSE_KEEPS, controls.DOSE_TASK_KEEPS)))
def test_few_right_answers_are_left_their_luck(clean, share):
    """An honest model, which keeps 95%, fails once in a hundred at most; never less than half is
    enough, and many answers are held to the full share."""
    enough = controls.kept_enough(clean, share)
    assert clean / 2 <= enough <= math.ceil(share * clean)
    if enough > math.ceil(clean / 2):
        assert controls.binomial_tail(clean - enough + 1, clean, 0.05) < 0.01
    if clean >= 130:
        assert enough == math.ceil(share * clean)


def test_the_same_answers_are_judged_from_fifty_on():
    """98% of those right in either order must be right in both."""
    fifty = [True] * 50
    assert controls.judge_same(fifty, [*fifty[:49], False]).passed
    assert not controls.judge_same(fifty, [*fifty[:48], False, False]).passed
    assert controls.judge_same(fifty[1:], [False] * 49).skipped


def values():
    torch.manual_seed(0)
    return {
        "matrix": torch.randn(30, 40),
        "half": torch.randn(500).half(),
        "ones": torch.ones(8),
        "one": torch.tensor([3.0]),
        "steps": torch.tensor(7),
        "index": torch.arange(100),
        "mask": torch.arange(64) % 3 == 0,
        "words": "all",
        "number": 4,
    }


def test_permuting_moves_everything_and_loses_nothing():
    """Float tensors of several entries keep them, in another order."""
    before, after = values(), controls.permuted(values(), "seed")
    for key in ("matrix", "half"):
        assert not torch.equal(before[key], after[key])
        assert torch.equal(before[key].flatten().sort()[0], after[key].flatten().sort()[0])
        assert before[key].dtype == after[key].dtype
    assert (after["words"], after["number"], after["one"].item()) == ("all", 4, 3.0)
    again = controls.permuted(values(), "seed")["matrix"]
    assert torch.equal(after["matrix"], again)


def test_permuting_and_noise_change_the_same_tensors():
    """What only one of them changed would tell code which of the two it stands in."""
    before = values() | {"a": torch.tensor([1.0, math.inf]), "b": torch.tensor([math.nan, 2, 3])}

    def changed(after):
        return {k for k in before if not same(before[k], after[k])}

    def same(one, other):
        is_tensor = isinstance(one, torch.Tensor)
        return torch.equal(one.nan_to_num(7), other.nan_to_num(7)) if is_tensor else one == other

    assert changed(controls.permuted(before, "seed")) == {"matrix", "half"}
    assert changed(controls.dosed(before, "seed")) == {"matrix", "half"}


def test_the_dose_is_one_percent():
    """Noise of 1% of its own standard deviation on float tensors, and on nothing else."""
    before, after = values(), controls.dosed(values(), "seed")
    noise = after["matrix"] - before["matrix"]
    assert (noise.std() / before["matrix"].std()).item() == pytest.approx(0.01, rel=0.1)
    assert abs(noise.mean().item()) < 0.002
    assert after["half"].dtype == torch.float16


def test_what_could_hold_a_table_is_carried_over():
    """Strings, numbers, one-element and integer tensors are the trained ones, weights fresh."""
    fresh = dict.fromkeys(values(), 0) | {"matrix": torch.zeros(30, 40)}
    mixed = controls.grafted(fresh, values())
    assert (mixed["words"], mixed["number"], mixed["steps"].item()) == ("all", 4, 7)
    assert mixed["one"].item() == 3.0
    assert torch.equal(mixed["index"], torch.arange(100))
    assert not mixed["matrix"].any()


def test_control_questions_leave_luck_out():
    """No edge case, no answer of one symbol, none that repeats an operand; 20 at most."""
    problems = draw(LADDER[0], 200, subset="validation", seed=SEED)
    problems += draw(level("factor", 4), 200, subset="validation", seed=SEED)
    chosen = controls.choose(problems, "seed")
    assert len(chosen) == 20
    assert set(chosen) <= set(problems)
    assert not any(p.is_edge or len(p.answer) < 2 for p in chosen)
    assert not any(p.answer in p.question.split()[1:] for p in chosen)


def test_easy_questions_are_the_others():
    """Edge cases, answers of one symbol and such as repeat an operand; 10 at most."""
    problems = draw(LADDER[0], 200, subset="validation", seed=SEED)
    chosen = controls.choose_easy(problems, "seed")
    assert len(chosen) == 10
    hard = [p for p in problems if not controls.is_easy(p)]
    assert not set(hard) & set(chosen)
    assert len(set(hard)) + len(set(filter(controls.is_easy, problems))) == len(set(problems))


def test_easy_questions_are_held_to_what_a_rule_gets():
    """The best constant answer or repeating an operand, level by level."""
    same = [Problem(f"add {a} {10 - a}", "10", True) for a in range(1, 7)]
    ones = [Problem(f"mul {a} 1", str(a), True) for a in range(3, 7)]
    assert controls.easy_limit([*same, *ones]) == 0.6
    assert controls.easy_limit(ones) == 1.0
    assert controls.easy_limit([]) == controls.CHANCE

    def judged(correct):
        easy = [controls.Easy("addition", 0, 10, 0.2), controls.Easy("sorting", correct, 10, 0.2)]
        return controls.judge_chance("permuted", 0, 400, 0.002, easy)

    assert judged(7).passed
    assert not judged(8).passed
    assert "8 of 10 edge cases of sorting" in judged(8).detail


def test_the_floor_is_what_repeating_an_operand_gets():
    """A prime is its own factorisation."""
    pair = [Problem("factor 97", "97", False), Problem("factor 96", "2^5*3", False)]
    assert controls.floor(pair) == 0.5
    assert controls.floor([]) == 0.0
