"""A person's checkout, as far as train.py goes: branch, index entry, working file.

What would overwrite work is refused before anything is changed. Then come the commits, which
nothing points to yet; the working file, by a rename; its index entry; and the branch last, from its
known value. Killed in between, the branch is where it was and holds what the file was, so that
nothing is lost, and the same again finishes it: a file or an index entry that is what is to be put
there counts as no work. No other file and no other index entry is touched.
No hook is run and no commit is signed: these are git's plumbing commands.
Not covered: somebody who edits train.py in the milliseconds between the last look and the rename.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Misuse
from harness.repo import Repo

NAME = "train.py"
UNFINISHED = ".train.py.adopting"  # renamed to train.py, and on the same disk
UNDER_WAY = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
}
HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit")
FILE_MODES = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class Checkout:
    """What is checked out. `branch` is a full ref; `text`, `mode` and `blob` are train.py's in its
    tip, `file` is the working file, which may be something else."""

    repo: Repo
    branch: str
    tip: str
    text: str
    mode: str
    blob: str
    file: Path

    @property
    def branch_name(self) -> str:
        return self.branch.removeprefix("refs/heads/")


def checkout_of(repo: Repo) -> Checkout:
    """Raises Misuse where no commit can be made here now."""
    for path, what in _under_way(repo):
        raise Misuse(f"{what} is under way here ({path}); finish or abort it, then adopt")
    tip, branch = repo.head(), _branch(repo)
    if not branch:
        raise Misuse(
            f"HEAD is detached at {tip[:12]}, on no branch that commits could go to; git switch"
            " BRANCH, or git switch -c NEW"
        )
    if branch.startswith("refs/heads/autoresearch/"):
        name = branch.removeprefix("refs/heads/")
        raise Misuse(
            f"{name} is checked out, a campaign's own branch, which only it moves; git switch to"
            " yours"
        )
    listed = repo.run("ls-tree", "--full-tree", tip, "--", repo.path(NAME)).split()
    if not listed or listed[0] not in FILE_MODES:
        what = "has no train.py" if not listed else "has a train.py that is no plain file"
        raise Misuse(f"{branch.removeprefix('refs/heads/')} {what} in {repo.project}; add it first")
    file = repo.project / NAME
    return Checkout(repo, branch, tip, repo.source(tip), listed[0], listed[2], file)


def _branch(repo: Repo) -> str:
    """That is checked out, as a full ref; empty where HEAD is detached."""
    try:
        return repo.run("symbolic-ref", "--quiet", "HEAD")
    except repo.failure:
        return ""


def _under_way(repo: Repo) -> Iterator[tuple[str, str]]:
    words = [word for name in UNDER_WAY for word in ("--git-path", name)]
    paths = repo.run("rev-parse", *words).splitlines()
    for (name, what), path in zip(UNDER_WAY.items(), paths, strict=True):
        if (repo.top / path).exists():
            yield name, what


def refuse_work(checkout: Checkout, wanted: str) -> None:
    """Raises Misuse where train.py has changes that are not in the branch's tip, but for those
    that are the `wanted` blob's."""
    repo, file = checkout.repo, checkout.file
    entries = [line.split() for line in _index(checkout)]
    if any(entry[2] != "0" for entry in entries):
        raise Misuse(f"train.py has merge conflicts that are not solved; solve them, {_way(repo)}")
    if not entries or entries[0][1] not in (checkout.blob, wanted):
        what = "is staged with changes" if entries else "is staged as deleted"
        raise Misuse(f"train.py {what} that {checkout.branch_name} does not have; {_way(repo)}")
    try:
        is_plain = stat.S_ISREG(file.lstat().st_mode)
    except FileNotFoundError:
        raise Misuse(f"{file} is deleted; git restore train.py brings it back") from None
    if not is_plain:
        raise Misuse(f"{file} is no plain file, and what it leads to is not overwritten")
    if working_blob(checkout) not in (checkout.blob, wanted):
        raise Misuse(
            f"{file} has changes that {checkout.branch_name} does not have, and they would be"
            f" overwritten; {_way(repo)}"
        )


def _way(repo: Repo) -> str:
    name = os.path.relpath(repo.project / NAME)
    return f"commit them (git commit {name}) or put them aside (git stash push {name}), then adopt"


def _index(checkout: Checkout) -> list[str]:
    path = f":(top){checkout.repo.path(NAME)}"
    return checkout.repo.run("ls-files", "--stage", "--", path).splitlines()


def working_blob(checkout: Checkout) -> str:
    """Of the working file, as git would store it."""
    path = checkout.repo.path(NAME)
    return checkout.repo.run("hash-object", f"--path={path}", str(checkout.file))


def check_identity(repo: Repo) -> None:
    """Raises Misuse where git does not know who commits."""
    try:
        repo.run("var", "GIT_AUTHOR_IDENT")
        repo.run("var", "GIT_COMMITTER_IDENT")
    except repo.failure as error:
        raise Misuse(
            "git does not know who you are, and the commits are to be yours; git config user.name"
            " NAME and git config user.email ADDRESS"
        ) from error


def commit_all(checkout: Checkout, steps: Sequence[tuple[str, str]]) -> list[str]:
    """Commits of texts of train.py with their messages, one on the other, on the branch's tip; the
    author is whoever git says. Nothing points to them yet."""
    made: list[str] = []
    repo = checkout.repo
    for text, message in steps:
        parent = made[-1] if made else checkout.tip
        blob = {repo.path(NAME): (checkout.mode, repo.store(text))}
        made.append(repo.run("commit-tree", repo.tree(parent, blob), "-p", parent, text=message))
    return made


def take_over(checkout: Checkout, commit: str, why: str) -> None:
    """Working file, index entry and branch become the commit's. Raises Misuse, with all as it was,
    where something moved meanwhile."""
    repo = checkout.repo
    path = repo.path(NAME)
    blob = repo.run("rev-parse", f"{commit}:{path}")
    with _alone(repo):
        if (_branch(repo), repo.head()) != (checkout.branch, checkout.tip):
            raise Misuse("another branch or commit was checked out meanwhile; repeat it")
        refuse_work(checkout, blob)
        try:
            _write(checkout, commit)
            repo.run("update-index", "--cacheinfo", f"{checkout.mode},{blob},{path}")
            repo.run("update-ref", "-m", why, checkout.branch, commit, checkout.tip)
        except BaseException as error:
            _put_back(checkout, blob)
            if isinstance(error, repo.failure):
                raise Misuse(_what_moved(checkout, str(error))) from error
            raise
    with contextlib.suppress(repo.failure):  # so that git need not compare the file again
        repo.run("update-index", "-q", "--refresh")


def _write(checkout: Checkout, commit: str) -> None:
    """Whole or not at all."""
    repo = checkout.repo
    name = f"{commit}:{repo.path(NAME)}"
    text = repo.run("cat-file", "--filters", name, strip=False)
    unfinished = checkout.file.with_name(UNFINISHED)
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), stat.S_IMODE(checkout.file.stat().st_mode))
        os.fsync(file.fileno())
    repo.step("rename")
    unfinished.replace(checkout.file)


def _put_back(checkout: Checkout, blob: str) -> None:
    """What was written already, where the branch did not come to hold it and nobody wrote since."""
    repo = checkout.repo
    with contextlib.suppress(OSError):
        checkout.file.with_name(UNFINISHED).unlink()
    with contextlib.suppress(repo.failure, OSError):
        if repo.run("rev-parse", f"{checkout.branch}:{repo.path(NAME)}") == blob:
            return
        if any(line.split()[1] == blob for line in _index(checkout)):
            entry = f"{checkout.mode},{checkout.blob},{repo.path(NAME)}"
            repo.run("update-index", "--cacheinfo", entry)
        if working_blob(checkout) == blob:
            _write(checkout, checkout.tip)


def _what_moved(checkout: Checkout, error: str) -> str:
    said = " ".join(error.split())
    if "index.lock" in said:
        what = "another git command holds the index (index.lock)"
    elif "cannot lock ref" in said:
        what = f"{checkout.branch_name} moved meanwhile"
    else:
        what = f"git failed: {said[:300]}"
    return f"{what}; nothing was adopted, repeat it"


@contextlib.contextmanager
def _alone(repo: Repo) -> Iterator[None]:
    """One adoption at a time in a checkout. Raises Misuse."""
    import fcntl

    path = repo.top / repo.run("rev-parse", "--git-path", "thinker-adopt.lock")
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misuse("another thinker adopt is at work here; wait for it") from None
        yield


def hooks_not_run(repo: Repo) -> list[str]:
    """Hooks that `git commit` would have run here."""
    set_ = repo.run("config", "--type=path", "--get-all", "core.hooksPath").splitlines()[:-1]
    folder = set_[-1] if set_ else repo.run("rev-parse", "--git-common-dir") + "/hooks"
    return [name for name in HOOKS if os.access(repo.top / folder / name, os.X_OK)]
