"""Keys, taken out of whatever is shown, stored or sent on, and what UTF-8 cannot hold."""

from collections.abc import Callable
from typing import Any

from harness.plain import storable


def scrubber(*secrets: str) -> Callable[[Any], Any]:
    """A function that takes these out of every text in a value as JSON has it."""
    hidden = [secret for secret in secrets if secret]

    def scrub(value: Any) -> Any:
        if isinstance(value, str):
            for secret in hidden:
                value = value.replace(secret, "[key]")
            return storable(value)
        if isinstance(value, dict):
            return {scrub(key): scrub(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [scrub(inner) for inner in value]
        return value

    return scrub
