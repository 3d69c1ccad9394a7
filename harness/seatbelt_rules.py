"""What a process sees at `seatbelt`, macOS's sandbox-exec: a profile, as text. Experimental.

The language is Apple's and not documented; as in the profiles of /System/Library/Sandbox the last
rule that matches decides. Where Linux's levels allow what a training needs and nothing else, this
one takes away what it must not have, since what Metal and the system's libraries need differs from
release to release.
Not covered: services that answer Mach messages, but for those named here; names and sizes of files;
what lies outside of homes, volumes and temporary folders, and anyone on the machine may read.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.confinement import Box, python_folders

PROGRAM = "/usr/bin/sandbox-exec"
# Where people and programs keep what is theirs: homes, disks, temporary files. By real paths, as
# /tmp, /var and /etc are links.
PRIVATE = (
    *("/Users", "/Volumes", "/private/etc/ssh"),
    *("/private/tmp", "/private/var/tmp", "/private/var/folders", "/private/var/root"),
)
HARMLESS_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
# Which would act for it, or hold what is the person's: keys, the clipboard, opening a document in
# another program, jobs that run later.
SERVICES = (
    "com.apple.SecurityServer",
    "com.apple.securityd.xpc",
    "com.apple.pasteboard.1",
    "com.apple.coreservices.launchservicesd",
    "com.apple.coreservices.quarantine-resolver",
    "com.apple.xpc.smd",
)


def seatbelt_command(box: Box, command: Sequence[str]) -> list[str]:
    return [PROGRAM, "-p", profile(box), *command]


def profile(box: Box) -> str:
    """For a process with `box.work`, an absolute path without links, as its only folder."""
    private = {*PRIVATE, os.path.realpath(Path.home())}
    read = [*_real(python_folders()), *_real(map(str, box.read)), str(box.work)]
    return "\n".join(
        [
            "(version 1)",
            "(allow default)",
            "(deny network*)",
            "(deny appleevent-send)",
            f"(deny mach-lookup {_listed('global-name', SERVICES)})",
            "(deny process-info*)",
            "(allow process-info* (target same-sandbox))",
            "(deny signal)",
            "(allow signal (target same-sandbox))",
            f"(deny file-read-data {_listed('subpath', sorted(private))})",
            f"(allow file-read-data {_listed('subpath', read)})",
            "(deny file-write*)",
            f"(allow file-write* {_listed('subpath', [str(box.work)])}"
            f" {_listed('literal', HARMLESS_DEVICES)})",
        ]
    )


def _real(paths: Iterable[str]) -> list[str]:
    """As they are named and as they are: a link is looked at by both."""
    return list(dict.fromkeys(name for path in paths for name in (path, os.path.realpath(path))))


def _listed(kind: str, names: Iterable[str]) -> str:
    return " ".join(f"({kind} {_quoted(name)})" for name in names)


def _quoted(text: str) -> str:
    """A string of the profile's language. Raises ValueError for what none can hold."""
    if not text.isprintable():
        raise ValueError(f"the folder {text!r} has a control character in its name; rename it")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
