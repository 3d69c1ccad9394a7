"""Create the virtual environment that the Makefile's commands run in.

Standard library only. The one decision it takes is where torch comes from: the usual Linux file
is built for CUDA and weighs several gigabytes, more than a machine without a GPU should download.
It chooses no builds for AMD or Intel GPUs: install torch into the environment first, it is kept.
"""

from __future__ import annotations  # so that an older Python comes to where it is told so

import argparse
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlparse

OLDEST_PYTHON = (3, 11)
REPOSITORY = Path(__file__).resolve().parent.parent
TORCH_WHEEL = re.compile(
    r"torch-(?P<version>[^-]+)-(?P<python>cp\d+)-[^-]+-(?P<platform>[^-]+)\.whl"
)


class Choice(NamedTuple):
    """How torch is installed, and why in one sentence."""

    tool: str  # pip or uv
    arguments: tuple[str, ...]
    reason: str


def choose(
    installed: str, *, gpu: bool, system: str, local_version: str, local_folder: str
) -> Choice:
    """Where torch comes from. `installed` and `local_version` are "" where there is none."""
    if installed and is_new_enough(installed):
        return Choice("pip", (), f"torch {installed} is installed already and is kept")
    if gpu and system == "Windows":
        return Choice("uv", ("--torch-backend", "auto"), "an NVIDIA GPU is present: its CUDA build")
    if gpu:
        return Choice("pip", (), "an NVIDIA GPU is present: pip's newest CUDA build")
    if local_version:
        return Choice(
            "pip",
            (f"torch=={local_version}",),
            f"pip is set to look in {local_folder}, which holds torch {local_version}",
        )
    if system != "Linux":
        return Choice("pip", (), f"pip's build for {system} is small")
    return Choice(
        "uv", ("--torch-backend", "cpu"), "no NVIDIA GPU: the CPU build, which saves gigabytes"
    )


def is_new_enough(version: str) -> bool:
    """As pyproject.toml has it."""
    return [2, 10] <= [int(part) for part in re.findall(r"\d+", version)] < [3]


def local_torch(links: list[str], *, python: str, machine: str) -> tuple[str, str]:
    """Version and folder of the newest torch wheel for this Python among pip's local folders."""
    found = []
    for link in links:
        folder = Path(unquote(urlparse(link).path) if link.startswith("file:") else link)
        for file in sorted(folder.expanduser().glob("torch-*.whl")) if folder.is_dir() else []:
            wheel = TORCH_WHEEL.fullmatch(unquote(file.name))
            if not wheel or wheel["python"] != python or not wheel["platform"].endswith(machine):
                continue
            if is_new_enough(wheel["version"]):
                numbers = [int(part) for part in re.findall(r"\d+", wheel["version"])]
                found.append((numbers, wheel["version"], str(folder)))
    return max(found)[1:] if found else ("", "")


def find_links(python: Path) -> list[str]:
    """Folders and pages that pip looks in besides its index, from PIP_FIND_LINKS and its files."""
    listed = run([python, "-m", "pip", "config", "list"])
    values = re.findall(r"^\S+\.find-links='(.*)'$", listed, flags=re.MULTILINE)
    # pip prints a setting of several lines with the two characters \n between them.
    return " ".join(values).replace("\\n", " ").split()


def has_nvidia_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None and "GPU " in run(["nvidia-smi", "-L"])


def installed_torch(python: Path) -> str:
    """The version of torch in the environment, or "": asked without importing it."""
    question = (
        "import importlib.metadata as m, json; "
        "print(json.dumps([d.version for d in m.distributions(name='torch')]))"
    )
    versions = json.loads(run([python, "-c", question]) or "[]")
    return str(versions[0]) if versions else ""


def run(command: list[str | Path]) -> str:
    """What the command prints, or "" if it fails: for questions whose answer may be no."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def create_environment(folder: Path) -> Path:
    """The environment's Python. One that works is kept; a half-made or outdated one is replaced."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    version = run([python, "-c", "import sys; print(*sys.version_info[:2])"]).split()
    if version and tuple(map(int, version)) >= OLDEST_PYTHON:
        has_pip = run([python, "-m", "pip", "--version"])
        if has_pip or run([python, "-m", "ensurepip"]):  # one of uv's has none, and is a person's
            return python
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    elif importlib.util.find_spec("virtualenv"):
        command = [sys.executable, "-m", "virtualenv", "--clear", str(folder)]
    elif tool := shutil.which("virtualenv"):
        command = [tool, "--clear", "--python", sys.executable, str(folder)]
    else:
        sys.exit(
            "install: this Python cannot create virtual environments (no ensurepip module).\n"
            "On Debian and Ubuntu: sudo apt install python3-venv, then run the same command again."
        )
    print(f"install: creating {folder}", flush=True)
    must(command)
    return python


def must(command: list[str], remedy: str = "") -> None:
    """Run with its output shown; stop if it fails."""
    done = subprocess.run(command, cwd=REPOSITORY, check=False)
    if done.returncode:
        sys.exit(f"install: failed with {done.returncode}: {' '.join(command)}\n{remedy}".rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("environment", type=Path, help="folder, usually .venv")
    folder = parser.parse_args().environment.resolve()
    if sys.version_info[:2] < OLDEST_PYTHON:
        sys.exit(
            f"install: Python {platform.python_version()} is too old, Thinker needs 3.11 or newer. "
            "Name another one: make PYTHON=python3.12 …"
        )

    python = create_environment(folder)
    tag = run([python, "-c", "import sys; print('cp%d%d' % sys.version_info[:2])"]).strip()
    version, wheels = local_torch(find_links(python), python=tag, machine=platform.machine())
    choice = choose(
        installed_torch(python),
        gpu=has_nvidia_gpu(),
        system=platform.system(),
        local_version=version,
        local_folder=wheels,
    )
    print(f"install: torch by {choice.tool}: {choice.reason}", flush=True)
    quiet = [] if sys.stdout.isatty() else ["--quiet"]  # a person wants to see the download move
    pip = [str(python), "-m", "pip", "install", *quiet]
    if choice.tool == "uv":
        must([*pip, "uv"])
        pip = [str(python), "-m", "uv", "pip", "install", *quiet, "--python", str(python)]
    must(
        [*pip, "-c", "constraints.txt", *choice.arguments, "-e", ".[dev]"],
        "Is there a network? Any torch from 2.10 on will do: one that you install yourself with\n"
        f"{python} -m pip install … is kept when you run the same command again.",
    )
    print(f"install: {folder} is ready", flush=True)


if __name__ == "__main__":
    main()
