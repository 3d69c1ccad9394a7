"""The way to a language model: its key, its address, and whether they work.

The key is read from the environment, taken out of it, and kept here alone: no process that the
harness starts inherits it, and nothing writes it.
"""

import os
from dataclasses import dataclass
from typing import Any

from harness.errors import Misuse
from harness.researcher.scrub import scrubber
from harness.researcher.trouble import probe

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
ADDRESS = "ANTHROPIC_BASE_URL"
VENDOR = "https://api.anthropic.com"
MODEL = "claude-opus-5-5"
EFFORT = "medium"
CAP_USD = 20.0  # of a campaign with a model that costs something, where no cap is given
CONNECT_S, SILENCE_S = 10.0, 300.0  # a stream is never silent so long: it pings


@dataclass(frozen=True, slots=True)
class Access:
    """`token` is sent as it is where there is no key. Neither is shown by `repr`."""

    key: str
    token: str
    address: str

    def __repr__(self) -> str:
        return f"Access({self.address})"

    @property
    def scrub(self) -> Any:
        return scrubber(self.key, self.token)

    def client(self) -> Any:
        """An anthropic.Anthropic that does not try again by itself.

        Each call has a connection of its own: servers drop those that are kept, and a call that
        was lost on one could have cost something."""
        import anthropic
        import httpx2

        timeout = httpx2.Timeout(SILENCE_S, connect=CONNECT_S)
        return anthropic.Anthropic(
            api_key=self.key or None,
            auth_token=self.token or None,
            base_url=self.address,
            max_retries=0,
            timeout=timeout,
            http_client=anthropic.DefaultHttpxClient(
                timeout=timeout, limits=httpx2.Limits(max_keepalive_connections=0)
            ),
        )


def has_key() -> bool:
    return any(os.environ.get(name) for name in KEYS)


def access(*, forget: bool) -> Access:
    """As the environment says; `forget` takes the keys out of it. Raises Misuse without any."""
    key, token = (os.environ.get(name, "").strip() for name in KEYS)
    if not (key or token):
        raise Misuse(
            "--researcher claude needs a key: export ANTHROPIC_API_KEY, or choose --researcher"
            " offline, which needs none"
        )
    if forget:
        for name in KEYS:
            os.environ.pop(name, None)
    return Access(key, token, os.environ.get(ADDRESS, "").strip() or VENDOR)


def check(found: Access, model: str) -> str:
    """Ask the server whether it knows the key and the model, which costs nothing; what a person
    is to know, empty where all is well. Raises Misuse where they are refused."""
    trouble = probe(found.client(), model, found.scrub)
    if trouble is None:
        return ""
    if trouble.end.startswith("404") and found.address != VENDOR:
        return ""  # servers of one's own often have no list of models
    if trouble.kind == "locked":
        raise Misuse(f"{found.address} refuses: {trouble.said}")
    return f"{found.address} does not answer yet ({trouble.said})"
