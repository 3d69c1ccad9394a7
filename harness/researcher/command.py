"""The command researcher: any command-line program that edits the train.py in a folder.

It is run once for a proposal, in a new folder with the incumbent's train.py, program.md, BRIEF.md
and inspirations/, and what it leaves there is the proposal. While it fails, the offline researcher
proposes in its place, and it is tried again at every proposal.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness import contract
from harness.desk import Halted
from harness.errors import in_words
from harness.experiment import Proposal, Settings
from harness.researcher import Brief, Where
from harness.researcher import command_words as words
from harness.researcher.commandline import CommandLine, Ran
from harness.researcher.left_behind import (
    NO_HYPOTHESIS,
    Left,
    read_left,
    read_text,
)
from harness.researcher.stand_in import StandIn
from harness.sandbox import Sandbox
from harness.untrusted import remove
from harness.watch import LOG_BYTES, Stopped

MASKED, UNMASKED, STAND_IN = "command", "command (unmasked)", "offline for command"
# Twice a trial, so that a thorough one costs a slot a trial at most; a few minutes in any case.
LEAST_S, MOST_S = 300.0, 1800.0
LEAST_AGAIN_S = 60.0
TRANSCRIPT_BYTES = 4 * LOG_BYTES  # of all runs for one proposal together
NOTES, NOTE_BYTES = 60, 2**18  # copied of inspirations/


class Unable(Exception):
    """Its runs left no proposal; the text says why."""


class Command:
    """`describe` makes BRIEF.md. `level` and `limit_s` are found where they are None."""

    def __init__(
        self,
        argv: tuple[str, ...],
        where: Where,
        describe: Callable[[Brief], str] = words.table,
        *,
        level: Sandbox | None = None,
        limit_s: float | None = None,
    ) -> None:
        """Raises Misuse where there is no such program."""
        self.line = CommandLine(argv, where.project, level)
        self.where, self.describe = where, describe
        self.limit_s = limit_s
        self.name = MASKED
        self.stand_in = StandIn(STAND_IN)
        self.failures = 0  # in a row
        self.was_slow = False  # the last of them was ended for its time
        self._is_introduced = False
        self._scratch = where.state / "scratch" if where.state else None

    def propose(self, brief: Brief) -> Proposal:
        """Raises desk.Halted."""
        self._introduce(brief)
        while True:
            try:
                limit_s = self.limit(brief.history.settings)
                self._lay_out(brief, brief.source)
                left, ran = self._ask(brief, words.task(brief, limit_s), brief.source)
                hypothesis = left.hypothesis or ran.last_line or NO_HYPOTHESIS
                return self._proposal(brief, left, hypothesis)
            except Unable as error:
                said = f"{self.name}: {error}; offline proposes for it until it works"
                brief.desk.tell(said, "away")
            if found := self.stand_in.propose(brief):
                return found

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        """In the folder in which it was made."""
        if self.stand_in.made(proposal):
            return self.stand_in.repair(brief, proposal, reason)
        prompt = words.refusal(reason, self.limit(brief.history.settings))
        try:
            left, _ = self._ask(brief, prompt, proposal.source)
        except Unable as error:
            brief.desk.tell(f"{self.name} mended nothing: {error}")
            return None
        mended = self._proposal(brief, left, left.hypothesis or proposal.hypothesis)
        return replace(mended, mends=proposal.mends)

    def mend(self, brief: Brief, number: int) -> Proposal | None:
        """Of its own experiments only."""
        experiment = brief.history.records[number].experiment
        if experiment.researcher not in (MASKED, UNMASKED):
            return None
        self._introduce(brief)
        source = brief.source_of(number)
        log = self._log_of(brief, number)
        prompt = words.mending(brief, number, log, self.limit(brief.history.settings))
        try:
            self._lay_out(brief, source)
            left, _ = self._ask(brief, prompt, source)
        except Unable as error:
            brief.desk.tell(f"{self.name} mended nothing: {error}")
            return None
        hypothesis = left.hypothesis or f"{experiment.hypothesis}, mended"
        return replace(self._proposal(brief, left, hypothesis), mends=number)

    def limit(self, settings: Settings) -> float:
        """Seconds for a run. After one that hung it is half a trial, so that no slot waits long."""
        if self.limit_s is not None:
            return self.limit_s
        if self.was_slow:
            return min(MOST_S, max(LEAST_AGAIN_S, settings.budget_s / 2))
        return min(MOST_S, max(LEAST_S, 2 * settings.budget_s))

    # -- runs ------------------------------------------------------------------------------------

    def _ask(self, brief: Brief, prompt: str, before: str) -> tuple[Left, Ran]:
        """At most two runs: a second one where the first left nothing usable, or failed and the
        ones before it did not. Raises Unable and Halted."""
        ran = self._run(brief, prompt)
        left = ran.failure or read_left(self.work, before)
        if isinstance(left, str) and not (ran.failure and (ran.is_timeout or self.failures)):
            ran = self._run(brief, words.again(prompt, left))
            left = ran.failure or read_left(self.work, before)
        if isinstance(left, str):
            self.failures += 1
            self.was_slow = ran.is_timeout
            raise Unable(left)
        self.failures, self.was_slow = 0, False
        return left, ran

    def _run(self, brief: Brief, prompt: str) -> Ran:
        from harness.trial import memory_for_each

        settings = brief.history.settings
        memory_mb = memory_for_each(settings.slots + 1)
        limit_s = self.limit(settings)
        try:
            ran = self.line.run(self.work, prompt, limit_s, brief.desk.halt, memory_mb)
        except Stopped:
            raise Halted from None
        head = f"=== {' '.join(self.line.words)}\n{prompt}\n=== what it printed\n"
        end = f"\n=== {ran.failure or 'it ended well'}\n"
        self._keep(brief, head.encode(errors="replace") + ran.output + end.encode(errors="replace"))
        return ran

    def _keep(self, brief: Brief, transcript: bytes) -> None:
        """Beside the trials of the experiment that it is for; a full disk costs the transcript."""
        folder = brief.results / "experiments" / f"{brief.history.next_id:04d}"
        path = folder / "transcript.log"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(transcript[: max(0, TRANSCRIPT_BYTES - file.tell())])

    def _proposal(self, brief: Brief, left: Left, hypothesis: str) -> Proposal:
        mark = brief.history.proposals
        return Proposal(hypothesis, left.source, self.name, left.kind, left.expected, mark)

    def _introduce(self, brief: Brief) -> None:
        """Find out once whether it is masked, and say so where it is not."""
        if self._is_introduced:
            return
        self._is_introduced = True
        if not self.line.is_masked:
            self.name = UNMASKED
            brief.desk.tell(
                "the command sees and may change the repository, the results and the secret of"
                f" the problems: its rows say unmasked ({self.line.level.detail})"
            )

    # -- its folder ------------------------------------------------------------------------------

    @property
    def work(self) -> Path:
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="thinker-"))
        return self._scratch / "command"

    def _lay_out(self, brief: Brief, source: str) -> None:
        """A new folder. Raises Unable where the disk does not take it."""
        files = {"train.py": source, "program.md": brief.program, "BRIEF.md": self.describe(brief)}
        try:
            remove(self.work)
            (self.work / "harness").mkdir(parents=True)
            (self.work / "inspirations").mkdir()
            for name, text in files.items():
                (self.work / name).write_text(text, encoding="utf-8", errors="replace", newline="")
            for name in contract.LIBRARY:  # so that its train.py runs there
                shutil.copyfile(
                    Path(contract.__file__).with_name(name), self.work / "harness" / name
                )
            self._copy_notes()
        except OSError as error:
            self.failures += 1
            raise Unable(f"its folder cannot be made: {in_words(error)}") from error

    def _copy_notes(self) -> None:
        folder = self.where.project / "inspirations"
        names = sorted(p.name for pattern in ("*.md", "*.py") for p in folder.glob(pattern))
        for name in names[:NOTES]:
            text = read_text(folder, (name,), NOTE_BYTES)
            if text is not None:
                (self.work / "inspirations" / name).write_text(text, encoding="utf-8", newline="")

    def _log_of(self, brief: Brief, number: int) -> str:
        """What its trials that failed printed, or what is known of their end."""
        folder = brief.results / "experiments" / f"{number:04d}"
        for outcome in brief.history.records[number].outcomes:
            if outcome.status not in ("ok", "lost"):
                names = str(outcome.seed), "log.txt"
                log = read_text(folder, names, 2 * LOG_BYTES, errors="replace")
                return f"{log or ''}\n{outcome.reason}"
        return ""
