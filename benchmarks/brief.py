"""What a night of proposals reads and costs: `python -m benchmarks brief`.

Thirty proposals a quarter of an hour apart, by the researcher claude through the real SDK, from a
stand-in server that caches prefixes as the API says it does (tests/messages_server.py), by a clock
that is moved instead of waited for. Each takes six replies: a lesson and a look at the last
experiment, a note, an edit, a preflight, a submission. Outcomes are rehearsed, so that the
incumbent changes now and then. What a real model writes, and how often it asks, will differ.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import judge
from harness.executor.rehearsal import outcome_of
from harness.experiment import BASELINE, Experiment, Judged, Proposed, Settings, Started, Tried
from harness.history import History
from harness.ledger import Entry
from harness.money import Model, Tokens
from harness.pricing import price_of
from harness.researcher.api import Api
from harness.researcher.brief_text import MOST_TOKENS, system_parts
from harness.researcher.claude import Claude, index_text
from harness.syntax import fingerprint

ROOT = Path(__file__).parents[1]
PROPOSALS, APART_S, REPLY_S = 30, 900.0, 40.0
MODEL = "claude-opus-5-5"
THOUGHT_TOKENS = 1_500  # billed for the thinking of each reply
STAMP = "2026-01-31T22:00:00+00:00"
Row = Callable[[str, str, str, str, bool], None]


class Night:
    """A campaign whose trials are rehearsed; sources by experiment."""

    def __init__(self) -> None:
        settings = Settings(
            APART_S, None, 500, 1, 1, "cuda", "gpu", "bwrap", ("claude",), None, None,
            baseline_seeds=2, reserve=0.1, model=Model(MODEL, "medium"),
        )  # fmt: skip
        started = Started("bench", "a campaign", settings, "", "", "", "", "a machine", "0")
        self.history = History.of([Entry(STAMP, started)])
        self.sources: dict[int, str] = {}
        self.tried((ROOT / "train.py").read_text(), "The baseline", "baseline", None)

    def fold(self, event: Any) -> None:
        self.history = self.history.after(Entry(STAMP, event))

    def tried(self, source: str, hypothesis: str, kind: str, expected: float | None) -> None:
        number, parent = self.history.next_id, self.history.incumbent or BASELINE
        self.sources[number] = source
        words = hypothesis, "claude", kind, expected, number, *fingerprint(source), "passed"
        self.fold(Proposed(Experiment(number, parent, f"c{number}", *words)))
        while wanted := judge.trials_wanted(self.history):
            outcome = outcome_of(wanted[0], source)
            figures = {"train_s": 900.0, "score_s": 60.0, "cpu_s": 880.0, "steps": 21_000}
            self.fold(Tried(replace(outcome, **figures, samples=1_300_000, memory_mb=2_100.0)))
        (verdict,) = judge.verdicts(self.history)
        self.fold(Judged(verdict, f"d{number}"))


def brief(row: Row) -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    import anthropic
    from briefs import Clerk, make_brief
    from messages_server import Call, Campaign, MessagesServer, Think

    def steps(number: int) -> list[Any]:
        think = Think("Let me look at this first.", THOUGHT_TOKENS)
        last = max(0, number - 1)
        old = "LEARNING_RATE = "
        lesson = {"text": f"Experiment {last} moved its level by less than the noise, so its idea"
                  " is neither shown nor refuted at this budget.", "experiment": last}  # fmt: skip
        edit = {"old": f"\n{old}", "new": f"\nTRY_{number} = {number}\n{old}"}
        hypothesis = f"Idea {number}: something that should move one level, for a reason"
        submit = {"hypothesis": hypothesis, "expected_effect": 0.01, "kind": "architecture"}
        look = Call("read_experiment", {"id": last, "what": "diff"})
        return [
            [think, Call("write_lesson", lesson), look],
            [think, Call("read_inspiration", {"name": "looped_transformers.md"})],
            [think, Call("str_replace", edit)],
            [think, Call("view", {"first": 40, "last": 120})],
            [think, Call("preflight", {})],
            [think, Call("submit", submit)],
        ]

    night, largest, longest = Night(), 0, 0
    script = Campaign([steps(number) for number in range(1, PROPOSALS + 1)])
    with tempfile.TemporaryDirectory() as folder, MessagesServer(script) as server:
        client = anthropic.Anthropic(base_url=server.url, api_key=server.key, max_retries=0)
        api = Api(client, MODEL, "medium", price_of(MODEL, ""), lambda value: value)
        claude = Claude(api, ROOT / "inspirations")

        def passed(request: Any) -> Any:
            server.clock.advance(REPLY_S)
            return script(request)

        server.script = passed
        for _ in range(PROPOSALS):
            with Clerk(night.history) as clerk:
                incumbent = night.history.incumbent or BASELINE
                asked = make_brief(
                    night.sources[incumbent], history=clerk.history, incumbent=incumbent,
                    source_of=night.sources.__getitem__, results=Path(folder), desk=clerk.desk,
                    program=(ROOT / "program.md").read_text(),
                )  # fmt: skip
                parts = system_parts(asked, index_text(ROOT / "inspirations"))
                began = server.clock.now
                found = claude.propose(asked)
                assert found.researcher == "claude", found
                largest = max(largest, parts.tokens)
                longest = max(longest, max(_prompt(call.usage) for call in server.calls))
                night.history = clerk.history
            night.tried(found.source, found.hypothesis, found.kind, found.expected)
            server.clock.advance(max(0.0, APART_S - (server.clock.now - began)))
        billed = server.billed
        assert script.finished == PROPOSALS
    used = Tokens(billed.input, billed.write_5m, billed.write_1h, billed.read, billed.output)
    price = price_of(MODEL, "")
    bare = price.cost(Tokens(input=used.prompt, output=used.output))
    share = used.cache_read / used.prompt
    verdicts = [record.verdict for record in night.history.records.values()]
    keeps = sum(verdict is not None and verdict.decision == "keep" for verdict in verdicts) - 1
    row("brief: input tokens read from the cache", ">= 80%", f"{share:.1%}", "", share >= 0.8)
    row("brief: the largest, in tokens of 2.5 bytes", f"<= {MOST_TOKENS}", str(largest), "",
        largest <= MOST_TOKENS)  # fmt: skip
    row("brief: the longest conversation, in tokens of 4 bytes", "", str(longest), "", True)
    name = f"brief: dollars for {PROPOSALS} proposals with {keeps} keeps (right: no cache)"
    row(name, "", f"{price.cost(used):.2f}", f"{bare:.2f}", True)


def _prompt(usage: Any) -> int:
    return usage.input + usage.write_5m + usage.write_1h + usage.read
