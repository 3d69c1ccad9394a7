"""Pages of the board and of single experiments of a small made-up campaign, as a terminal shows
them. `python -m tests.board_pages` writes those in tests/data/board anew: look at what changed."""

import contextlib
import io
import os
import tempfile
from pathlib import Path

from benchmarks.thousand_project import make_campaign
from harness.board_command import Wanted, board
from harness.show_command import show

PAGES = Path(__file__).with_name("data") / "board"
WIDTHS = (80, 120, 200)
TRAIN = '''"""A train.py."""

LEARNING_RATE = {"cpu": 2e-3, "gpu": 1e-3}
BATCH = 64


def train():
    return LEARNING_RATE


def save():
    return BATCH
'''


def make(folder):
    """A campaign of 18 experiments; 12 was kept, and 3 crashed."""
    make_campaign(folder, 18, tag="night", train=TRAIN)
    return folder


def page(project, columns, what, *, full=False):
    """What `thinker board` or `thinker show N` prints in `project`."""
    out = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(columns)
    try:
        with contextlib.chdir(project), contextlib.redirect_stdout(out):
            if isinstance(what, int):
                show(None, what, as_json=False, transcript=False, full=full)
            else:
                board(what)
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
    return out.getvalue()


def pages(project):
    for columns in WIDTHS:
        yield f"board-{columns}.txt", page(project, columns, Wanted())
        yield f"keep-{columns}.txt", page(project, columns, 12)
        yield f"crash-{columns}.txt", page(project, columns, 3)


def main():
    PAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in pages(make(Path(folder) / "project")):
            (PAGES / name).write_text(text, encoding="utf-8")
            print(PAGES / name)


if __name__ == "__main__":
    main()
