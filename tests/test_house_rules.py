"""The rules of CONTRIBUTING.md that a machine can check."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "harness").rglob("*.py"))
TESTS = sorted((ROOT / "tests").glob("test_*.py"))
LONGEST = 300
# What a person is shown; measuring must not depend on it.
SHOWN = {"by_hand", "curve", "scored_table", "live", "leaderboard", "paint"}
SHOWN |= {"board_files", "board_table", "board_words", "campaigns_table", "level_table"}
SHOWN |= {"show_words", "text_plot", "transcript_command", "report"}
SHOWN |= {"farewell", "notify", "published", "picture", "screen", "stage", "strokes"}
COMMANDS = {
    "__main__",
    "ablate_command",
    "adopt_command",
    "board_command",
    "doctor_command",
    "report_command",
    "reproduce_command",
    "run_command",
    "seal_command",
    "session",
    "show_command",
    "stop_command",
    "verify_command",
    "watch_command",
}


def tracked_files():
    """Files that git knows or would add; in a plain copy of the tree, all but the ignored ones."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    ignored = {".venv", "__pycache__", "results", ".git"}
    return [p for p in ROOT.rglob("*") if p.is_file() and not ignored & set(p.parts)]


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_short(path):
    """No module of the harness is longer than a reader holds in mind."""
    assert len(path.read_text().splitlines()) <= LONGEST


def test_no_machine_paths():
    """No tracked file names a folder of the machine it was written on."""
    pattern = re.compile(r"(?<![\w.])/" + "(work|root|farm)" + "/")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        if path.suffix not in {".png", ".pt"}
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_problems_stand_alone():
    """harness.problems and harness.tasks need the standard library only: train.py works alone."""
    for module in ("problems", "tasks"):
        for name in imported_modules(ROOT / "harness" / f"{module}.py"):
            is_ours = f"{name}.".startswith("harness.tasks.")
            assert is_ours or name.partition(".")[0] in sys.stdlib_module_names


def test_train_imports_only_what_its_contract_allows():
    """train.py imports torch, numpy, the standard library, the problems and, by hand, the view."""
    for name in imported_modules(ROOT / "train.py"):
        top = name.partition(".")[0]
        assert top in {"torch", "numpy", "harness"} | sys.stdlib_module_names
        if top == "harness":
            assert name.startswith(("harness.problems", "harness.by_hand")) or name == "harness"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_measuring_does_not_depend_on_showing(path):
    """Only the command line, researchers, whose briefs show it, and what is shown import what is
    shown; nothing imports train.py."""
    names = set(imported_modules(path))
    assert "train" not in names
    if path.stem not in SHOWN | COMMANDS and path.parent.name not in ("researcher", "report"):
        assert not {f"harness.{name}" for name in SHOWN} & names


def test_nothing_heavy_is_imported_for_problems_and_figures():
    """The command line's first imports stay light: problems and evaluation load no library."""
    code = "import sys, harness.problems, harness.evaluation; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"torch", "numpy", "rich", "matplotlib", "anthropic"} & set(done.stdout.split())


def test_the_pages_of_its_uses_name_every_command_and_flag():
    """The README knows each command, and the page of its use each flag, train.py's too."""
    readme = (ROOT / "README.md").read_text()
    pages = ("BY-HAND", "NIGHT", "MORNING", "PROOF", "WATCHING")
    text = readme + "".join((ROOT / "docs" / f"{page}.md").read_text() for page in pages)
    commands = ("run", "stop", "board", "show", "diff", "verify", "doctor")
    commands += ("seal", "close", "reproduce", "report", "watch", "ablate", "adopt")
    for command in (*(["-m", "harness", name] for name in commands), ["train.py"]):
        shown = subprocess.run(
            [sys.executable, *command, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        flags = set(re.findall(r"--[a-z][a-z-]*", shown)) - {"--help"}
        assert sorted(flag for flag in flags if flag not in text) == []
    assert [name for name in commands if f"thinker {name}" not in readme] == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_tests_state_their_promise(path):
    """Each test opens with one line that states its promise, and none patches what it tests."""
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            docstring = ast.get_docstring(node)
            assert docstring, f"{node.name} has no docstring"
    assert "mock" + ".patch" not in source
