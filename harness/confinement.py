"""What a sandboxed process is let see: bwrap's command line, and the rules for Landlock."""

import functools
import shutil
import sys
from collections.abc import Iterable, Sequence
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
# Left out of what a masked program sees: sockets of services that would act for it (D-Bus, Docker,
# terminals), and what others have in hand.
PRIVATE = ("/tmp", "/run")
HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/full")
GPU_DEVICES = ("nvidia*", "nvidia-caps/*", "dri", "kfd")  # below /dev


@dataclass(frozen=True, slots=True)
class Mask:
    """For a program that has the person's network, home and environment: what it does not see.

    `hidden` folders are empty to it, but for what of `shown` lies in them, which is read-only; of
    all other files it may change those in `write` alone. All are absolute and without links.
    """

    hidden: tuple[Path, ...]
    shown: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """What one process may use: `work` is its folder, the only one that it may write to.

    `memory_mb` limits its address space where no GPU is used (CUDA reserves far more than it
    uses), and its /tmp and /dev/shm to a share. `cores` are CPU numbers, none: any. With a `mask`
    it is a program of the person's own, and `read` is not looked at.
    """

    work: Path
    read: tuple[Path, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    cores: tuple[int, ...] = ()
    nice: int = 0
    memory_mb: int | None = None
    file_mb: int | None = 2048
    gpu: bool = False
    mask: Mask | None = None


def python_folders() -> list[str]:
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
            *python_folders(),
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
    arguments += _proc_and_dev()
    if box.gpu:  # --bind would not allow their use; without /sys the driver finds no device
        for device in _gpu_devices():
            arguments += ["--dev-bind-try", device, device]
        arguments += ["--ro-bind", "/sys", "/sys"]
    arguments += ["--size", str(_tmp_bytes(box)), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    arguments += ["--size", str(_tmp_bytes(box)), "--tmpfs", "/tmp"]  # before any bind below it
    for folder in (*python_folders(), *map(str, box.read)):
        if not any(Path(folder).is_relative_to(system) for system in SYSTEM):
            arguments += ["--ro-bind", folder, folder]
    arguments += ["--bind", str(box.work), str(box.work), "--remount-ro", "/"]
    arguments += ["--chdir", str(box.work), "--clearenv"]
    for name, value in box.environment.items():
        arguments += ["--setenv", name, value]
    if filter_ is not None:
        arguments += ["--seccomp", str(filter_)]
    return [*arguments, "--", *command]


def masked_command(box: Box, command: Sequence[str]) -> list[str]:
    """The whole machine read-only, without what the box's mask hides; the network is shared.

    Of a folder that is hidden, its own and those that hold it included, nothing is shown again.
    """
    program, mask = bwrap_program(), box.mask
    if program is None or mask is None:
        raise FileNotFoundError("bwrap")
    arguments = [program, "--unshare-user", "--unshare-pid", "--unshare-ipc"]
    arguments += ["--unshare-cgroup-try", "--die-with-parent", "--new-session"]
    arguments += ["--cap-drop", "ALL", "--disable-userns", "--ro-bind", "/", "/"]
    inside = [folder for folder in mask.write if _is_below(folder, map(Path, PRIVATE))]
    for folder in mask.write:  # a home may be /, so what replaces the machine's own comes later
        if folder not in inside:
            arguments += ["--bind-try", str(folder), str(folder)]
    arguments += _proc_and_dev()
    for name in PRIVATE:
        if Path(name).is_dir() and not Path(name).is_symlink():
            arguments += ["--size", str(_tmp_bytes(box)), "--tmpfs", name]
    resolver = Path("/etc/resolv.conf").resolve()
    if _is_below(resolver, map(Path, PRIVATE)):
        arguments += ["--ro-bind-try", str(resolver), str(resolver)]
    for folder in inside:
        arguments += ["--bind-try", str(folder), str(folder)]
    hidden = [folder for folder in mask.hidden if folder.is_dir()]
    for folder in _outermost(hidden):
        arguments += ["--tmpfs", str(folder)]
    covered = [*hidden, *map(Path, PRIVATE)]
    for path in _outermost(p for p in mask.shown if not any(f.is_relative_to(p) for f in hidden)):
        if _is_below(path, covered):
            arguments += ["--ro-bind-try", str(path), str(path)]
    arguments += ["--bind", str(box.work), str(box.work)]
    for folder in _outermost(hidden):  # now that all places in them are made
        arguments += ["--remount-ro", str(folder)]
    return [*arguments, "--chdir", str(box.work), "--", *command]


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Without those that lie in others."""
    found = list(dict.fromkeys(paths))
    return [path for path in found if not _is_below(path, [p for p in found if p != path])]


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _proc_and_dev() -> list[str]:
    # As root, what is root's in /proc is the machine's own: its sysctls, and its keys' names.
    proc = ["--proc", "/proc", "--ro-bind-try", "/dev/null", "/proc/keys", "--remount-ro", "/proc"]
    return [*proc, "--dev", "/dev"]


def _tmp_bytes(box: Box) -> int:
    share = MOST_TMP_MB if box.memory_mb is None else box.memory_mb // TMP_SHARE
    return min(max(LEAST_TMP_MB, share), MOST_TMP_MB) * 2**20


@functools.cache
def bwrap_program() -> str | None:
    return shutil.which("bwrap")
