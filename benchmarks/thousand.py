"""A made-up campaign of any size, for whatever shows one: verdicts, repeats, crashes, money, text.

    python -m benchmarks.thousand FOLDER [N]     a project with results/thousand/ of N experiments

`make_ledger` writes a ledger alone, in a second or two for 1,000 experiments. `make_campaign` makes
a whole project: a repository with a commit for each experiment, learning curves, logs, transcripts.
Nothing is trained: true effects are drawn, trials read them with noise, and the judge's own filter
says what is believed of them, so that keeps, luck and withdrawals look like those of a real night.
The same arguments give the same campaign.
"""

import math
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from harness.adoption import standing
from harness.belief import Posterior as Believed
from harness.belief import posterior_of
from harness.believed import noun
from harness.experiment import (
    BASELINE,
    Closing,
    Event,
    Experiment,
    Judged,
    Learned,
    LevelCount,
    Outcome,
    Proposed,
    Reviewed,
    Settings,
    Started,
    Stopped,
    Tried,
    Verdict,
)
from harness.ledger import Entry, encode
from harness.money import Model, Reserved, Settled, Tokens
from harness.noise import grid, spread
from harness.prior import learned_prior
from harness.problems import LADDER, Level
from harness.sealed import Compared, Opened, PairedLevel
from harness.state import sha256
from harness.tree import Beliefs

BUDGET_S, PROBLEMS, SEEDS = 900.0, 500, (1049872458, 440236307, 77120)
BEGAN = datetime(2026, 1, 31, 22, 0, tzinfo=UTC)
SECRET = "a secret that drew nothing"
BASELINE_SKILL = 2.5  # an accuracy of 0.37; more skill is more
NOISE = 0.06  # of a training's skill, about 0.008 in accuracy
COMMIT = "c0ffee"
IDEAS = (
    ("optimisation", "A higher peak learning rate"),
    ("optimisation", "Decay the learning rate over the last fifth alone"),
    ("architecture", "Normalise queries and keys"),
    ("architecture", "A wider block in place of two narrow ones"),
    ("memory", "Let each step read the latents of the last four steps alone"),
    ("positions", "Positions from the end of an operand, so that digits of equal weight meet"),
    ("data", "Ask for products of two digits from the beginning"),
    ("throughput", "Larger batches of short problems"),
    ("simplification", "Leave the second dropout out"),
    ("constant", "WARMUP_STEPS 200 → 80: warm-up took 31% of the 640 steps"),
)
HOSTILE = (
    "\x1b[2J\x1b[31mred\x1b]0;title\x07 and a bell\a",
    "<script>alert(1)</script><img src=x onerror=alert(2)> & \"quotes\" 'too'",
    "| a | table |\n|---|---|\n**bold** [link](javascript:alert(3)) `code` <!-- gone -->",
    "w" * 300,
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628 \u2067x\u2069",
    "\U0001f9ee\U0001f469\u200d\U0001f52c emoji \U0001f1e9\U0001f1ea, 漢字 e\u0301 \u200b",
    "=cmd|' /C calc'!A0\t\ttabs\r\nlines\u2028and\u2029more\x00\x7f",
    "[bold red]markup[/bold red] [/] {braces} $HOME `rm` %s %n",
)
FAILURES = (
    ("crash", "RuntimeError: mat1 and mat2 shapes cannot be multiplied (64x48 and 96x96)", 0.05),
    ("timeout", "no checkpoint within 900 s and 2 s more", 0.01),
    ("out_of_memory", "it took more than 4096 MB", 0.01),
    ("no_checkpoint", "it ended by itself and left no checkpoint.pt", 0.005),
    ("not_learned", "right on 31/400 with its weights permuted, where chance allows 4", 0.01),
    ("inconsistent", "380 of 395 right again in another order, where 98% are asked for", 0.005),
)
TASK_SKILL = {"copy": 0.0, "add": 0.4, "mul": 2.2, "factor": 3.6}  # what a level asks, and the
LEVEL_SKILL = 0.9  # next one more


class Maker:
    """Events of one campaign, in their order, each with its time."""

    def __init__(self, n: int, seed: int, tag: str, commits: list[str], hostile: bool) -> None:
        self.n, self.tag, self.commits, self.hostile = n, tag, commits, hostile
        self.random = random.Random(f"{tag}:{seed}")
        self.entries: list[Entry] = []
        self.now = BEGAN
        self.skill: list[float] = []  # true ones
        self.nodes: list[int] = []
        self.readings: list[list[float]] = []  # of an experiment, by its number
        self.places: dict[int, int] = {}  # in the filter, of those that were measured
        self.tips = [0]
        self.parents: list[int] = []
        self.calls = 0
        sds = grid(np.array(0.01), np.array(4.0))
        self.beliefs = Beliefs(learned_prior(), sds, 1, n + 1)

    def record(self, event: Event, after_s: float = 0.02) -> None:
        self.now += timedelta(seconds=after_s)
        self.entries.append(Entry(self.now.isoformat(timespec="milliseconds"), event))

    def make(self) -> list[Entry]:
        settings = Settings(
            BUDGET_S, None, PROBLEMS, 1, 1, "cpu", "cpu", "bwrap", ("claude",), self.n, None,
            baseline_seeds=2, reserve=0.1, model=Model("claude-opus-5-5", "medium"), max_usd=500.0,
        )  # fmt: skip
        self.record(
            Started(
                self.tag, "00000000-0000-4000-8000-000000000000", settings, "b" * 40, "1" * 64,
                "2" * 64, sha256(SECRET), "Linux, x86_64, 2 cores, Python 3.12.1, torch 2.8.0",
                "0.1.0", package="3" * 64,
            )
        )  # fmt: skip
        for number in range(self.n + 1):
            self.experiment(number)
        self.record(Closing("the number of experiments"))
        for number in (self.tips[-1], BASELINE, *reversed(self.tips[1:-1])):
            if len(self.readings[number]) < len(SEEDS):
                self.repeat(number)
        if len(self.tips) > 1:
            self.seal(self.tips[-1])
        self.record(Stopped("the number of experiments", is_finished=True))
        return self.entries

    def experiment(self, number: int) -> None:
        parent = self.tips[-1]
        self.parents.append(parent)
        self.skill.append(self.skill[parent] + self.effect() if number else BASELINE_SKILL)
        before = self.nodes[parent] if number else 9495
        self.nodes.append(max(1000, before + self.random.randint(-90, 60)))
        self.readings.append([])
        if number:
            self.ask(number)
        refused = number > 0 and self.random.random() < 0.03
        kind, hypothesis = self.idea(number)
        self.record(
            Proposed(
                Experiment(
                    number, parent, self.commits[number], hypothesis,
                    ("claude" if kind != "constant" else "offline") if number else "person", kind,
                    round(self.random.uniform(0.0, 0.03), 3) if number % 3 else None, number,
                    sha256(f"{self.tag}:{number}"), self.nodes[number],
                    "passed" if number else "none",
                    "audit: line 12: the process module is not for train.py" if refused else "",
                )
            )
        )  # fmt: skip
        if refused:
            reason = "audit: line 12: the process module is not for train.py"
            self.judge(number, "discard", reason)
            return
        if number and (failure := self.failure()):
            self.record(Tried(self.outcome(number, SEEDS[0], *failure)), 40.0)
            late = failure[0] in ("not_learned", "inconsistent")
            self.judge(number, "discard" if late else "crash", f"{failure[0]}: {failure[1]}")
        else:
            self.measure(number)
        if number:
            lesson = f"{hypothesis[:200]}: see what came of it."
            if number % 4 == 0:
                self.record(Learned(number, lesson, "claude"))
        if number % 20 == 19 and len(self.tips) > 1:
            self.repeat(self.random.choice(self.tips[-3:]))

    def effect(self) -> float:
        """Of an edit, in skill: most do nothing or harm."""
        drawn = self.random.random()
        if drawn < 0.10:
            return abs(self.random.gauss(0.0, 0.25)) / (1 + len(self.tips) / 20)
        if drawn < 0.30:
            return 0.0
        return -abs(self.random.gauss(0.0, 0.3)) if drawn < 0.92 else -self.random.uniform(0.5, 5)

    def idea(self, number: int) -> tuple[str, str]:
        if not number:
            return "baseline", "The baseline"
        kind, text = IDEAS[self.random.randrange(len(IDEAS))]
        if self.hostile and number == 13:
            return kind, "A megabyte of reasons. " * 45_000
        if self.hostile and number % 12 == 5:
            return kind, HOSTILE[number // 12 % len(HOSTILE)]
        return kind, f"{text}, for the {number}th time"

    def failure(self) -> tuple[str, str] | None:
        drawn = self.random.random()
        for status, reason, share in FAILURES:
            if drawn < share:
                return status, reason
            drawn -= share
        return None

    def ask(self, number: int) -> None:
        """Two calls of the language model for it."""
        for turn in range(2):
            self.calls += 1
            self.record(Reserved(self.calls, number, "claude-opus-5-5", 0.61))
            out = self.random.randint(400, 9000)
            tokens = Tokens(900, 2500 + 20_000 * (number == 1 and not turn), 0, 21_000, out)
            usd = round((900 * 5 + 3000 * 6.25 + 21_000 * 0.5 + out * 25) / 1e6, 6)
            self.record(Settled(self.calls, usd, tokens, "end_turn"), 30.0)

    def measure(self, number: int) -> None:
        for seed in SEEDS[: 1 if number else 2]:
            self.try_once(number, seed)
        believed = self.believe(number)
        raw = sum(self.readings[number]) / len(self.readings[number])
        incumbent = self.tips[-1] if number else 0
        kept = not number or believed.effect > 0
        words = "the baseline" if not number else _words(believed)
        bar = sum(self.readings[incumbent]) / len(self.readings[incumbent]) if number else None
        verdict = Verdict(
            number, "keep" if kept else "discard", words, raw, incumbent, bar, noun(believed)
        )
        self.record(Judged(verdict, self.commits[number]))
        if kept and number:
            self.tips.append(number)

    def believe(self, number: int) -> Believed:
        """What a filter that goes forward says of it, repeats aside."""
        readings = self.readings[number]
        squares = np.array([spread(readings)])
        mean, count = np.array([sum(readings) / len(readings)]), np.array([float(len(readings))])
        if number == BASELINE:
            self.beliefs.add_baseline(mean, count, squares)
            self.places[0] = 0
            return Believed(float(mean[0]), 0.01, 0.0, 0.0, 0.0, 1.0, 0.0)
        parent = np.array([self.places[self.parents[number]]])
        self.places[number] = self.beliefs.size
        met = self.beliefs.add(parent, mean, count, squares)
        return posterior_of(met, 0, self.beliefs.noise_weights()[0], 0.01)

    def judge(self, number: int, decision: str, reason: str) -> None:
        """One that was not measured."""
        verdict = Verdict(number, decision, reason, None, self.tips[-1], None)  # type: ignore[arg-type]
        self.record(Judged(verdict, self.commits[number]))

    def repeat(self, number: int) -> None:
        if len(self.readings[number]) >= len(SEEDS) or number not in self.tips:
            return
        self.try_once(number, SEEDS[len(self.readings[number])])
        trials = len(self.readings[number])
        shift = self.random.gauss(0.0, 0.004)
        mean = sum(self.readings[number]) / trials
        p_real = min(0.999, max(0.001, 0.8 + shift * 60))
        believed = Believed(mean, 0.006, 0.012 + shift, 0.006, p_real, 0.9, 0.001)
        state = standing(believed, trials) if number else None
        self.record(Reviewed(number, state, _words(believed), noun(believed), trials))
        if state == "withdrawn" and number == self.tips[-1]:
            self.tips.pop()

    def try_once(self, number: int, seed: int) -> None:
        outcome = self.outcome(number, seed, "ok", "")
        self.readings[number].append(outcome.accuracy)
        self.record(Tried(outcome), outcome.train_s + outcome.score_s + 0.1)

    def outcome(self, number: int, seed: int, status: str, reason: str) -> Outcome:
        draw = self.random
        skill = self.skill[number] + draw.gauss(0.0, NOISE)
        is_read = status in ("ok", "not_learned", "inconsistent")
        levels = tuple(self.count(level, i % 5, skill) for i, level in enumerate(LADDER))
        samples = int(780_000 * draw.uniform(0.9, 1.1))
        early = status in ("crash", "out_of_memory")
        flags = ("the machine was busy with something else",) if draw.random() < 0.02 else ()
        return Outcome(
            number, seed, status, levels if is_read else (), reason,  # type: ignore[arg-type]
            train_s=38.5 if early else 899.2, score_s=40.1 if is_read else 0.0,
            cpu_s=30.0 if early else 880.0, solve_s=25.0 if is_read else None,
            steps=None if early else samples // 13, samples=None if early else samples,
            memory_mb=round(draw.uniform(360, 520), 1), slot=0, sandbox="bwrap",
            checkpoint=sha256(f"{number}:{seed}") if is_read else "", flags=flags, start_s=3.2,
            problems="4" * 64, torch="2.8.0",
        )  # fmt: skip

    def count(self, level: Level, place: int, skill: float) -> LevelCount:
        share = 1 / (1 + math.exp(2.2 * (TASK_SKILL[level.task] + LEVEL_SKILL * place - skill)))
        drawn = self.random.gauss(PROBLEMS * share, math.sqrt(PROBLEMS * share * (1 - share)))
        return LevelCount(level.name, min(PROBLEMS, max(0, round(drawn))), PROBLEMS)

    def seal(self, number: int) -> None:
        self.record(Opened(1, number, BASELINE, SEEDS[:1], PROBLEMS, "the end of the campaign"))
        levels = tuple(PairedLevel(level.name, (150, 20, 60, 270)) for level in LADDER)
        self.record(Compared(1, levels, "", "5" * 64, "bwrap", 55.0), 90.0)


def _words(believed: Believed) -> str:
    return (
        f"{believed.effect:+.4f} ± {believed.effect_sd:.4f}, P(real) {believed.p_real:.2f},"
        " noise 0.0080"
    )


def make_ledger(
    folder: Path,
    n: int,
    *,
    seed: int = 0,
    commits: list[str] | None = None,
    hostile: bool = True,
) -> Path:
    """Write folder/ledger.jsonl: a finished campaign of n experiments and a baseline, whose tag is
    the folder's name. `commits` are the experiments' own, n + 1; without, they are of no
    repository. `hostile`: one hypothesis in twelve is a text that wants to be something else, and
    one is of a megabyte.
    """
    made = commits or [sha256(f"{COMMIT}:{number}")[:40] for number in range(n + 1)]
    entries = Maker(n, seed, folder.name, made, hostile).make()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ledger.jsonl"
    path.write_text("".join(map(encode, entries)), encoding="utf-8", newline="")
    return path


if __name__ == "__main__":
    from benchmarks.thousand_project import make_campaign

    print(make_campaign(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
