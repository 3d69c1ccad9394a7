"""What can go wrong with a call of a language model, and what that means for the next step."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from harness.plain import plain

# retry: later it may work. refused: this request never will. large: a smaller one may. locked: the
# key or the model is wrong, and only a person can mend that.
Scrub = Callable[[Any], Any]
Kind = Literal["retry", "refused", "large", "locked"]
TIMED_OUT = (408, 504, 524)  # by a proxy: behind it the reply may have been made, and billed
SAID_CHARS = 300
PROBE_S = 20.0
REMEDIES = {
    401: "set ANTHROPIC_API_KEY to a key that is valid",
    402: "look at the billing of that key's account",
    403: "use a key that may use this model (ANTHROPIC_API_KEY)",
    404: "choose another --model, or set ANTHROPIC_BASE_URL to a server that has it",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """`end` names it in the ledger, `said` is one line for a person. `wait_s` is what the server
    asked for, None where it did not; `is_free` means that the call cannot have cost anything."""

    kind: Kind
    end: str
    said: str
    is_free: bool
    wait_s: float | None = None


def probe(client: Any, model: str, scrub: Scrub) -> Trouble | None:
    """Ask for the model in the list of the server, which costs nothing; None where it is there."""
    try:
        client.with_options(timeout=PROBE_S).models.retrieve(model)
    except Exception as error:
        trouble = trouble_of(error, scrub)
        if trouble is None:
            raise
        return trouble
    return None


def trouble_of(error: Exception, scrub: Scrub) -> Trouble | None:
    """None for an error that is nobody's but ours. `scrub` takes the key out of what was said."""
    import anthropic
    import httpx2

    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error, scrub)
    if isinstance(error, anthropic.APIConnectionError):
        cause = error.__cause__
        never_sent = isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout)
        return Trouble("retry", "no connection", _said(cause or error, scrub), never_sent)
    if isinstance(error, httpx2.HTTPError | OSError):  # amid a stream: the SDK does not wrap it
        return Trouble("retry", "stream broken", _said(error, scrub), False)
    if isinstance(error, anthropic.APIError | ValueError | AssertionError | RuntimeError | TypeError
                  | AttributeError | KeyError | IndexError):  # fmt: skip
        return Trouble("retry", "reply unreadable", _said(error, scrub), False)  # the SDK could not
    return None


def _of_status(error: Any, scrub: Scrub) -> Trouble:
    status, named = error.status_code, plain(scrub(str(error.type or "")))[:80]
    said = (
        f"{status} {named}: {_said(error, scrub)}"
        if status >= 400
        else f"{named}: {_said(error, scrub)}"
    )
    if status < 400:  # an error event in a stream that had begun well
        is_ours = named in ("invalid_request_error", "request_too_large")
        return Trouble("refused" if is_ours else "retry", named or "error event", said, False)
    end = f"{status} {named}".strip()
    if status in (401, 402, 403, 404):
        return Trouble("locked", end, f"{said}; {REMEDIES[status]}", True)
    if status == 413:
        return Trouble("large", end, said, True)
    if status in (408, 409, 429) or status >= 500:
        return Trouble("retry", end, said, status not in TIMED_OUT, _wait(error.response.headers))
    if "credit balance" in said.lower() or named == "billing_error":
        return Trouble("locked", end, f"{said}; {REMEDIES[402]}", True)
    is_large = "exceed_context" in said or "prompt is too long" in said
    return Trouble("large" if is_large else "refused", end, said, True)


def _said(error: BaseException, scrub: Scrub) -> str:
    """One line, the kind of the error where it says nothing; cut last, so that no half of a key
    is left."""
    text = getattr(error, "api_message", None) or str(error)
    return plain(scrub(str(text)))[:SAID_CHARS] or type(error).__name__


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds, as retry-after-ms or retry-after say; that may be a date (RFC 9110, 10.2.3)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "")
        try:
            seconds = float(text) * unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
