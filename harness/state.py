"""A campaign's state folder, outside the repository: secret, copy of the harness, scratch.

`<state home>/thinker/<uuid>/` with mode 0700; the secret that draws its problems is 0600. The
harness that a campaign began with is copied here and runs it to its end, so that an edit, a
checkout or an upgrade in the middle of the night changes nothing.
"""

import errno
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.errors import Misuse
from harness.untrusted import remove

PACKAGE = Path(__file__).parent
SECRET_BYTES = 32


class Missing(Misuse):
    """The state folder of a campaign is gone, and its secret with it."""


def home() -> Path:
    """$XDG_STATE_HOME/thinker, else ~/.local/state/thinker (basedir-spec 0.8)."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (
        Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "state"
    ) / "thinker"


class State:
    """The folder of one campaign."""

    def __init__(self, campaign: str) -> None:
        self.folder = home() / campaign
        self.package_home = self.folder / "harness-home"
        self.scratch = self.folder / "scratch"

    def create(self, files: Mapping[str, str]) -> None:
        """The secret, the person's files, a copy of the harness; that last.

        Raises OSError, which names the folder, and then leaves nothing.
        """
        try:
            self._write(files)
        except OSError as error:  # copytree's has no number
            remove(self.folder)
            what = error.strerror or f"the harness cannot be copied ({error})"
            raise OSError(error.errno or errno.EIO, what, str(self.folder)) from error

    def _write(self, files: Mapping[str, str]) -> None:
        self.folder.mkdir(parents=True, mode=0o700)
        self.scratch.mkdir()
        handle = os.open(self.folder / "secret", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES))
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8", newline="")
        unfinished = self.folder / "unfinished"
        shutil.copytree(
            PACKAGE, unfinished / "harness", ignore=shutil.ignore_patterns("__pycache__")
        )
        unfinished.rename(self.package_home)  # its existence means that it is complete

    def check(self) -> None:
        """Raises Missing."""
        if not (self.package_home.is_dir() and (self.folder / "secret").is_file()):
            raise Missing(
                f"{self.folder} is gone, and with it the secret that drew the campaign's problems;"
                " start another with --tag"
            )

    def secret(self) -> str:
        return (self.folder / "secret").read_text()

    def read(self, name: str) -> str:
        """One of the person's files as it was when the campaign began."""
        return (self.folder / name).read_bytes().decode()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def module_command(module: str, package_home: Path = PACKAGE.parent) -> list[str]:
    """Python running a module of the harness that is in `package_home`, whatever is installed."""
    code = (
        f"import sys; sys.path.insert(0, {str(package_home)!r}); import runpy;"
        f" runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-P", "-c", code]
