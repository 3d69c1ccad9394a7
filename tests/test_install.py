"""The set-up script's one decision: where torch comes from."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "install.py"


@pytest.fixture(scope="module")
def install():
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def choose(install, installed="", *, gpu=False, system="Linux", local=""):
    return install.choose(
        installed, gpu=gpu, system=system, local_version=local, local_folder="wheels"
    )


def test_a_gpu_gets_the_newest_cuda_build(install):
    """With an NVIDIA GPU plain pip takes the newest build within the bounds, local files or not."""
    assert choose(install, gpu=True)[:2] == ("pip", ())
    assert choose(install, gpu=True, local="2.13.0+cpu")[:2] == ("pip", ())


def test_a_local_wheel_is_used(install):
    """Where pip has a local torch file, exactly that version is asked for."""
    assert choose(install, local="2.13.0+cpu")[:2] == ("pip", ("torch==2.13.0+cpu",))


def test_nobody_downloads_gigabytes_for_nothing(install):
    """On Linux without a GPU or local files, uv takes the CPU build."""
    assert choose(install)[:2] == ("uv", ("--torch-backend", "cpu"))


def test_small_builds_come_from_pip(install):
    """macOS takes pip's own build, which is small."""
    assert choose(install, system="Darwin").tool == "pip"


def test_an_installed_torch_is_kept(install):
    """A torch that somebody put into the environment is neither replaced nor pinned."""
    assert choose(install, "2.10.0+rocm6.4", local="2.13.0+cpu")[:2] == ("pip", ())


def test_a_torch_that_is_too_old_is_none(install):
    """pip would replace it, and on Linux by the build of several gigabytes."""
    assert choose(install, "2.6.0+cpu")[:2] == ("uv", ("--torch-backend", "cpu"))


def test_an_environment_without_pip_is_kept(install, tmp_path):
    """One of uv's, with what a person put into it: it is given a pip."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    kept = next(folder.glob("lib/python*/site-packages")) / "of_a_person.py"
    kept.write_text("")
    python = install.create_environment(folder)
    assert kept.exists()
    assert install.run([python, "-m", "pip", "--version"])


@pytest.mark.parametrize("written_as", ["{}", "file://{}"])
def test_finds_the_newest_wheel_for_this_python(install, tmp_path, written_as):
    """Among local wheels the newest within the bounds counts, if it fits Python and machine."""
    for name in (
        "torch-2.12.1+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.14.0+cpu-cp312-cp312-manylinux_2_28_x86_64.whl",
        "torch-2.14.0-cp311-cp311-manylinux_2_28_aarch64.whl",
        "torch-2.9.1+cpu-cp311-cp311-linux_x86_64.whl",
        "torch-3.0.0+cpu-cp311-cp311-linux_x86_64.whl",
        "torchvision-0.30.0-cp311-cp311-linux_x86_64.whl",
    ):
        (tmp_path / name).touch()
    links = [written_as.format(tmp_path), "https://example.org/wheels", str(tmp_path / "none")]
    found = install.local_torch(links, python="cp311", machine="x86_64")
    assert found == ("2.13.0+cpu", str(tmp_path))
    assert install.local_torch(links, python="cp313", machine="x86_64") == ("", "")
