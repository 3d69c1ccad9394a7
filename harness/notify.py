"""What a person who is elsewhere is told of a campaign, and when: a listener of its history.

Told are its beginning, each keep, its end; that nothing was kept for long; that the researcher is
away, and back; that a disk is full. Of what goes to and fro, not each turn.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence

from harness.experiment import BASELINE
from harness.figures import probability
from harness.history import History, Record
from harness.leaderboard import summary
from harness.plain import plain
from harness.status import Status
from harness.webhook import (
    COMMAND_NAME,
    URL_NAME,
    Command,
    Message,
    NotTold,
    Webhook,
    command_of,
    webhook_of,
)

STUCK = 15  # verdicts in a row without a keep
CALM_S = 900.0  # between two messages of the same trouble
AGAIN_S = 2.0  # until what did not arrive is tried once more
HYPOTHESIS_CHARS = 300
MOST_KEEPS = 5  # in one message

Teller = Webhook | Command


class Notifier:
    """`before` is the history that it begins with, of which all is old; `status` tells what the
    harness does; `clock` is in seconds. A call raises NotTold once all have been tried."""

    def __init__(
        self,
        tellers: Sequence[Teller],
        status: Callable[[], Status],
        before: History,
        clock: Callable[[], float] = time.monotonic,
        again_s: float = AGAIN_S,
    ) -> None:
        self.tellers, self.status, self.clock, self.again_s = tellers, status, clock, again_s
        self.before = before
        self._is_begun = self._has_died = False
        self._known = set(before.judged)  # those that were told of, or are old
        last, since = _since_keep(before)
        self._stuck_at = last if since >= STUCK else -1  # the keep that was last when it was told
        self._stops = -1  # events
        self._trouble = ""
        self._told_at: dict[str, float] = {}

    def __call__(self, history: History) -> None:
        failed = [
            words
            for message in list(self.messages(history))
            for teller in self.tellers
            if (words := _tell(teller, message, self.again_s))
        ]
        if failed:
            raise NotTold("; ".join(dict.fromkeys(failed)))

    def messages(self, history: History) -> Iterator[Message]:
        """What is to be told now; it counts as told then."""
        assert history.started
        tag, status = history.started.tag, self.status()
        kept = [n for n in history.judged if n != BASELINE and _is_keep(history.records[n])]
        if not self._is_begun:
            self._is_begun = True
            is_old = bool(self.before.judged)
            words = f"{tag} goes on: {summary(self.before)}" if is_old else f"{tag} has begun"
            yield Message("begin", tag, words, {})
        new = [number for number in kept if number not in self._known]
        self._known.update(new)
        if new:
            lines = [_line(history.records[number]) for number in new[-MOST_KEEPS:]]
            facts = _facts(history.records[new[-1]])
            yield Message("keep", tag, "\n".join([f"{tag}: {lines[0]}", *lines[1:]]), facts)
        last, since = _since_keep(history)
        if since >= STUCK and self._stuck_at != last:
            self._stuck_at = last
            words = f"{tag}: nothing was kept among the last {since} experiments"
            yield Message("stuck", tag, words, {"since": since})
        yield from self._troubles(tag, status)
        if history.stopped and self._stops != history.events:
            self._stops = history.events
            words = f"{tag} ended: {plain(history.stopped.reason)}. {summary(history)}"
            yield Message("stop", tag, words, {"is_finished": history.stopped.is_finished})
        if status.died and not self._has_died:
            self._has_died = True
            words = f"{tag} failed: {plain(status.died)[:600]}. thinker run --tag {tag} goes on"
            yield Message("stop", tag, words, {"is_finished": False})

    def _troubles(self, tag: str, status: Status) -> Iterator[Message]:
        if status.trouble and not self._trouble and self._is_due("outage"):
            self._trouble = status.trouble
            yield Message("outage", tag, f"{tag}: {plain(status.trouble)[:600]}", {})
        elif self._trouble and not status.trouble:
            self._trouble = ""
            yield Message("back", tag, f"{tag}: the researcher is back", {})
        if status.is_low and self._is_due("disk"):
            yield Message("disk", tag, f"{tag}: {plain(status.note)[:600]}", {})

    def _is_due(self, event: str) -> bool:
        """It was not told of lately."""
        now = self.clock()
        if now - self._told_at.get(event, -CALM_S) < CALM_S:
            return False
        self._told_at[event] = now
        return True


def _tell(teller: Teller, message: Message, again_s: float) -> str:
    """Why it was not told, tried twice; empty where it was."""
    words = ""
    for pause_s in (0.0, again_s):
        time.sleep(pause_s)
        try:
            teller.tell(message)
        except NotTold as error:
            words = str(error)
        else:
            return ""
    return words


def _since_keep(history: History) -> tuple[int, int]:
    """The last keep, or the baseline, and how many verdicts came after it."""
    judged = [*history.judged]
    kept = [n for n in judged if n != BASELINE and _is_keep(history.records[n])]
    last = kept[-1] if kept else BASELINE
    return last, len(judged) - 1 - judged.index(last) if last in history.judged else 0


def _is_keep(record: Record) -> bool:
    return record.verdict is not None and record.verdict.decision == "keep"


def _line(record: Record) -> str:
    posterior = record.posterior
    figure = ""
    if posterior:
        figure = (
            f", {posterior.accuracy:.3f} ± {posterior.accuracy_sd:.3f}"
            f" ({posterior.effect:+z.3f}, P(real) {probability(posterior.p_real)})"
        )
    hypothesis = plain(record.experiment.hypothesis[: 4 * HYPOTHESIS_CHARS])[:HYPOTHESIS_CHARS]
    return f"keep #{record.experiment.id}{figure}: {hypothesis}"


def _facts(record: Record) -> dict[str, object]:
    posterior = record.posterior
    return {
        "experiment": record.experiment.id,
        "accuracy": posterior.accuracy if posterior else None,
        "effect": posterior.effect if posterior else None,
        "p_real": posterior.p_real if posterior else None,
    }


# ---------------------------------------------------------------------------
# From the command line to the process that runs the campaign, past everybody's eyes
# ---------------------------------------------------------------------------


def hide_in_environment(words: Sequence[str], url: str | None, command: str | None) -> list[str]:
    """The words of a command line without what it says of notifications, which goes into this
    process's environment: command lines are seen by everybody. Raises Misuse."""
    for name, value in ((URL_NAME, url), (COMMAND_NAME, command)):
        if value is not None:
            os.environ[name] = value
    _tellers_of(os.environ.get(URL_NAME, ""), os.environ.get(COMMAND_NAME, ""))
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            kept += [word, *rest]
        elif not word.startswith("--notify"):
            kept.append(word)
        elif "=" not in word:
            next(rest, None)
    return kept


def take_from_environment() -> tuple[Teller, ...]:
    """Who is to be told. No process that is begun later inherits it. Raises Misuse."""
    return _tellers_of(os.environ.pop(URL_NAME, ""), os.environ.pop(COMMAND_NAME, ""))


def _tellers_of(url: str, command: str) -> tuple[Teller, ...]:
    found: list[Teller] = []
    if url.strip():
        found.append(webhook_of(url))
    if command.strip():
        found.append(command_of(command))
    return tuple(found)
