"""A project in a repository of its own, for benchmarks that run campaigns."""

import subprocess
from pathlib import Path

WHO = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]


def make_project(folder: Path, train: str, program: str = "Do well.\n") -> Path:
    """train.py and program.md, committed."""
    folder.mkdir()
    (folder / "train.py").write_text(train)
    (folder / "program.md").write_text(program)
    for words in (["init", "-q"], ["add", "-A"], [*WHO, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder
