"""`thinker doctor`: the checks as a table, or as JSON."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from harness.doctor import Check, examine
from harness.scored_table import say_drawn

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(as_json: bool) -> int:
    """1 where a check failed."""
    checks = list(examine(Path.cwd()))
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        say_drawn(Group(table(checks), Text(), Text(verdict(checks))))
    return 1 if any(check.state == "fail" for check in checks) else 0


def verdict(checks: list[Check]) -> str:
    """In one line, whether a campaign may begin."""
    failed = [check.name for check in checks if check.state == "fail"]
    warned = sum(check.state == "warn" for check in checks)
    if failed:
        return f"not ready: {', '.join(failed)}"
    return f"ready, with {warned} warning{'s' * (warned > 1)}" if warned else "ready"


def table(checks: list[Check]) -> Table:
    found = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for is_text in (False, False, True):
        found.add_column(no_wrap=not is_text, ratio=1 if is_text else None)
    for check in checks:
        found.add_row(Text(check.name), Text(check.state, STYLES[check.state]), Text(check.found))
        if check.remedy:
            found.add_row("", "", Text(f"→ {check.remedy}", style="dim"))
    return found
