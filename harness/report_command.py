"""`thinker report`: the campaign as one page of HTML, for a person to keep and to show."""

import sys
import webbrowser
from pathlib import Path

from harness.reading import read
from harness.repo import Repo, Unusable
from harness.report import Report


def report(tag: str | None, open_it: bool) -> int:
    """Write results/TAG/report.html and print its path. Raises Misuse, OSError."""
    found, damage = read(tag)
    try:
        repo = Repo(Path.cwd(), found.tag)
    except Unusable as unusable:
        print(f"thinker: without differences: {unusable}", file=sys.stderr)
        repo = None
    path = Report(found.path.parent, repo).write(found.history, damage)
    print(path)
    if open_it and not webbrowser.open(path.resolve().as_uri()):
        print("thinker: no browser was found here; open the file in one", file=sys.stderr)
    return 1 if damage else 0
