"""Git by plumbing: commits made of blobs with a private index, refs moved from their known value.

The person's checkout, index, stash, configuration and other branches are never touched, and no
hook, file-system monitor, signature or prompt is run. Every call may be repeated: the same events
give the same commits, and `settle` only moves what is not yet where it belongs.
Not covered: a repository that somebody rewrites meanwhile (git gc --prune=now, git filter-repo).
"""

import errno
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import Misuse
from harness.history import History

FILES = ("train.py", "program.md")
AS_TEXT = ("--no-ext-diff", "--no-textconv", "--no-color")  # whatever a person's git does
QUIET = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
# What passes: no room on the disk, and no process or memory to be had.
PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EAGAIN, errno.ENOMEM)
NOBODY = {"NAME": "thinker", "EMAIL": "thinker@localhost"}
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


class Unusable(Misuse):
    """There is no repository here that commits can be made in; the text has the remedy."""


class Repo:
    """The repository around a project folder, as one campaign uses it.

    `before_step` is told the name of each git command before it runs.
    """

    def __init__(
        self, project: Path, tag: str, before_step: Callable[[str], None] | None = None
    ) -> None:
        """Raises Unusable."""
        import git

        self.before_step = before_step
        self.when_stuck: Callable[[str], None] | None = None  # told, and the step tried again
        self.tag, self.project = tag, project.resolve()
        self.refs = f"refs/autoresearch/{tag}"
        self.branch = f"refs/heads/autoresearch/{tag}"
        self.failure = git.GitCommandError
        try:
            self.git: Any = git.Repo(project, search_parent_directories=True).git
            top = self.git.execute(["git", "rev-parse", "--show-toplevel"])
        except (git.InvalidGitRepositoryError, git.NoSuchPathError) as error:
            raise Unusable(
                f"{project} is in no git repository, and experiments are kept as commits; run"
                " `git init`, and commit train.py and program.md once"
            ) from error
        except git.GitCommandNotFound as error:
            raise Unusable("there is no git on this machine; install it") from error
        except git.GitCommandError as error:
            raise Unusable(_explain(str(error), self.project)) from error
        self.top = Path(str(top)).resolve()
        self.prefix = self.project.relative_to(self.top).as_posix().removeprefix(".")

    # -- reading ---------------------------------------------------------------------------------

    def head(self) -> str:
        """The commit that is checked out. Raises Unusable where there is none yet."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        except self.failure as error:
            raise Unusable(
                f"{self.top} has no commit yet; commit train.py and program.md once"
            ) from error

    def folders(self) -> tuple[Path, ...]:
        """All that belongs to it: the checkout, its git folder, and the one that it shares."""
        lines = self.run("rev-parse", "--git-dir", "--git-common-dir").splitlines()
        return (self.top, *((self.top / line).resolve() for line in lines))

    def version(self) -> str:
        return self.run("version").partition(" (")[0]

    def committed_at(self) -> str:
        """When the commit that is checked out was made, ISO 8601. Raises Unusable."""
        return self.run("show", "--no-patch", "--format=%cI", self.head())

    def source(self, commit: str, name: str = "train.py") -> str:
        return self.run("cat-file", "blob", f"{commit}:{self.path(name)}", strip=False)

    def differs_from(self, commit: str, name: str, text: str) -> bool:
        try:
            return self.source(commit, name) != text
        except self.failure:
            return True

    def stored_ledger(self) -> str | None:
        """The ledger as it was after the last verdict, None where none was stored."""
        if f"{self.refs}/ledger" not in self._values():
            return None
        return self.run("cat-file", "blob", f"{self.refs}/ledger", strip=False)

    def is_used(self) -> bool:
        """There is something of a campaign with this tag."""
        return bool(self._values())

    def is_checked_out(self) -> bool:
        try:
            return self.run("symbolic-ref", "--quiet", "HEAD") == self.branch
        except self.failure:
            return False

    def difference(self, old: str, new: str, name: str = "train.py") -> str:
        return self.run("diff", *AS_TEXT, old, new, "--", f":(top){self.path(name)}")

    def differences(self, pairs: Sequence[tuple[str, str]], name: str = "train.py") -> str:
        """Of many (old, new) at once, each below a line with the commit that is new; those that
        git does not have, or that do not differ, are left out."""
        lines = "".join(f"{new} {old}\n" for old, new in pairs)
        what = ("--stdin", "--patch", *AS_TEXT, "--", f":(top){self.path(name)}")
        return self.run("diff-tree", *what, text=lines, strip=False)

    # -- commits: objects only, nothing points to them yet ----------------------------------------

    def stage(
        self, parents: tuple[str, ...], files: Mapping[str, str], message: str, time: str
    ) -> str:
        """A commit of the first parent's tree with these files; the same for the same arguments."""
        blobs = {self.path(name): ("100644", self.store(text)) for name, text in files.items()}
        return self._commit(self.tree(parents[0], blobs), parents, message, time)

    def tree(self, parent: str, files: Mapping[str, tuple[str, str]]) -> str:
        """A commit's tree with these files, each a mode and a blob by its path."""
        with tempfile.TemporaryDirectory(prefix="thinker-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.run("read-tree", parent, env=index)
            lines = "".join(f"{mode} {blob} 0\t{path}\n" for path, (mode, blob) in files.items())
            self.run("update-index", "--index-info", text=lines, env=index)
            return self.run("write-tree", env=index)

    def restage(self, commit: str, parents: tuple[str, ...], message: str, time: str) -> str:
        """The same tree with other parents and another message."""
        return self._commit(f"{commit}^{{tree}}", parents, message, time)

    def parents(self, commit: str) -> tuple[str, ...]:
        return tuple(self.run("rev-list", "--parents", "--max-count=1", commit).split()[1:])

    def message(self, commit: str) -> str:
        return self.run("show", "--no-patch", "--format=%B", commit)

    def is_ancestor(self, old: str, new: str) -> bool:
        try:
            self.run("merge-base", "--is-ancestor", old, new)
        except self.failure:
            return False
        return True

    def merge(self, mine: str, base: str, theirs: str) -> str | None:
        """Three-way merge of texts; None where they conflict."""
        with tempfile.TemporaryDirectory(prefix="thinker-") as folder:
            paths = [Path(folder) / name for name in ("mine", "base", "theirs")]
            for path, text in zip(paths, (mine, base, theirs), strict=True):
                path.write_text(text, encoding="utf-8", newline="")
            try:
                return self.run("merge-file", "-p", *map(str, paths), strip=False)
            except self.failure as error:
                if isinstance(error.status, int) and 0 < error.status < 128:  # conflicts
                    return None
                raise

    # -- refs --------------------------------------------------------------------------------------

    def settle(self, history: History) -> str:
        """Put every ref where the history says; what is to be told about the branch, or nothing."""
        now = self._values()
        wanted = {f"{self.refs}/{n:04d}": r.commit for n, r in history.records.items()}
        note = ""
        if history.incumbent is not None:
            tip = history.records[history.incumbent].commit
            wanted[f"{self.refs}/incumbent"] = tip
            at = now.get(self.branch)
            ours = {record.commit for record in history.records.values()}
            if at is None or at in ours or self._was_ours(at, history):
                wanted[self.branch] = tip
            else:
                note = (
                    f"the branch autoresearch/{self.tag} was moved by hand and stays there; the"
                    f" incumbent is {self.refs}/incumbent"
                )
        moves = {ref: to for ref, to in wanted.items() if now.get(ref) != to}
        self._move({ref: (to, now.get(ref)) for ref, to in moves.items()})
        if not note and self.branch in moves and now.get(self.branch) and self.is_checked_out():
            note = (
                f"autoresearch/{self.tag} is checked out: the branch moved, the files did not;"
                " `git reset --hard` brings them up to it"
            )
        return note

    def point(self, refs: Mapping[str, str]) -> None:
        """Refs of the campaign's own, wherever they were."""
        now = self._values()
        self._move({ref: (to, now.get(ref)) for ref, to in refs.items() if now.get(ref) != to})

    def store_ledger(self, path: Path) -> None:
        """A copy of the ledger as a blob, for when results/ is wiped."""
        blob = self.run("hash-object", "-w", "--no-filters", str(path.resolve()))
        ref = f"{self.refs}/ledger"
        self._move({ref: (blob, self._values().get(ref))})

    def _was_ours(self, commit: str, history: History) -> bool:
        """An experiment's commit as it was before its figures were known."""
        return any(commit == r.experiment.commit for r in history.records.values())

    def _values(self) -> dict[str, str]:
        listed = self.run(
            "for-each-ref", "--format=%(refname) %(objectname)", self.refs, self.branch
        )
        return dict(line.split(" ") for line in listed.splitlines())

    def _move(self, moves: Mapping[str, tuple[str, str | None]]) -> None:
        """All or none, each only from its known value; None where there was no such ref."""
        if moves:
            lines = "".join(
                f"update {ref} {to} {old}\n" if old else f"create {ref} {to}\n"
                for ref, (to, old) in moves.items()
            )
            self.run("update-ref", "--no-deref", "--stdin", text=lines)

    # -- git ---------------------------------------------------------------------------------------

    def path(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def store(self, text: str) -> str:
        return self.run("hash-object", "-w", "--stdin", text=text)

    def _commit(self, tree: str, parents: tuple[str, ...], message: str, time: str) -> str:
        who = {f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in NOBODY.items()}
        dates = {"GIT_AUTHOR_DATE": time, "GIT_COMMITTER_DATE": time}
        arguments = [word for parent in parents for word in ("-p", parent)]
        return self.run("commit-tree", tree, *arguments, text=message, env=who | dates)

    def step(self, name: str) -> None:
        if self.before_step:
            self.before_step(name)

    def run(
        self,
        *arguments: str,
        text: str | None = None,
        env: Mapping[str, str] | None = None,
        strip: bool = True,
    ) -> str:
        """A git command's output. Raises git.GitCommandError."""
        self.step(arguments[0])
        while True:
            try:
                done = self._execute(arguments, text or "", env or {})
                return done.rstrip("\n") if strip else done
            except (self.failure, OSError) as error:
                stuck = next((e for e in PASSING if os.strerror(e) in str(error)), None)
                if stuck is None or not self.when_stuck:
                    raise
                self.when_stuck(f"git in {self.top}: {os.strerror(stuck)}")

    def _execute(self, arguments: tuple[str, ...], text: str, env: Mapping[str, str]) -> str:
        settings = [word for setting in QUIET for word in ("-c", setting)]
        with tempfile.TemporaryFile() as stdin:
            stdin.write(text.encode())
            stdin.seek(0)
            done = self.git.execute(
                ["git", *settings, *arguments],
                istream=stdin,
                env={"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **env},
                strip_newline_in_stdout=False,
            )
        return str(done)


def check_tag(tag: str) -> str | None:
    """What is wrong with a tag, None where nothing is."""
    if not TAG.fullmatch(tag) or ".." in tag or tag.endswith((".lock", ".")):
        return f"{tag!r} makes no branch name; use letters, digits, - and _"
    return None


def _explain(error: str, project: Path) -> str:
    if "dubious ownership" in error:
        return (
            f"git does not trust {project}, which belongs to another user; if you do, run"
            f" `git config --global --add safe.directory {project}`"
        )
    return f"git cannot read {project}: {' '.join(error.split())[:300]}"
