"""train.py and its rivals: the contract, the model's promises, and things going wrong."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import problems
from harness.checkpoint import read as read_checkpoint
from harness.solver_slice import solver_slice

ROOT = Path(__file__).parents[1]
SOURCES = {"thinker": ROOT / "train.py", "plain": ROOT / "inspirations" / "plain_transformer.py"}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def load_module(path):
    """A training file as a module, without running it."""
    spec = importlib.util.spec_from_file_location(f"tested_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MODULES = {name: load_module(path) for name, path in SOURCES.items()}
train = MODULES["thinker"]
torch.set_num_threads(1)


def run_train(*flags, source=SOURCES["thinker"], quiet=True, timeout=120):
    command = [
        sys.executable,
        str(source),
        *(["--no-score", "--quiet"] if quiet else []),
        *map(str, flags),
    ]
    return subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout
    )


def read_metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def as_text(skill, tokens, target):
    """The question and answer, as text, of a row that a generator made."""
    operands = []
    for token in tokens[1:]:
        if token == train.START:
            operands.append([])
        elif token != train.END:
            operands[-1].append(token)
    is_number = [skill in train.NUMBER_VERBS] * len(operands)
    texts = [
        str(int("".join(map(str, digits[::-1])))) if number else "".join(map(str, digits))
        for digits, number in zip(operands, is_number, strict=True)
    ]
    answer = train.decode(skill, [token for token in target if token != train.IGNORE])
    return " ".join([skill, *texts]), answer


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that has learnt to copy, reverse and add a little."""
    out = tmp_path_factory.mktemp("trained") / "run"
    done = run_train("--tasks", "add:1-2", "--max-steps", 600, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


# --- data -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(train.SKILLS)), st.integers(1, 12), st.integers(0, 2**32))
def test_generators_agree_with_the_definition_of_the_tasks(skill, n, seed):
    """Every problem that the generators make has the answer that harness.problems defines."""
    torch.manual_seed(seed)
    tokens, layout, previous, target = train.make_batch(skill, max(2, n), 16, "cpu")
    assert layout.shape == (3, tokens.shape[1])
    assert torch.equal(previous[:, 1:], target[:, :-1].clamp(min=0))
    for row, answer in zip(tokens.tolist(), target.tolist(), strict=True):
        question, expected = as_text(skill, row, answer)
        assert problems.answer(question) == expected, question


@pytest.mark.parametrize("skill", ["copy", "reverse", "rotate", "sort", "cumsum", "add", "mul"])
def test_solver_and_generators_write_questions_alike(skill):
    """A question in text is encoded as the tokens and layout that training saw."""
    torch.manual_seed(1)
    tokens, layout, _, target = train.make_batch(skill, 6, 50, "cpu")
    seen = 0
    for row, answer in zip(tokens.tolist(), target.tolist(), strict=True):
        question, _ = as_text(skill, row, answer)
        lengths, encoded = train.encode(question)
        if len(encoded) == len(row):  # not where both numbers happened to be shorter
            seen += 1
            assert encoded == row
            assert [list(x) for x in train.operand_layout(lengths)] == layout.tolist()
    assert seen > 20


def test_long_carries_are_right():
    """The carry passes through any number of nines, in sums and in products."""
    torch.manual_seed(0)
    sums = torch.tensor([[10] + [9] * 70, [18] * 71, [9] * 71, [0] * 71])
    for row, digits in zip(sums.tolist(), train.carry_once(sums).tolist(), strict=True):
        value = sum(place * 10**i for i, place in enumerate(row))
        assert value == sum(digit * 10**i for i, digit in enumerate(digits))


def fresh_model(name="thinker"):
    """An untrained model whose answers do not end at once: there is something to compare."""
    torch.manual_seed(0)
    model = MODULES[name].build("cpu").eval()
    model.head.weight.data[train.END] = 0
    return model


def generated_logits(model, generate, *args):
    """The answers (B, L) that generate writes, and the logits (B, L, N_OUTPUT) behind them."""
    scores = []
    hook = model.head.register_forward_hook(lambda _, __, logits: scores.append(logits[:, -1:]))
    with torch.inference_mode():
        answers = generate(model, *args)
    hook.remove()
    return answers, torch.cat(scores[-answers.shape[1] :], dim=1)


# --- model ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_no_slot_sees_a_symbol_from_its_own_on(name):
    """What a slot says does not change with the symbols after it: no target can leak."""
    torch.manual_seed(0)
    model = MODULES[name].build("cpu").eval()
    tokens, layout, previous, _ = train.make_batch("add", 6, 4, "cpu")
    for i in range(previous.shape[1]):
        other = previous.clone()
        other[:, i + 1 :] = torch.randint(0, 10, other[:, i + 1 :].shape)
        with torch.no_grad():
            one = model(tokens, layout, previous, 4, 4)
            two = model(tokens, layout, other, 4, 4)
        assert torch.allclose(one[:, : i + 1], two[:, : i + 1], atol=1e-5)
        if i + 1 < previous.shape[1]:
            assert not torch.allclose(one[:, i + 1 :], two[:, i + 1 :], atol=1e-3)


@pytest.mark.parametrize(
    "thinking", [(4, 4, True), (1, 0, True), (5, 8, True), (3, 2, False), (2, 0, False)]
)
def test_cached_decoding_is_exact(thinking):
    """Generation gives the logits of the model asked anew, whatever the thinking."""
    model = fresh_model()
    tokens, layout, _, _ = train.make_batch("rotate", 7, 5, "cpu")
    answers, logits = generated_logits(model, train.generate, tokens, layout, 12, *thinking)
    assert answers.shape[1] > 8
    previous = torch.cat((torch.full((5, 1), train.START), answers[:, :-1]), dim=1)
    with torch.inference_mode():
        assert torch.allclose(model(tokens, layout, previous, *thinking), logits, atol=1e-4)


def test_plain_transformer_decodes_exactly():
    """The rival's cached decoding is exact as well."""
    plain, model = MODULES["plain"], fresh_model("plain")
    tokens, layout, _, _ = train.make_batch("sort", 7, 5, "cpu")
    answers, logits = generated_logits(model, plain.generate, tokens, 9)
    assert answers.shape[1] > 6
    previous = torch.cat((torch.full((5, 1), plain.START), answers[:, :-1]), dim=1)
    with torch.inference_mode():
        assert torch.allclose(model(tokens, layout, previous), logits, atol=1e-4)


def test_memory_can_be_windowed():
    """Remembering all steps is memory on, remembering none memory off, and one step neither."""
    model = fresh_model()
    tokens, layout, _, _ = train.make_batch("copy", 20, 30, "cpu")
    on, off, far, none, one = (
        generated_logits(model, train.generate, tokens, layout, 1, 4, 4, memory)[1]
        for memory in (True, False, 4, 0, 1)
    )
    assert torch.equal(on, far)
    assert torch.equal(off, none)
    assert not torch.allclose(one, on, atol=1e-3)
    assert not torch.allclose(one, off, atol=1e-3)


def test_rivals_share_the_tokens_of_training():
    """The plain transformer reads questions as train.py does."""
    plain = MODULES["plain"]
    for question in ("add 12 9345", "rotate 3 0123", "factor 97"):
        assert plain.encode(question) == train.encode(question)[1]
        assert plain.decode("add", [1, 2, 12, 5]) == train.decode("add", [1, 2, 12, 5]) == "21"


def test_solver_takes_the_amount_of_thinking(trained):
    """n_steps, n_latents and memory can be varied at solving time; what cannot be is refused."""
    solver = train.load_solver(read_checkpoint(trained / "checkpoint.pt"), "cpu")
    asked = ["add 12 34", "add 5 6", "add 123 900"]
    assert solver(asked) == solver(asked, n_steps=4, n_latents=4, memory=True)
    for compute in (
        {"n_steps": 1},
        {"n_latents": 0},
        {"memory": False},
        {"memory": 1, "n_steps": 6},
    ):
        assert len(solver(asked, **compute)) == 3
    with pytest.raises(ValueError, match="n_latents=99"):
        solver(asked, n_latents=99)
    assert solver([]) == []


# --- learning -------------------------------------------------------------------------------------


def exact_match(solver, questions, answers):
    return sum(a == b for a, b in zip(solver(questions), answers, strict=True)) / len(answers)


def test_it_learns_and_only_from_the_question(trained):
    """Trained briefly it adds; with the questions scrambled, or untrained, it is at chance."""
    checkpoint = read_checkpoint(trained / "checkpoint.pt")
    solver = train.load_solver(checkpoint, "cpu")
    posed = problems.draw(problems.level("add", 2), 200, subset="validation", seed="test")
    questions, answers = [p.question for p in posed], [p.answer for p in posed]
    assert exact_match(solver, questions, answers) > 0.3
    assert exact_match(solver, questions[1:] + questions[:1], answers) < 0.05
    torch.manual_seed(5)
    fresh = {f"model.{k}": v for k, v in train.build("cpu").state_dict().items()}
    assert exact_match(train.load_solver(checkpoint | fresh, "cpu"), questions, answers) < 0.05


def test_the_frontier_moves_on_mastery_of_its_own_length():
    """Right answers at shorter lengths move no frontier, wrong ones near it hold it."""
    curriculum = train.Curriculum({"mul": (1, 10)}, seed=0)
    for frontier, shorter, beyond in ((1, 0, 2), (2, 1, 3), (3, 2, 5), (5, 3, 8)):
        assert curriculum.frontier["mul"] == frontier
        for _ in range(20):
            curriculum.record("mul", shorter, 1.0)
        for exact in (0.0, 1.0, 1.0, 1.0):
            curriculum.record("mul", frontier, exact)
        assert curriculum.frontier["mul"] == frontier
        for _ in range(7):
            curriculum.record("mul", frontier, 1.0)
        assert curriculum.frontier["mul"] == beyond
        assert not curriculum.is_mastered("mul")


def test_lengths_stay_within_the_tasks_asked_for():
    """--tasks bounds what is trained, and every skill of a task gets its share."""
    curriculum = train.Curriculum({"copy": (3, 5), "add": (2, 2)}, seed=1)
    drawn = [curriculum.next() for _ in range(500)]
    assert {skill for skill, _ in drawn} == {"copy", "reverse", "rotate", "sort", "cumsum", "add"}
    assert {n for skill, n in drawn if skill != "add"} == {3, 4, 5}
    assert {n for skill, n in drawn if skill == "add"} == {2}


def test_the_slice_holds_no_data_generator():
    """What scores a checkpoint contains the solver, and nothing that makes problems or trains."""
    for path in SOURCES.values():
        text = str(solver_slice(path.read_text()))
        assert "def load_solver" in text
        for name in ("make_batch", "make_add", "Curriculum", "problems", "optim", "backward"):
            assert name not in text, (path.name, name)


# --- the contract ---------------------------------------------------------------------------------


def test_one_seed_gives_one_training(tmp_path):
    """Same seed, one thread, --max-steps: the same metrics and weights; another seed: others."""
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        flags = ["--seed", seed, "--max-steps", 50, "--tasks", "add:1-4"]
        assert run_train(*flags, "--out", tmp_path / name).returncode == 0

    def timeless(name):
        return [
            {k: v for k, v in line.items() if k != "seconds"}
            for line in read_metrics(tmp_path / name)
        ]

    a, b, c = (read_checkpoint(tmp_path / name / "checkpoint.pt") for name in "abc")
    assert timeless("a") == timeless("b") != timeless("c")
    weights = [key for key in a if key.startswith("model.")]
    assert all(torch.equal(a[key], b[key]) for key in weights)
    assert not any(
        torch.equal(a[key], c[key]) for key in weights if a[key].std() > 0 and a[key].std() != 1
    )


@pytest.mark.parametrize("name", SOURCES)
def test_the_checkpoint_is_in_place_within_the_budget(tmp_path, name):
    """The budget is not exceeded from the spawn to the last save, and most of it is used."""
    began = time.time()
    done = run_train("--budget-s", 14, "--out", tmp_path / "run", source=SOURCES[name])
    assert done.returncode == 0, done.stderr
    taken = (tmp_path / "run" / "checkpoint.pt").stat().st_mtime - began
    assert 9 < taken < 14
    assert (tmp_path / "run" / "train.py").read_bytes() == SOURCES[name].read_bytes()
    block = done.stdout.split("---\n")[1].splitlines()
    facts = dict(line.split(": ", 1) for line in block)
    assert int(facts["steps"]) == read_metrics(tmp_path / "run")[-1]["step"] > 0


def test_a_run_can_be_read_by_the_harness(trained):
    """The checkpoint keeps to the contract's sizes; metrics.jsonl has what curves need."""
    checkpoint = read_checkpoint(trained / "checkpoint.pt")
    assert checkpoint["preset"] == "cpu"
    assert checkpoint["tasks"] == "add:1-2"
    lines = read_metrics(trained)
    assert len(lines) > 50
    assert {"step", "seconds", "samples", "loss", "progress", "frontier"} <= set(lines[10])
    assert any("add:4" in line.get("exact_match", {}) for line in lines)


def test_a_fresh_checkpoint_is_saved_with_no_steps(tmp_path):
    """--max-steps 0 saves an initialised model that the solver can use."""
    assert run_train("--max-steps", 0, "--out", tmp_path / "run").returncode == 0
    solver = train.load_solver(read_checkpoint(tmp_path / "run" / "checkpoint.pt"), "cpu")
    assert isinstance(solver(["mul 12 34"])[0], str)


def test_importing_has_no_side_effects(tmp_path):
    """train.py can be imported: nothing is written, printed or parsed."""
    done = subprocess.run(
        [sys.executable, "-c", "import train"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


# --- when things go wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--budget-s", "-3"], "--budget-s -3"),
        (["--budget-s", "soon"], "soon"),
        (["--max-steps", "-1"], "--max-steps -1"),
        (["--seed", "-1"], "--seed -1"),
        (["--tasks", "divide"], "divide"),
        (["--tasks", "add:9-2"], "add:9-2"),
        (["--device", "tpu"], "tpu"),
        (["--fast"], "--fast"),
        (["--out", "train.py/run"], "train.py/run"),
    ],
)
def test_wrong_flags_are_named(flags, said):
    """Misuse ends with exit code 2 and a message that holds the value, before any training."""
    done = run_train(*flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_budget_too_short_to_train_in_is_said(tmp_path):
    """Where the imports take the whole budget, a line says that nothing was trained."""
    done = run_train("--budget-s", 1, "--out", tmp_path / "run")
    assert done.returncode == 0
    assert "nothing was trained" in done.stderr
    assert "steps: 0" in done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_asked_for_and_absent():
    """Asking for CUDA where there is none says so, and what to do."""
    done = run_train("--device", "cuda")
    assert done.returncode == 2
    assert "--device auto" in done.stderr


def test_a_trained_checkpoint_is_not_overwritten(trained):
    """Training into a folder that holds anything is refused."""
    before = (trained / "checkpoint.pt").read_bytes()
    done = run_train("--max-steps", 1, "--out", trained)
    assert done.returncode == 2
    assert "name a new folder" in done.stderr
    assert (trained / "checkpoint.pt").read_bytes() == before


def test_sizes_that_do_not_go_together_are_told(tmp_path):
    """In a line; and the folder may be named again."""
    source = SOURCES["thinker"].read_text()
    line = next(each for each in source.splitlines() if each.startswith("N_LATENTS "))
    (tmp_path / "train.py").write_text(source.replace(line, 'N_LATENTS = {"cpu": 9, "gpu": 9}'))
    words = [sys.executable, "train.py", "--device", "cpu", "--out", "run", "--no-score"]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().startswith("train.py: the model cannot be built: N_LATENTS is 9")
    assert "\n" not in done.stderr.strip()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_training_is_saved(tmp_path, number):
    """SIGINT, SIGTERM and a closed terminal end it with 130, the steps so far in a checkpoint that
    can be used."""
    out = tmp_path / "run"
    command = [
        sys.executable,
        str(SOURCES["thinker"]),
        "--quiet",
        "--budget-s",
        "600",
        "--out",
        str(out),
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (out / "metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "thinker verify" in said
    checkpoint = read_checkpoint(out / "checkpoint.pt")
    assert checkpoint["step"] == read_metrics(out)[-1]["step"] > 0
    assert len(train.load_solver(checkpoint, "cpu")(["copy 12"])) == 1


def edited(tmp_path, *changes):
    """train.py with some text replaced, as a file of its own."""
    text = SOURCES["thinker"].read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "train_edited.py"
    path.write_text(text)
    return path


def test_a_loss_that_is_not_a_number_stops_training(tmp_path):
    """NaN ends it with exit code 1, names the step, and leaves the last good checkpoint."""
    spoilt = "loss = loss * (float('nan') if self.step == 7 else 1)\n        loss.backward()"
    source = edited(tmp_path, ("loss.backward()", spoilt))
    done = run_train("--max-steps", 50, "--out", tmp_path / "run", source=source)
    assert done.returncode == 1
    assert "at step 8" in done.stderr
    checkpoint = read_checkpoint(tmp_path / "run" / "checkpoint.pt")
    assert all(t.isfinite().all() for t in checkpoint.values() if isinstance(t, torch.Tensor))


def fill(folder):
    """Write until there is no room left."""
    with (folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"x" * 4096):
            pass
    assert shutil.disk_usage(folder).free == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of half a megabyte, really mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_trained(small_disk):
    """The disk fills up while it trains: it goes on, and the end is saved where there is room."""
    out = small_disk / "run"
    command = [
        sys.executable,
        str(SOURCES["thinker"]),
        "--no-score",
        "--quiet",
        "--max-steps",
        "150",
        "--out",
        str(out),
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (out / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    fill(small_disk)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "No space left" in said
    assert read_checkpoint(out / "checkpoint.pt")["step"] == 0  # the first one is still whole
    rescued = Path(re.search(r"is in (\S+) instead", said)[1])
    assert read_checkpoint(rescued / "checkpoint.pt")["step"] == 150


def test_without_a_compiler_training_goes_on():
    """torch.compile failing costs one line."""
    args, tasks = train.parse_args(["--device", "cpu"])
    run = train.Run(args, Path(), tasks, train.build("cpu"), train.load_solver)
    notes = []
    real, torch.compile = (
        torch.compile,
        lambda part, dynamic: real(part, backend="no such", dynamic=dynamic),
    )
    try:
        train.first_batches(run, 2, notes.append)
    finally:
        torch.compile = real
    assert run.step == 2
    assert len(notes) == 1
    assert "not compiled" in notes[0]
