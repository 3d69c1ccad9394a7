"""What a sandboxed process is let see: bwrap's command line, and the rules for Landlock."""

import functools
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Memory of no process, so it comes on top of the limit: a sixteenth of it for /tmp, and as much for
# /dev/shm. What a training writes goes to its own folder.
TMP_SHARE, LEAST_TMP_MB, MOST_TMP_MB = 16, 16, 2048
# What Python, torch and CUDA read outside their own folders.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32")
ETC = ("ld.so.cache", "alternatives", "localtime", "passwd", "group", "nsswitch.conf")
PROC = ("cpuinfo", "meminfo", "stat", "version", "filesystems", "driver/nvidia", "devices")
KERNEL = ("/sys/devices/system", "/sys/kernel/mm/transparent_hugepage")
# What the drivers of GPUs read of /sys; not its fs/, which lists the processes of the machine.
GPU_KERNEL = ("block", "bus", "class", "dev", "devices", "firmware", "module", "power")
HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full")
GPU_DEVICES = ("nvidia*", "nvidia-caps/*", "dri", "kfd")  # below /dev


@dataclass(frozen=True, slots=True)
class Box:
    """What one process may use: `work` is its folder, the only one that it may write to.

    `memory_mb` limits its address space where no GPU is used (CUDA reserves far more than it
    uses), and its /tmp and /dev/shm to a share. `cores` are CPU numbers, none: any.
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
    gpu: list[str] = []
    if box.gpu:
        gpu = [f"/sys/{name}" for name in GPU_KERNEL] + ["/etc/ld.so.conf.d", "/proc/self"]
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
        "imports": [str(Path(__file__).parent)],
    }


def bwrap_command(box: Box, command: Sequence[str], filter_: int | None = None) -> list[str]:
    """`filter_` is an open file with the seccomp filter, of which bwrap reads the rest."""
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
    # As root, what is root's in /proc is the machine's own: its sysctls, and its keys' names.
    arguments += ["--proc", "/proc", "--ro-bind-try", "/dev/null", "/proc/keys"]
    arguments += ["--remount-ro", "/proc", "--dev", "/dev"]
    if box.gpu:  # --bind would not allow their use; without /sys the driver finds no device
        for device in _gpu_devices():
            arguments += ["--dev-bind-try", device, device]
        arguments += ["--ro-bind", "/sys", "/sys"]
    arguments += ["--size", str(_tmp_bytes(box)), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    arguments += ["--size", str(_tmp_bytes(box)), "--tmpfs", "/tmp"]  # before any bind below it
    for folder in (*_python(), *map(str, box.read)):
        if not any(Path(folder).is_relative_to(system) for system in SYSTEM):
            arguments += ["--ro-bind", folder, folder]
    arguments += ["--bind", str(box.work), str(box.work), "--remount-ro", "/"]
    arguments += ["--chdir", str(box.work), "--clearenv"]
    for name, value in box.environment.items():
        arguments += ["--setenv", name, value]
    if filter_ is not None:
        arguments += ["--seccomp", str(filter_)]
    return [*arguments, "--", *command]


def _tmp_bytes(box: Box) -> int:
    share = MOST_TMP_MB if box.memory_mb is None else box.memory_mb // TMP_SHARE
    return min(max(LEAST_TMP_MB, share), MOST_TMP_MB) * 2**20


@functools.cache
def bwrap_program() -> str | None:
    return shutil.which("bwrap")
