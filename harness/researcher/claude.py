"""The researcher that a language model is: it reads the brief, edits train.py by tools, submits.

While its server is away, or its conversations lead to nothing, the offline researcher proposes in
its place, so that no slot idles; rows say so, and it is asked again for the next proposal.
"""

import time
from pathlib import Path

from harness.experiment import Proposal
from harness.inspirations import index
from harness.researcher import Brief
from harness.researcher.api import Api, Away, Unfit
from harness.researcher.brief_text import experiment_text, system_parts
from harness.researcher.conversation import HOUR, MINUTES, Conversation, Fruitless
from harness.researcher.stand_in import StandIn
from harness.researcher.transcript import Transcript, path_of
from harness.researcher.workbench import Workbench

ATTEMPTS = 2  # conversations for a proposal before the stand-in takes over
SHORT = 0.25  # of the history, where the brief was too large
LONGEST_AWAY_S = 3600.0  # that a server's wish to be left alone is heeded
STAND_IN = "offline for claude"
TASK = """\
Propose experiment {number}: one edit of train.py. The virtual train.py starts as the incumbent's,
experiment {incumbent}. If the history asks for lessons, write them first. Then read what you need,
edit, try it with preflight, and submit."""
MEND = """\
Experiment {number} crashed at once. The virtual train.py starts as its own, with the mistake in it.
This is the end of what it said:

{log}

Mend it, keeping its idea ({hypothesis}), try it with preflight, and submit it as experiment {new}.
If the idea itself is at fault, submit another one."""


class Claude:
    """Any model behind the Messages API. `notes` is the folder of inspirations."""

    name = "claude"

    def __init__(self, api: Api, notes: Path) -> None:
        self.api, self.notes = api, notes
        self.stand_in = StandIn(STAND_IN)
        self.talk: Conversation | None = None  # that the last proposal came from
        self.away = ""  # why the server was away when it was last asked
        self.again_at = 0.0  # time.monotonic() before which it is not asked

    def propose(self, brief: Brief) -> Proposal:
        """Raises OutOfMoney, Halted."""
        task = TASK.format(number=brief.history.next_id, incumbent=brief.incumbent)
        while True:
            if found := self._think(brief, brief.source, task) or self.stand_in.propose(brief):
                return found

    def repair(self, brief: Brief, proposal: Proposal, reason: str) -> Proposal | None:
        """Raises OutOfMoney, Halted."""
        if self.stand_in.made(proposal):
            return self.stand_in.repair(brief, proposal, reason)
        if self.talk is None:
            return None
        try:
            return self.talk.refuse(reason)
        except (Away, Unfit, Fruitless) as error:
            brief.desk.tell(f"{self.name}: the refused edit is not mended: {error}")
            if isinstance(error, Away):
                self._went(error, brief)
            return None

    def mend(self, brief: Brief, number: int) -> Proposal | None:
        """Raises OutOfMoney, Halted."""
        record = brief.history.records[number]
        if record.experiment.researcher != self.name:
            return None
        task = MEND.format(
            number=number,
            log=experiment_text(brief, number, "log"),
            hypothesis=record.experiment.hypothesis,
            new=brief.history.next_id,
        )
        return self._think(brief, brief.source_of(number), task, mends=number)

    def _think(
        self, brief: Brief, source: str, task: str, mends: int | None = None
    ) -> Proposal | None:
        """A proposal, or None where the model gives none now."""
        self.talk, short = None, False
        if not self._is_there(brief):
            return None
        reasons = []
        for _ in range(ATTEMPTS):
            talk = self._talk(brief, source, task, mends, short=short)
            try:
                found = talk.run(0.0 if self.away else None)
            except Away as away:
                self._went(away, brief)
                talk.transcript.add("away", reason=self.away)
                return None
            except (Unfit, Fruitless) as error:
                short = short or error.is_large
                reasons.append(str(error))
                talk.transcript.add("fruitless", reason=str(error))
                continue
            if self.away:
                brief.desk.tell(f"{self.name} is back", "back")
            self.away, self.talk = "", talk
            return found
        brief.desk.tell(f"{self.name} gave no proposal ({'; '.join(dict.fromkeys(reasons))})")
        return None

    def _talk(
        self, brief: Brief, source: str, task: str, mends: int | None, *, short: bool
    ) -> Conversation:
        parts = system_parts(brief, index_text(self.notes))
        history = parts.history
        if short:
            cut = int(len(history) * SHORT)
            history = f"{history[:cut]}\n[{len(history) - cut} characters more were cut]"
        marks = [
            (f"{parts.rules}\n\n{parts.inspirations}", HOUR),
            (parts.source, HOUR),
            (history, MINUTES),
        ]
        path = path_of(brief.results, brief.history.next_id)
        transcript = Transcript(path, self.api.scrub)
        bench = Workbench(brief, source, self.name, self.notes, mends)
        return Conversation(self.api, brief, bench, transcript, marks, task)

    def _is_there(self, brief: Brief) -> bool:
        """A server that was away is knocked at, before a brief is made for it."""
        if time.monotonic() < self.again_at:
            return False
        if self.away:
            try:
                self.api.knock()
            except Away as away:
                self._went(away, brief)
                return False
        return True

    def _went(self, away: Away, brief: Brief) -> None:
        self.away = str(away)
        self.again_at = time.monotonic() + min(away.wait_s, LONGEST_AWAY_S)
        brief.desk.tell(f"{self.name} is away ({self.away}); the offline researcher helps", "away")


def index_text(notes: Path) -> str:
    """A line for each inspiration."""
    return "\n".join(f"- {note.name}: {note.title}. {note.summary}" for note in index(notes))
