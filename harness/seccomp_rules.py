"""The system calls that untrusted code is refused: one filter for both levels, as a BPF program.

Covered at both: memory that no process has resident (memfd, SysV, POSIX queues), keyrings, sockets
of families that no namespace holds, limits and scheduling of other processes, pinning, tracing,
mounts, namespaces, io_uring, modules, clocks; calls newer than `NEWEST` and of other architectures.
At Landlock also what it does not look at: modes, owners, times and attributes of files, truncating
without writing (before Linux 6.2), inotify, every socket but pairs, and leaving the process group,
by which all are ended at once.
Not covered: memory in pipes and socket pairs; a memfd where a GPU is used, whose driver makes one.
"""

import errno
import functools
import os
import platform
import struct
import tempfile
from typing import Any

REFUSED = """
    ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd
    bpf perf_event_open userfaultfd fanotify_init fanotify_mark lookup_dcookie syslog
    mount umount2 pivot_root chroot unshare setns move_mount open_tree open_tree_attr fsopen
    fsconfig fsmount fspick mount_setattr open_by_handle_at name_to_handle_at
    keyctl add_key request_key kexec_load kexec_file_load init_module finit_module delete_module
    quotactl quotactl_fd swapon swapoff reboot sethostname setdomainname settimeofday
    clock_settime clock_adjtime adjtimex acct iopl ioperm modify_ldt vhangup
    shmget shmat shmctl msgget msgsnd semget mq_open mq_unlink memfd_secret sched_setaffinity
"""
MISSING = "io_uring_setup io_uring_enter io_uring_register clone3"  # callers fall back
# Of another process by its number, which is the first argument; 0 is the caller.
OF_OTHERS = """
    prlimit64 sched_setscheduler sched_setparam sched_setattr move_pages migrate_pages
"""
LANDLOCK_REFUSED = "truncate setsid setpgid inotify_init inotify_init1 inotify_add_watch"
LANDLOCK_MISSING = "openat2"  # its flags are in memory, which a filter cannot read
# They say that they did it and do nothing: shutil.copy must not fail at this level alone.
LANDLOCK_IGNORED = """
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat
"""
# What a file system without extended attributes says; shutil expects it.
LANDLOCK_UNSUPPORTED = """
    setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat
    file_setattr
"""
NEWER = {  # than the libseccomp of 2022; numbers from 424 on are the same on every architecture
    "process_mrelease": 448,
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
    "open_tree_attr": 467,
    "file_setattr": 469,
}
NEWEST = 469  # of Linux 6.17; what comes after it has not been judged, and is missing
SAME_NUMBERS = ("x86_64", "aarch64", "riscv64")  # whose numbers end there
CLONE_NEW = 0x7E020080  # every namespace flag of clone(2)
UNIX, INET, INET6, NETLINK = 1, 2, 10, 16
NETLINK_ROUTE = 0
PRIO_USER, IOPRIO_WHO_USER = 2, 3
TIOCSTI, FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR = (
    0x5412,
    0x40086602,
    0x40046602,
    0x401C5820,
)
RLIMIT_RTTIME = 15  # holds the mark by which survivors are known
O_ACCMODE = 3
UNKNOWN_TO_LIBSECCOMP = -1
BPF_LOAD_WORD, BPF_JUMP_IF_AT_LEAST, BPF_RETURN, RETURN_ERRNO = 0x20, 0x35, 0x06, 0x00050000


@functools.cache
def program(*, landlock: bool, gpu: bool) -> bytes:
    """The filter as BPF. Raises ImportError or RuntimeError where libseccomp is missing."""
    import pyseccomp as seccomp

    rules = _Rules(seccomp)
    rules.answer(errno.EPERM, REFUSED)
    rules.answer(errno.ENOSYS, MISSING)
    if not gpu:
        rules.answer(errno.EPERM, "memfd_create")
    _others(rules)
    for bit in range(32):
        if CLONE_NEW & (flag := 1 << bit):
            rules.when_masked(errno.EPERM, "clone", 0, flag, flag)
    rules.when_masked(errno.EPERM, "ioctl", 1, 0xFFFFFFFF, TIOCSTI)
    rules.when(errno.EPERM, "socketpair", (0, seccomp.NE, UNIX))
    if landlock:
        _landlock(rules)
    else:
        _sockets(rules)
    with tempfile.TemporaryFile() as file:
        rules.filter.export_bpf(file)
        file.seek(0)
        return _newer_missing() + file.read()


def _others(rules: "_Rules") -> None:
    """Nothing of other processes, nor of all of the user's."""
    differs = rules.seccomp.NE
    for name in OF_OTHERS.split():
        rules.when(errno.EPERM, name, (0, differs, 0))
    for name, user in (("setpriority", PRIO_USER), ("ioprio_set", IOPRIO_WHO_USER)):
        rules.when(errno.EPERM, name, (1, differs, 0))
        rules.when_masked(errno.EPERM, name, 0, 0xFFFFFFFF, user)
    # The mark stays: nobody changes this limit for a better reason.
    rules.when_masked(errno.EPERM, "setrlimit", 0, 0xFFFFFFFF, RLIMIT_RTTIME)
    rules.when(
        errno.EPERM,
        "prlimit64",
        (1, rules.seccomp.MASKED_EQ, 0xFFFFFFFF, RLIMIT_RTTIME),
        (2, differs, 0),
    )


def _sockets(rules: "_Rules") -> None:
    """Only the families that a network namespace holds; of netlink only what lists interfaces."""
    equals = rules.seccomp.EQ
    for family in set(range(NETLINK)) - {UNIX, INET, INET6}:
        rules.when(errno.EAFNOSUPPORT, "socket", (0, equals, family))
    # The kernel looks at 32 bits, the filter at 64: what is set above them is greater, too.
    rules.when(errno.EAFNOSUPPORT, "socket", (0, rules.seccomp.GT, NETLINK))
    other = (2, rules.seccomp.NE, NETLINK_ROUTE)
    rules.when(errno.EPROTONOSUPPORT, "socket", (0, equals, NETLINK), other)


def _landlock(rules: "_Rules") -> None:
    rules.answer(errno.EPERM, "socket " + LANDLOCK_REFUSED)
    rules.answer(errno.ENOSYS, LANDLOCK_MISSING)
    rules.answer(0, LANDLOCK_IGNORED)
    rules.answer(errno.ENOTSUP, LANDLOCK_UNSUPPORTED)
    for request in (FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR):
        rules.when_masked(errno.ENOTTY, "ioctl", 1, 0xFFFFFFFF, request)
    for name, argument in (("open", 1), ("openat", 2)):
        # Truncated though not opened for writing: Landlock asks about that from Linux 6.2 on.
        rules.when_masked(errno.EPERM, name, argument, os.O_TRUNC | O_ACCMODE, os.O_TRUNC)
        # Neither for reading nor for writing: Landlock asks about nothing then.
        rules.when_masked(errno.EPERM, name, argument, O_ACCMODE, O_ACCMODE)


def _newer_missing() -> bytes:
    """What comes first: calls that this file has not heard of are not there."""
    if platform.machine() not in SAME_NUMBERS:
        return b""
    return b"".join(
        struct.pack("=HBBI", code, if_true, if_false, value)
        for code, if_true, if_false, value in (
            (BPF_LOAD_WORD, 0, 0, 0),  # the call's number
            (BPF_JUMP_IF_AT_LEAST, 0, 1, NEWEST + 1),
            (BPF_RETURN, 0, 0, RETURN_ERRNO | errno.ENOSYS),
        )
    )


class _Rules:
    """A libseccomp filter that allows all but what is said."""

    def __init__(self, seccomp: Any) -> None:
        self.seccomp = seccomp
        self.filter = seccomp.SyscallFilter(seccomp.ALLOW)
        # As one killed thread among many would leave a process that hangs.
        self.filter.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)

    def answer(self, error: int, names: str) -> None:
        for name in names.split():
            self.when(error, name)

    def when_masked(self, error: int, name: str, argument: int, mask: int, value: int) -> None:
        self.when(error, name, (argument, self.seccomp.MASKED_EQ, mask, value))

    def when(self, error: int, name: str, *conditions: tuple[int, ...]) -> None:
        """Answer with `error` where all conditions hold; calls unknown here are left out."""
        number = self.seccomp.resolve_syscall(self.seccomp.Arch.NATIVE, name)
        if number == UNKNOWN_TO_LIBSECCOMP:
            number = NEWER.get(name, UNKNOWN_TO_LIBSECCOMP)
        if number >= 0:
            arguments = [self.seccomp.Arg(*condition) for condition in conditions]
            self.filter.add_rule(self.seccomp.ERRNO(error), number, *arguments)
