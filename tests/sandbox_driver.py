"""Starts a hostile process in a sandbox and prints, as JSON, what it got at. See test_sandbox.py.

python sandbox_driver.py LEVEL FOLDER: FOLDER is a new one that this user may write to.
"""

import contextlib
import ctypes
import faulthandler
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from harness.confinement import Box
from harness.sandbox import Sandbox, start

MARK = "thinker-left-behind"
LATE_S = 100.0  # less than the tests give it
HOSTILE = r"""
import ctypes, json, mmap, os, resource, signal, socket, subprocess, sys, time
from pathlib import Path

planted, work, driver, victim, port, mark, level = json.loads(sys.argv[1])
got = []

def attempt(name, action):
    if "--hang" in sys.argv:  # that is about processes, and at `none` the attempts would succeed
        return
    try:
        result = action()
    except BaseException as error:
        print(name, type(error).__name__, error, file=sys.stderr)
        return
    if result is not None:
        got.append(name)

X86 = os.uname().machine == "x86_64"  # else aarch64
IOPRIO_SET, MIGRATE_PAGES, KEYCTL, ADD_KEY, SOCKET, USERFAULTFD, BPF = (
    (251, 256, 250, 248, 41, 323, 321) if X86 else (30, 238, 219, 217, 198, 282, 280)
)

def write(path):
    with open(path, "w") as file:
        file.write("was here")
    return True

def connect(family, kind, address):
    with socket.socket(family, kind) as it:
        it.settimeout(2)
        if kind == socket.SOCK_DGRAM:
            it.sendto(b"packet", address)
        else:
            it.connect(address)
    return True

def others():
    mine = {os.getpid(), os.getppid(), 1, 2}
    seen = [int(n) for n in os.listdir("/proc") if n.isdecimal() and int(n) not in mine]
    return True if driver in seen or victim in seen or len(seen) > 3 else None

def memory(pid):
    with open(f"/proc/{pid}/mem", "rb") as file:
        return file

attempt("write beside", lambda: write(planted + "/written"))
attempt("write over the secret", lambda: write(planted + "/secret"))
for place in ("/usr/thinker-test", "/etc/thinker-test", "/var/tmp/thinker-test", "/thinker-test"):
    attempt("write " + place, lambda: write(place) and os.unlink(place) is None)
attempt("write to the harness", lambda: write(planted + "/harness/evil.py"))
attempt("remove the secret", lambda: os.unlink(planted + "/secret") is None)
attempt("link", lambda: os.link(planted + "/secret", work + "/secret") is None)
attempt("link by name", lambda: os.symlink(planted + "/secret", work + "/symlink"))
attempt("read through a link", lambda: open(work + "/symlink").read())
attempt("read the secret", lambda: open(planted + "/secret").read())
attempt("list the folder of the secret", lambda: os.listdir(planted))
attempt("read shadow", lambda: open("/etc/shadow").read())
# Only what leads to Python's own folder may be seen of a home.
attempt("list home", lambda: len(os.listdir(os.path.expanduser("~root"))) > 1 or None)
attempt("environment", lambda: os.environ.get("ANTHROPIC_API_KEY"))
attempt("environment of the harness", lambda: open(f"/proc/{driver}/environ").read())
parent = f"/proc/{os.getppid()}/environ"
attempt("environment of the parent", lambda: "API_KEY" in open(parent).read() or None)
attempt("memory of the harness", lambda: memory(driver))
attempt("processes", others)
attempt("signal", lambda: os.kill(victim, signal.SIGTERM) is None)
attempt("loopback", lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)))
attempt("loopback 6", lambda: connect(socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)))
# Whether these two reach the host is seen there; inside namespaces of their own they may work.
here = ("127.0.0.1", port)
attempt("udp", lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, here) and None)
attempt("out", lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 80)))
attempt("unix socket", lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, planted + "/socket"))
attempt("abstract socket", lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + planted))
libc = ctypes.CDLL(None, use_errno=True)
attempt("remount", lambda: libc.mount(b"none", b"/usr", None, 32 | 4096, None) == 0 or None)
attempt("mount", lambda: libc.mount(b"none", work.encode(), b"tmpfs", 0, None) == 0 or None)
attempt("namespaces", lambda: libc.unshare(0x10000000 | 0x00020000) == 0 or None)
attempt("trace", lambda: libc.ptrace(16, driver, 0, 0) == 0 or None)
attempt("shared memory", lambda: (libc.shmget(driver, 4096, 0o1666), None)[1])

# Of this file only what is said after a call counts: at landlock some say that they did it.
secret = planted + "/secret"
def facts():
    try: found = os.stat(secret)
    except OSError: return None
    return found.st_mode, found.st_uid, found.st_mtime, found.st_size
before = facts()
def changes(name, action):
    attempt(name, lambda: (action(), facts() != before or None)[1])
changes("mode", lambda: os.chmod(secret, 0o666))
changes("mode by a handle", lambda: os.chmod(os.open(planted, os.O_PATH), 0o666))
changes("mode by fchmodat2", lambda: libc.syscall(452, -100, secret.encode(), 0o666, 0))
changes("owner", lambda: os.chown(secret, os.getuid(), 12345))
changes("owner, same", lambda: os.lchown(secret, os.getuid(), os.getgid()))
changes("times", lambda: os.utime(secret, (2, 2)))
changes("truncate", lambda: os.truncate(secret, 0))
changes("truncate on opening to read", lambda: os.open(secret, os.O_RDONLY | os.O_TRUNC))
changes("truncate on opening for nothing", lambda: os.open(secret, 3 | os.O_TRUNC))
attempt("open for nothing", lambda: os.open(secret, 3))
attempt("attribute", lambda: os.setxattr(secret, "user.x", b"1") is None)
attempt("remove attribute", lambda: os.removexattr(secret, "user.planted") is None)
watched = (planted.encode(), 0xFFF)
attempt("inotify", lambda: libc.inotify_add_watch(libc.inotify_init(), *watched) >= 0 or None)

attempt("limits of another", lambda: resource.prlimit(victim, resource.RLIMIT_NOFILE, (5, 5)))
attempt("CPU of another", lambda: resource.prlimit(victim, resource.RLIMIT_CPU, (1, 1)))
attempt("see limits of another", lambda: resource.prlimit(victim, resource.RLIMIT_AS))
attempt("niceness of another", lambda: os.setpriority(os.PRIO_PROCESS, victim, 19) is None)
attempt("affinity of another", lambda: os.sched_setaffinity(victim, {0}) is None)
attempt("affinity of its own", lambda: os.sched_setaffinity(0, {0}) is None)
idle = (os.SCHED_IDLE, os.sched_param(0))
attempt("scheduler of another", lambda: os.sched_setscheduler(victim, *idle) is None)
attempt("I/O of another", lambda: libc.syscall(IOPRIO_SET, 1, victim, 3 << 13) == 0 or None)
# With a class that does not exist, so that nothing is changed where this gets as far as the kernel.
def io_of_all():
    libc.syscall(IOPRIO_SET, 3, 0, 7 << 13)
    return ctypes.get_errno() != 1 or None
attempt("I/O of all", io_of_all)
attempt("pages of another", lambda: libc.syscall(MIGRATE_PAGES, victim, 0, 0, 0) == 0 or None)
real_time = resource.RLIMIT_RTTIME
attempt("shed the mark", lambda: resource.setrlimit(real_time, (1, 1)) is None)
attempt("shed it softly", lambda: resource.prlimit(0, real_time, (1, 1)))

attempt("memory file", lambda: os.memfd_create("x"))
attempt("segment", lambda: libc.shmget(0, 2**20, 0o1666) >= 0 or None)
attempt("semaphores", lambda: libc.semget(0, 1, 0o1666) >= 0 or None)
attempt("message queue", lambda: libc.msgget(0, 0o1666) >= 0 or None)
def fill(path, megabytes):
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(bytes(2**20))
            file.flush()
    return True
for place in ("/dev/shm/x", "/tmp/thinker-test", "/dev/x"):  # a sixteenth of the 512 MB is for it
    attempt("fill " + place, lambda: fill(place, 40))
    if os.path.exists(place) and place != "/tmp/thinker-test":
        os.unlink(place)

def sysctls():
    for where, _, files in os.walk("/proc/sys"):
        if not where.startswith(("/proc/sys/net", "/proc/sys/user")):
            for name in files:
                try:
                    os.close(os.open(os.path.join(where, name), os.O_WRONLY))
                    return True
                except OSError:
                    pass
attempt("sysctls", sysctls)
def planted_key():
    key = libc.syscall(KEYCTL, 10, -3, b"user", b"planted", 0)
    return True if key >= 0 else None
attempt("key of the session", planted_key)
attempt("a key of its own", lambda: libc.syscall(ADD_KEY, b"user", b"x", b"x", 1, -2) >= 0 or None)
for family in (3, 5, 17, 21, 29, 30, 31, 38, 40, 43, 44):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        attempt(f"socket of family {family}", lambda: socket.socket(family, kind, 0))
high = ctypes.c_long(0x100000000 + 40)  # the kernel looks at the lower half
attempt("vsock by its lower half", lambda: libc.syscall(SOCKET, high, 1, 0) >= 0 or None)
attempt("audit", lambda: socket.socket(16, 3, 9))
attempt("uevents", lambda: socket.socket(16, 3, 15))
attempt("io_uring", lambda: libc.syscall(425, 4, ctypes.create_string_buffer(256)) >= 0 or None)
attempt("userfaultfd", lambda: libc.syscall(USERFAULTFD, 1) >= 0 or None)
attempt("bpf", lambda: libc.syscall(BPF, 0, ctypes.create_string_buffer(128), 128) >= 0 or None)
attempt("fanotify", lambda: libc.fanotify_init(0x200, 0) >= 0 or None)
attempt("kernel log", lambda: libc.klogctl(3, ctypes.create_string_buffer(4096), 4096) >= 0 or None)
attempt("a call of the future", lambda: (libc.syscall(470), ctypes.get_errno() != 38 or None)[1])
attempt("cgroups", lambda: os.listdir("/sys/fs/cgroup") and True)
def connections():  # in a namespace of its own there are none
    return open(f"/proc/{os.getpid()}/net/tcp").read().count("\n") > 1 or None
attempt("connections", connections)
if level == "landlock":
    attempt("session of its own", lambda: os.setsid() or True)
    def regroup():
        child = os.fork()
        if child == 0:
            time.sleep(1)
            os._exit(0)
        try:
            os.setpgid(child, child)
        finally:
            os.waitpid(child, 0)
        return True
    attempt("group of its own", regroup)
def other_architecture():
    # i386's getpid by int 0x80: an answer, and not a signal, would pass by the filter.
    child = os.fork()
    if child == 0:
        code = mmap.mmap(-1, 4096, prot=7)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        at = ctypes.addressof(ctypes.c_char.from_buffer(code))
        os._exit(0 if ctypes.CFUNCTYPE(ctypes.c_int)(at)() > 0 else 1)
    return os.waitpid(child, 0)[1] == 0 or None
if os.uname().machine == "x86_64":
    attempt("i386", other_architecture)
    attempt("x32", lambda: libc.syscall(0x40000000 | 39) > 0 or None)
# And what every training needs, works.
with socket.socketpair()[0]:
    os.cpu_count(), os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE), os.nice(0)
import shutil, tempfile
with tempfile.TemporaryDirectory(dir=work) as folder:
    Path(folder, "a").write_text("a")
    shutil.copy2(folder + "/a", folder + "/b")
    os.replace(folder + "/b", folder + "/c")

write(work + "/allowed")
print(json.dumps({"got": got, "wrote": os.path.exists(work + "/allowed")}), flush=True)
for stay in range(3):  # processes that leave their session and their parent
    if os.fork() == 0:
        try:
            os.setsid()
        except OSError:  # at landlock nobody leaves the group
            pass
        if os.fork() == 0:
            for fd in (0, 1, 2):
                os.close(fd)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", mark])
        os._exit(0)
import time
time.sleep(0.5)
if "--hang" in sys.argv:
    time.sleep(600)
"""


def main():
    faulthandler.dump_traceback_later(LATE_S, exit=True)  # where it hangs, should it ever
    level, folder = sys.argv[1], Path(sys.argv[2])
    planted, work = folder / "planted", folder / "work"
    for made in (planted, work, planted / "harness"):
        made.mkdir()
    (planted / "secret").write_text("a secret")
    (planted / "secret").chmod(0o600)
    with contextlib.suppress(OSError):  # a file system without them
        os.setxattr(planted / "secret", "user.planted", b"1")
    plant_key()
    os.environ["ANTHROPIC_API_KEY"] = "planted-key"
    server = socket.create_server(("127.0.0.1", 0))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(server.getsockname())
    datagrams.setblocking(False)
    for address in (str(planted / "socket"), "\0" + str(planted)):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen()
        threading.Thread(target=listener.accept, daemon=True).start()
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    facts = [str(planted), str(work), os.getpid(), victim.pid, server.getsockname()[1], MARK, level]
    command = [sys.executable, "-I", "-c", HOSTILE, json.dumps(facts), *sys.argv[3:]]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(work)}
    process = start(
        Sandbox(level, ""),
        Box(work, environment=environment, memory_mb=512),
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said = json.loads(process.popen.stdout.readline() or b"null")
    if "--hang" in sys.argv:
        time.sleep(0.6)
    else:
        process.popen.wait(timeout=60)
    found = {"said": said, "during": len(left_behind())}
    process.kill()
    found["after"] = len(left_behind())
    found["errors"] = process.popen.stderr.read().decode()
    found["victim"] = victim.poll()
    secret = planted / "secret"
    found["secret"] = secret.read_text() if secret.exists() else None
    found["mode"] = secret.stat().st_mode & 0o777
    try:
        found["datagram"] = datagrams.recv(100).decode()
    except BlockingIOError:
        found["datagram"] = None
    segments = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    mine = [int(line.split()[1]) for line in segments if int(line.split()[0]) == os.getpid()]
    found["shared memory"] = bool(mine)
    for segment in mine:
        ctypes.CDLL(None).shmctl(segment, 0, None)
    victim.kill()
    victim.wait()
    print(json.dumps(found))


def plant_key():
    """In this process's session keyring, which is a new one."""
    calls = {"x86_64": (250, 248), "aarch64": (219, 217)}
    keyctl, add_key = calls[os.uname().machine]
    libc = ctypes.CDLL(None)
    libc.syscall(keyctl, 1, None)
    libc.syscall(add_key, b"user", b"planted", b"a secret", 8, ctypes.c_int(-3))


def left_behind():
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline()[-1:] == [MARK] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


if __name__ == "__main__":
    main()
