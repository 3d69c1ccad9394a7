"""Confine this process and all it starts, for good: Landlock for files, seccomp for system calls.

Covered: files outside the given paths, signals and abstract sockets to outside where the kernel
can (6.12), new privileges; as root, all capabilities; and what the filter of
`harness.seccomp_rules` refuses, which is handed in as a program.
Not covered: names and sizes of files that cannot be opened; signals to the same user's processes
before Linux 6.12, TCP by Landlock before 6.7 (seccomp refuses every socket anyway).
Sources: the kernel's Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h.
"""

import ctypes
import errno
import os
import stat
from typing import Any

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # what a plain file can have
FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # by ABI
NET_RIGHTS = 0b11  # bind and connect of TCP, from ABI 4
SCOPES = 0b11  # abstract sockets and signals, from ABI 6
READ = EXECUTE | READ_FILE | READ_DIR

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_CAP_AMBIENT = 22, 38, 24, 47
PR_CAP_AMBIENT_CLEAR_ALL, SECCOMP_MODE_FILTER = 4, 2
INSTRUCTION_BYTES = 8  # of a BPF program
# Of a process's own folder in /proc, whose net/ tells of the whole machine's connections.
OWN = "fd maps smaps smaps_rollup status stat statm limits cgroup mountinfo mounts cmdline environ"
CAPABILITY_VERSION_3 = 0x20080522


class BpfProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


class RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # what _pack_ implies; Python 3.14 wants it said
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


class CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


libc = ctypes.CDLL(None, use_errno=True)


def abi() -> int:
    """The kernel's Landlock version, 0 where it has none or it is switched off."""
    return max(0, int(libc.syscall(CREATE_RULESET, None, 0, 1)))


def confine(rules: dict[str, Any], filter_: bytes) -> None:
    """`rules`: read, write and device paths; missing ones are left out. Raises OSError."""
    version = abi()
    if version < 1:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise _failed("no_new_privs")
    drop_capabilities()
    all_rights = FS_RIGHTS[max(v for v in FS_RIGHTS if v <= version)]
    attributes = RulesetAttributes(
        all_rights, NET_RIGHTS if version >= 4 else 0, SCOPES if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(attributes), size, 0)
    if ruleset < 0:
        raise _failed("landlock_create_ruleset")
    own = (f"/proc/{os.getpid()}/{name}" for name in OWN.split())
    for path in (*rules["read"], *own):
        _allow(ruleset, path, READ & all_rights)
    for path in rules["write"]:
        _allow(ruleset, path, all_rights & ~IOCTL_DEV)
    for path in rules["devices"]:
        _allow(ruleset, path, all_rights)
    if libc.syscall(RESTRICT_SELF, ruleset, 0):
        raise _failed("landlock_restrict_self")
    os.close(ruleset)
    refuse_system_calls(filter_)


def drop_capabilities() -> None:
    """All of them, from every set; without them root may do what its files' modes say, no more."""
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = CapabilityHeader(CAPABILITY_VERSION_3, 0)
    if libc.capset(ctypes.byref(header), ctypes.byref((CapabilityData * 2)())):
        raise _failed("capset")


def refuse_system_calls(filter_: bytes) -> None:
    """By a BPF program, see `harness.seccomp_rules`; needs no_new_privs."""
    held = ctypes.create_string_buffer(filter_, len(filter_))
    program = BpfProgram(len(filter_) // INSTRUCTION_BYTES, ctypes.addressof(held))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise _failed("seccomp")


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= FILE_RIGHTS
        beneath = PathBeneath(rights, handle)
        if libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(beneath), 0):
            raise _failed(f"landlock_add_rule {path}")
    finally:
        os.close(handle)


def _failed(what: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{what}: {os.strerror(code)}")
