"""What a sandboxed process is let see: bwrap's command line, and the rules for Landlock."""

import functools
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

TMP_BYTES = 2 * 2**30
# What Python, torch and CUDA read outside their own folders.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32")
ETC = ("ld.so.cache", "alternatives", "localtime", "passwd", "group", "nsswitch.conf")
PROC = ("cpuinfo", "meminfo", "stat", "version", "filesystems", "driver/nvidia", "devices")
KERNEL = ("/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage")
HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full")
GPU_DEVICES = ("nvidia*", "nvidia-caps/*", "dri", "kfd")  # below /dev


@dataclass(frozen=True, slots=True)
class Box:
    """What one process may use: `work` is its folder, the only one that it may write to.

    `memory_mb` limits its address space where no GPU is used (CUDA reserves far more than it
    uses). `cores` are CPU numbers, none: any.
    """

    work: Path
    read: tuple[Path, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    cores: tuple[int, ...] = ()
    nice: int = 0
    memory_mb: int | None = None
    file_mb: int | None = 2048
    gpu: bool = False


def _python() -> list[str]:
    """The folders that this Python runs from: its environment, and what that was made of."""
    return sorted({sys.prefix, sys.base_prefix, sys.exec_prefix})


def _gpu_devices() -> list[str]:
    return [str(path) for pattern in GPU_DEVICES for path in Path("/dev").glob(pattern)]


def landlock_rules(box: Box) -> dict[str, list[str]]:
    import pyseccomp

    gpu = ["/sys", "/etc/ld.so.conf.d", "/proc/self"] if box.gpu else []
    return {
        "read": [
            *SYSTEM,
            *(f"/etc/{name}" for name in ETC),
            *(f"/proc/{name}" for name in PROC),
            *KERNEL,
            *gpu,
            *_python(),
            *map(str, box.read),
        ],
        "write": [str(box.work), *HARMLESS_DEVICES],
        "devices": _gpu_devices() if box.gpu else [],
        "imports": [str(Path(__file__).parent), str(Path(pyseccomp.__file__).parent)],
    }


def bwrap_command(box: Box, command: Sequence[str]) -> list[str]:
    program = bwrap_program()
    if program is None:
        raise FileNotFoundError("bwrap")
    arguments = [program, "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
    arguments += ["--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session"]
    arguments += ["--cap-drop", "ALL", "--disable-userns", "--hostname", "sandbox"]
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for name in ETC:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    if box.gpu:  # --bind would not allow their use; without /sys the driver finds no device
        for device in _gpu_devices():
            arguments += ["--dev-bind-try", device, device]
        arguments += ["--ro-bind", "/sys", "/sys"]
    arguments += ["--size", str(TMP_BYTES), "--tmpfs", "/tmp"]  # before any bind below it
    for folder in (*_python(), *map(str, box.read)):
        if not any(Path(folder).is_relative_to(system) for system in SYSTEM):
            arguments += ["--ro-bind", folder, folder]
    arguments += ["--bind", str(box.work), str(box.work), "--remount-ro", "/"]
    arguments += ["--chdir", str(box.work), "--clearenv"]
    for name, value in box.environment.items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--", *command]


@functools.cache
def bwrap_program() -> str | None:
    return shutil.which("bwrap")
