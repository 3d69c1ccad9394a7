"""The README's pictures, made of a campaign: `python -m scripts.pictures TAG`.

What a command prints becomes an SVG through rich, which asks for no font from elsewhere; the report
becomes a PNG through a headless Chromium. Run it where results/TAG is; the live view is
`--terminal 'watch TAG --once'`, while the campaign runs.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.browser import Browser, NoBrowser

ROOT = Path(__file__).resolve().parent.parent
FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
COLUMNS, LINES = 100, 24  # the lines of a whole screen, such as the live view
SEEN = (1280, 1305)  # of the report's page: head, figures and drawing of progress


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.pictures", description=__doc__)
    parser.add_argument("tag", metavar="TAG", help="the campaign")
    parser.add_argument(
        "--terminal", action="append", default=[], metavar="WORDS",
        help="a command of thinker whose print becomes an SVG of its name, such as 'show 7'; may be"
        " repeated (default: board TAG)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), metavar="DIR")
    parser.add_argument("--columns", type=int, default=COLUMNS, metavar="N")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    made = []
    for words in args.terminal or [f"board {args.tag}"]:
        split = shlex.split(words)
        made.append(terminal(split, args.out / f"{split[0]}.svg", args.columns))
    try:
        made += report(args.tag, args.out)
    except NoBrowser as error:
        print(f"pictures: no picture of the report: {error}", file=sys.stderr)
    for path in made:
        print(path)
    return 0


def terminal(words: Sequence[str], path: Path, columns: int = COLUMNS) -> Path:
    """An SVG of what `thinker WORDS` prints on a terminal of so many columns. Raises
    CalledProcessError."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    size = {"COLUMNS": str(columns), "LINES": str(LINES)}
    printed = _thinker(words, **size, FORCE_COLOR="1", TERM="xterm-256color")
    console = Console(record=True, width=columns, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(Text.from_ansi(printed.rstrip("\n")))
    title = " ".join(("thinker", *(word for word in words if word != "--once")))
    picture = console.export_svg(title=title, theme=MONOKAI)
    path.write_text(FONT_FACE.sub("", picture).replace("Fira Code", FONT), encoding="utf-8")
    return path


def report(tag: str, folder: Path) -> list[Path]:
    """PNGs of the top of the report, light and dark. Raises NoBrowser."""
    url = Path(_thinker(("report", tag)).strip()).resolve().as_uri()
    made = []
    with Browser(*SEEN, scale=2) as browser:
        for theme in ("light", "dark"):
            browser.prefer(theme)
            browser.open(url)
            browser.settle()
            made.append(folder / f"report-{theme}.png")
            browser.picture(made[-1])
    return made


def _thinker(words: Sequence[str], **environment: str) -> str:
    """What this checkout's thinker prints here, whatever harness the folder has."""
    command = [sys.executable, "-P", "-m", "harness", *words]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
