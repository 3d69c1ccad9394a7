"""What the score's controls and the gates cost: `python -m benchmarks controls`.

The controls in questions, beside one pass of 500 problems a level, counted where they are chosen;
the gates without a process (syntax, novelty, audit, slice, arithmetic) in seconds, on each edit of
redteam/, cheats too, since these are the odd ones.
"""

import statistics
import time
from collections.abc import Callable

from harness.controls import choose, choose_easy
from harness.problems import LADDER, PoolExhausted, draw
from redteam.attempt import refused_by
from redteam.edits import corpus

PASSES = 4  # permuted, dose, zero-step, same answer
PROBLEMS = 500  # a level
MOST_SHARE, MOST_S = 0.30, 0.5
NAMES = {"PLANTED": "/planted", "PORT": "9", "PID": "1"}
Row = Callable[[str, str, str, str, bool], None]


def controls(row: Row) -> None:
    posed = asked = 0
    for level in LADDER:
        try:
            problems = draw(level, PROBLEMS, subset="validation", seed="bench")
        except PoolExhausted as pool:
            problems = draw(level, pool.available, subset="validation", seed="bench")
        posed += len(problems)
        asked += PASSES * (len(choose(problems, "bench")) + len(choose_easy(problems, "bench")))
    share = asked / posed
    row(
        f"questions of the controls ({asked}) beside one pass ({posed})",
        "<= 30%",
        f"{share:.1%}",
        "",
        share <= MOST_SHARE,
    )
    took = []
    for edit in corpus():
        source = edit.source(NAMES)
        began = time.process_time()
        refused_by(edit, source)
        took.append(time.process_time() - began)
    worst = max(took[1:])  # the first one imports what all need
    row(
        f"gates without a process, the slowest of {len(took)} edits, seconds of CPU",
        "< 0.5",
        f"{worst:.3f}",
        "",
        worst < MOST_S,
    )
    row("  the median of them", "", f"{statistics.median(took):.3f}", "", True)
