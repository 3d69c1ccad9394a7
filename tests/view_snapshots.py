"""The live view as text, at three widths, in tests/data/view-*.txt.

python tests/view_snapshots.py     writes them anew: look at them before they are committed
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.live import KEYS
from harness.picture import render
from harness.scene import Curve, GpuHealth, Health, Incumbent, Scene, Slot, Thinker, Told
from harness.screen import drawn

DATA = Path(__file__).with_name("data")
SIZES = {80: 24, 120: 36, 200: 44}
HOSTILE = (
    "\x1b[2J\x1b]0;title\x07 escape codes, \u202eright to left\u202c and a bell\x07",
    "<script>alert(1)</script> [bold red]markup[/] **and** `code` | a | table |",
    "an_unbroken_word_" * 4000,
    "عربي ועברית ימינה and 漢字仮名交じり文の長い長い仮説 and 👩‍👩‍👧‍👦🏳️‍🌈",
    "Z" + "\u0301\u0327\u0489" * 3000 + "algo: marks that stand above each other",
    "two\nlines\r\nand a\ttab \x00 \ud800 half of a pair",
)
KINDS = (
    ("keep", "confirmed", "ok"),
    ("discard", "", "ok"),
    ("keep", "provisional", "ok"),
    ("crash", "", "out of memory"),
    ("discard", "", "not learned"),
    ("discard", "", "refused"),
    ("keep", "withdrawn", "ok"),
    ("crash", "", "timeout"),
)


def told(number):
    verdict, standing, status = KINDS[number % len(KINDS)] if number else ("keep", "", "ok")
    has_figures = status == "ok"
    return Told(
        number,
        verdict,
        standing,
        status,
        0.30 + number / 200 if has_figures else None,
        0.008 if has_figures else None,
        (number % 5 - 2) / 100 if has_figures and number else None,
        0.012 if has_figures and number else None,
        (number % 10) / 10 if has_figures and number else None,
        HOSTILE[number % 7] if number % 7 < 6 and number else "A wider block, and fewer of them",
        "effect +0.01 ± 0.01",
        number == 16,
    )


def scene(**changes):
    """A night at work, with text of all kinds that somebody may write."""
    climbing = tuple(i / 60 for i in range(40))
    falling = tuple(4 / (1 + i / 8) for i in range(90))
    slots = (
        Slot(0, "training", 25, 1049872458, HOSTILE[0], 271, 940, False,
             Curve("exact match", climbing, 41_210, 5_230.4)),
        Slot(1, "scoring", 16, 77, "A wider block, and fewer of them", 911, 940, True,
             Curve("loss", falling, 91_000, None)),
        Slot(2, "start-up", 26, 440236307, HOSTILE[3], 9, 940),
        Slot(3, "idle", waits_for="waits for a proposal"),
    )  # fmt: skip
    gpus = (
        GpuHealth("NVIDIA GeForce RTX 4090", 0.97, 8_100, 24_564, 71),
        GpuHealth("NVIDIA GeForce RTX 4090", None, None, 24_564, None),
    )
    facts = {
        "tag": "20260131",
        "state": "running",
        "state_words": "running",
        "elapsed_s": 7_391,
        "left_s": 21_409,
        "ends": "until 07:30",
        "done": 0.257,
        "counts": "24 experiments: 9 kept (3 confirmed, 3 provisional, 3 withdrawn),"
        " 9 discarded, 6 crashed",
        "incumbent": Incumbent(16, 0.3812, 0.0081, 0.3004, tuple(0.3 + i / 250 for i in range(25))),
        "slots": slots,
        "researcher": Thinker(
            "claude (claude-opus-5-5)",
            "thinks about #27",
            72,
            "3.21 of 20 dollars in 57 calls; 1.2M tokens in, 84% of them from the cache, 96.1k out",
            "claude is away (529 overloaded_error: Overloaded); the offline researcher helps",
            "end_turn",
            95,
        ),
        "told": tuple(told(number) for number in range(24, -1, -1)),
        "health": Health(1.32, 16, 51_200, 61_400, gpus),
        "trials": "900 s each, 1 seed, scored on 500 problems a level",
        "keys": KEYS,
        "notes": ("waiting for memory of NVIDIA GeForce RTX 4090, held by process 4711 (python)",),
    }
    return Scene(**(facts | changes))


def text(width, height):
    lines = drawn(render(scene(), width, height), (width, height))
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    for width, height in SIZES.items():
        (DATA / f"view-{width}.txt").write_text(text(width, height), encoding="utf-8")
