"""A command line of the person's own, run in a folder: masked where bwrap works, watched, ended.

It keeps the person's network, home and environment, which hold its keys. Hidden from it are the
repository, the results and the state of all campaigns. A word that names a file of the project's
folder is that file, though the rest of the folder is hidden.
Not covered: what the home lets it do later, such as a start-up file that it writes; and services
on this machine's network that would read files for it.
"""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from harness import sandbox
from harness.confinement import Box, Mask, python_folders
from harness.errors import Misuse, in_words
from harness.plain import storable
from harness.repo import Repo, Unusable
from harness.sandbox import Sandbox, start
from harness.state import home as state_home
from harness.watch import FOLDER_MB, Log, Watch

PROMPT = "{prompt}"
NICE = 10  # it shares the harness's core
PROBE_S = 20.0
# What lies in the work folder: words that name these mean what is there.
OURS = ("train.py", "program.md", "BRIEF.md", "PROPOSAL.md", "proposal.json")
OUR_FOLDERS = ("inspirations", "harness")
FOLDERS = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
GONE = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # they lead to what is hidden


class Missing(Misuse):
    """There is no such program; the text names it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended: `failure` says why it counts for nothing, empty where it does not."""

    failure: str
    is_timeout: bool
    output: bytes
    last_line: str


class CommandLine:
    """`level` is a sandbox to run in, None: bwrap where it works, else `none`."""

    def __init__(self, words: Sequence[str], project: Path, level: Sandbox | None = None) -> None:
        """Raises Missing."""
        self.words, self.project, self._level = tuple(words), project.resolve(), level
        self.program()

    def program(self) -> str:
        """Its absolute path. Raises Missing."""
        word = self.words[0]
        found = shutil.which(str(self.project / word) if os.sep in word else word)
        if found is None:
            where = f"in {self.project}" if os.sep in word else "on the PATH"
            raise Missing(f"--researcher command: there is no program {word!r} {where}")
        return os.path.normpath(self.project / found)

    def arguments(self, prompt: str) -> list[str]:
        """All words, the prompt in its place, files of the project by their absolute paths."""
        words = [str(self._file(word) or word) for word in self.words[1:]]
        return [self.program(), *(word.replace(PROMPT, prompt) for word in words)]

    @functools.cached_property
    def level(self) -> Sandbox:
        """Found by starting a process, once."""
        return self._level or self._found()

    @property
    def is_masked(self) -> bool:
        return self.level.level == "bwrap"

    def run(
        self, work: Path, prompt: str, limit_s: float, stop: Event, memory_mb: int | None = None
    ) -> Ran:
        """Run it in `work`; nothing of it runs any more afterwards. Raises watch.Stopped."""
        prompt = storable(prompt).replace("\0", " ")
        has_place = any(PROMPT in word for word in self.words[1:])
        try:
            command = self.arguments(prompt)
            with tempfile.TemporaryFile() as stdin:
                stdin.write(b"" if has_place else prompt.encode())
                stdin.seek(0)
                process = start(
                    self.level,
                    self._box(work),
                    command,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
        except (Missing, OSError, ValueError) as error:
            return Ran(f"it cannot be started: {in_words(error)}", False, b"", "")
        watch, log = Watch(work, process, limit_s, memory_mb, FOLDER_MB), Log(process)
        try:
            early = watch.until_the_end(stop)
        finally:
            process.kill()
            log.end()
        code, failure = process.popen.returncode, ""
        if early:
            failure = early[1]
        elif code:
            failure = f"it ended with exit code {code}: {log.last_line() or 'it said nothing'}"
        is_timeout = early is not None and early[0] == "timeout"
        return Ran(failure, is_timeout, log.content(), log.last_line())

    # -- what it sees ----------------------------------------------------------------------------

    def _box(self, work: Path) -> Box:
        environment = os.environ | {"PWD": str(work.resolve())}
        if not self.is_masked:
            return Box(work, environment=environment, nice=NICE)
        environment = {k: v for k, v in environment.items() if k not in GONE} | {"TMPDIR": "/tmp"}
        return Box(work, environment=environment, nice=NICE, mask=self._mask())

    def _mask(self) -> Mask:
        shown = [Path(folder) for folder in python_folders()]
        shown += [Path(self.program()), *filter(None, map(self._file, self.words[1:]))]
        named = [Path(os.environ.get(name, "")) for name in FOLDERS]
        write = [Path.home(), *(folder for folder in named if folder.is_absolute())]
        return Mask(
            (*self._checkouts(), *self._secret()),
            tuple(path for path in shown if not self._is_secret(path)),
            tuple(folder.resolve() for folder in write),
        )

    @functools.cached_property
    def _git_folders(self) -> tuple[Path, ...]:
        try:
            return Repo(self.project, "any").folders()
        except Unusable:  # nothing is committed to it
            return ()

    def _checkouts(self) -> list[Path]:
        """The project's folder, and the whole repository where that does not hold the home."""
        folders = [self.project, *self._git_folders[:1]]
        return [f for f in folders if not Path.home().resolve().is_relative_to(f)]

    def _secret(self) -> list[Path]:
        """Of which nothing is ever shown."""
        folders = [*self._git_folders[1:], self.project / "results", state_home()]
        return [folder.resolve() for folder in folders]

    def _is_secret(self, path: Path) -> bool:
        return any(path.resolve().is_relative_to(folder) for folder in self._secret())

    def _file(self, word: str) -> Path | None:
        """The file of the project's folder, or of any by an absolute path, that a word names."""
        path = Path(os.path.normpath(self.project / word))
        inside = Path(os.path.normpath(word)).parts
        if PROMPT in word or word in OURS or inside[:1] in [(name,) for name in OUR_FOLDERS]:
            return None
        with contextlib.suppress(OSError, ValueError):
            return path if path.is_file() else None
        return None

    def _found(self) -> Sandbox:
        if Path.home().resolve().is_relative_to(self.project):
            return Sandbox("none", f"{self.project} holds the home, which it needs")
        works, why = sandbox.probe("bwrap")
        if not works:
            return Sandbox("none", f"bwrap: {why}; other sandboxes cannot hide folders")
        code = f"import os, sys; sys.exit(os.path.exists({str(self.project / 'program.md')!r}))"
        with tempfile.TemporaryDirectory(prefix="thinker-") as work:
            box = Box(Path(work), environment={"PATH": "/usr/bin:/bin"}, mask=self._mask())
            try:
                process = start(
                    Sandbox("bwrap", ""),
                    box,
                    [sys.executable, "-I", "-c", code],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                return Sandbox("none", f"bwrap: {error}")
            try:
                said, _ = process.popen.communicate(timeout=PROBE_S)
            except subprocess.TimeoutExpired:
                said = b"it did not start in time"
            code_ = process.kill()
        if code_:
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            return Sandbox("none", f"bwrap: {last[0] if last else 'it hides nothing'}")
        return Sandbox("bwrap", "the repository, results and state are hidden")
