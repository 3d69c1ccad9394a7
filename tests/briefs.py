"""Briefs for researchers under test, as the loop makes them."""

from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread

from harness.desk import Asked, Desk
from harness.history import History
from harness.ledger import Entry
from harness.preflight import Flight
from harness.researcher import Brief
from harness.researcher.gatekeeper import Gatekeeper

PASSES = Flight("passed", "")


def make_brief(
    source="A = 1\n",
    *,
    history=None,
    incumbent=0,
    source_of=None,
    results=Path("nowhere"),
    try_out=lambda source: PASSES,
    desk=None,
    running=(),
    program="Do well.",
):
    history = history or History()
    return Brief(
        program,
        source,
        incumbent,
        history,
        "cpu",
        source_of or (lambda number: source),
        results,
        gates=Gatekeeper(history, try_out),
        desk=desk or Desk(SimpleQueue().put, Event()),
        running=running,
    )


class Clerk:
    """Records what a researcher asks for, as the loop does, in memory: `history` is what it adds
    up to, `told` what the person was told. Use it in a `with` statement."""

    def __init__(self, history, record=lambda event: None):
        self.history, self.record = history, record
        self.inbox, self.halt, self._told = SimpleQueue(), Event(), []
        self.desk = Desk(self.inbox.put, self.halt)
        self.thread = Thread(target=self.work, daemon=True)

    def work(self):
        while (message := self.inbox.get()) is not None:
            if not isinstance(message, Asked):
                self._told.append(message.text)
                continue
            event = message.make(self.history)
            if event is not None:
                self.record(event)
                self.history = self.history.after(Entry("2026-01-31T22:00:00+00:00", event))
            message.answer(event)

    @property
    def told(self):
        """All of it: what was said before is taken before the next question."""
        self.desk.record(lambda history: None)
        return self._told

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.halt.set()
        self.inbox.put(None)
        self.thread.join()
