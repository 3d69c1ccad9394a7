"""Where an experiment's figures come from: its code, the harness's, the machine and the problems.

What is the same for a whole campaign stands in its `started`, what may change in every outcome.
Ledgers of before these fields leave them empty, and nothing is guessed in their place.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.history import History, Record

SUFFIXES = (".py", ".toml")


def version() -> str:
    """Of the harness as it is installed."""
    return _version_of("thinker") or "unknown"


def torch_version() -> str:
    """Empty where there is none."""
    return _version_of("torch")


def _version_of(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def package_digest(package: Path) -> str:
    """SHA-256 over names and contents of the harness's files in the folder `package`."""
    total = hashlib.sha256()
    for path in sorted(p for p in package.rglob("*") if p.suffix in SUFFIXES):
        content = path.read_bytes()
        total.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def provenance(history: History, record: Record) -> dict[str, Any]:
    """Of one experiment: strings, and lists of what its trials differed in."""
    assert history.started
    started, outcomes = history.started, record.outcomes
    return {
        "commit": record.commit,
        "harness": started.version,
        "package_sha256": started.package,
        "machine": started.machine,
        "torch": _distinct(o.torch for o in outcomes),
        "gpu": _distinct(o.gpu for o in outcomes),
        "driver": _distinct(o.driver for o in outcomes),
        "sandbox": _distinct(o.sandbox for o in outcomes),
        "seeds": [outcome.seed for outcome in outcomes],
        "problems_sha256": _distinct(o.problems for o in outcomes),
    }


def provenance_words(history: History, record: Record) -> list[tuple[str, str]]:
    """What is known of it, for a person, digests cut short."""
    found = provenance(history, record)
    package = f" ({found['package_sha256'][:12]})" if found["package_sha256"] else ""
    lines = [("harness", found["harness"] + package), ("machine", found["machine"])]
    if record.outcomes:
        for key in ("torch", "gpu", "driver"):
            lines.append((key, ", ".join(found[key])))
        digests = [digest[:12] for digest in found["problems_sha256"]]
        lines.append(("problems", ", ".join(digests)))
    return [(key, said) for key, said in lines if said]


def _distinct(values: Iterable[str]) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]
