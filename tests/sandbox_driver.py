"""Starts a hostile process in a sandbox and prints, as JSON, what it got at. See test_sandbox.py.

python sandbox_driver.py LEVEL FOLDER: FOLDER is a new one that this user may write to.
"""

import ctypes
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
HOSTILE = r"""
import ctypes, json, os, signal, socket, subprocess, sys
from pathlib import Path

planted, work, driver, victim, port, mark = json.loads(sys.argv[1])
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
write(work + "/allowed")
print(json.dumps({"got": got, "wrote": os.path.exists(work + "/allowed")}), flush=True)
for stay in range(3):  # processes that leave their session and their parent
    if os.fork() == 0:
        os.setsid()
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
    level, folder = sys.argv[1], Path(sys.argv[2])
    planted, work = folder / "planted", folder / "work"
    for made in (planted, work, planted / "harness"):
        made.mkdir()
    (planted / "secret").write_text("a secret")
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
    facts = [str(planted), str(work), os.getpid(), victim.pid, server.getsockname()[1], MARK]
    command = [sys.executable, "-I", "-c", HOSTILE, json.dumps(facts), *sys.argv[3:]]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(work)}
    process = start(
        Sandbox(level, ""),
        Box(work, environment=environment, memory_mb=4096),
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
