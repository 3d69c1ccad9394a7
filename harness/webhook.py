"""Where a person who is elsewhere is told something: an address on the web, or a command.

An address is a secret: whoever has it can write there. So it stands in no error and no file, its
host alone is shown, and it is taken out of the command line and the environment of what is run.
Nothing here is retried or waited for longer than its limits say; the caller counts what fails.
"""

import base64
import contextlib
import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import Misuse
from harness.plain import plain

Shape = Literal["slack", "discord", "ntfy", "json"]
SHAPES: tuple[Shape, ...] = ("slack", "discord", "ntfy", "json")
ANSWERS_S = 8.0
COMMAND_S = 20.0
MOST_CHARS = 1800  # Discord takes 2000, ntfy 4096 bytes
URL_NAME, COMMAND_NAME = "THINKER_NOTIFY", "THINKER_NOTIFY_COMMAND"
SECRETS = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|THINKER_NOTIFY)", re.IGNORECASE)


class NotTold(Exception):
    """It did not arrive; says why, without the address."""


@dataclass(frozen=True, slots=True)
class Message:
    """`event` is a word such as keep, `text` a few lines; `facts` the same for a program."""

    event: str
    tag: str
    text: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Webhook:
    """An address, without its user and password, which go into a header."""

    url: str
    host: str
    shape: Shape
    user: str = ""
    answers_s: float = ANSWERS_S

    def __repr__(self) -> str:
        return f"Webhook({self.host}, {self.shape})"

    def tell(self, message: Message) -> None:
        """Raises NotTold. A redirection is not followed: it would take the message elsewhere."""
        headers, body = shaped(self.shape, message)
        if self.user:
            headers["Authorization"] = f"Basic {base64.b64encode(self.user.encode()).decode()}"
        request = urllib.request.Request(self.url, body, headers, method="POST")
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=self.answers_s):
                return
        except urllib.error.HTTPError as error:
            raise NotTold(f"{self.host} answered {error.code}") from None
        except (TimeoutError, urllib.error.URLError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise NotTold(f"{self.host} did not answer within {self.answers_s:g} s") from None
            why = getattr(reason, "strerror", None) or type(reason).__name__
            raise NotTold(f"{self.host} cannot be reached ({plain(str(why))})") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotTold(f"{self.host}: {type(error).__name__}") from None


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """A program of the person's own and its arguments, run without a shell."""

    words: tuple[str, ...]
    ends_s: float = COMMAND_S

    @property
    def host(self) -> str:
        return plain(os.path.basename(self.words[0]))[:40]  # noqa: PTH119

    def tell(self, message: Message) -> None:
        """The text on its standard input. Raises NotTold; ended with all of its group when late."""
        kept = {name: value for name, value in os.environ.items() if not SECRETS.search(name)}
        environment = kept | {"THINKER_EVENT": message.event, "THINKER_TAG": message.tag}
        try:
            process = subprocess.Popen(
                self.words,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise NotTold(f"{self.host} cannot be run ({why})") from None
        try:
            with contextlib.suppress(BrokenPipeError):  # it does not read
                process.communicate(message.text.encode(), timeout=self.ends_s)
            code = process.wait(timeout=self.ends_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise NotTold(f"{self.host} did not end within {self.ends_s:g} s") from None
        if code:
            raise NotTold(f"{self.host} ended with exit code {code}")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def webhook_of(url: str) -> Webhook:
    """The shape is its host's, or as named in front, such as ntfy+https://. Raises Misuse, without
    the address."""
    named, plus, rest = url.strip().partition("+")
    shape: Shape | None = next((s for s in SHAPES if plus and s == named), None)
    whole = rest if shape else url.strip()
    try:
        parts = urllib.parse.urlsplit(whole)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        parts, host, port = urllib.parse.urlsplit(""), "", None
    has_odd = any(not c.isprintable() or c.isspace() for c in whole)
    if parts.scheme not in ("http", "https") or not host or has_odd or not whole.isascii():
        raise Misuse(
            "--notify takes an address such as https://ntfy.sh/my-topic, and what was given is"
            " none (it is not shown, being a secret)"
        )
    unquote = urllib.parse.unquote
    user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    place = f"[{host}]" if ":" in host else host
    address = parts._replace(netloc=place + (f":{port}" if port else ""), fragment="")
    found = shape or shape_of(host)
    return Webhook(address.geturl(), host, found, user if parts.username else "")


def command_of(line: str) -> Command:
    """Raises Misuse, without the line: it may hold a secret, too."""
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        raise Misuse(f"--notify-command cannot be read: {error}") from None
    if not words:
        raise Misuse("--notify-command takes a command, and what was given is empty")
    return Command(words)


def shape_of(host: str) -> Shape:
    if host == "hooks.slack.com" or host.endswith(".slack.com"):
        return "slack"
    if host in ("discord.com", "discordapp.com") or host.endswith(".discord.com"):
        return "discord"
    if host == "ntfy.sh" or host.startswith("ntfy."):
        return "ntfy"
    return "json"


def shaped(shape: Shape, message: Message) -> tuple[dict[str, str], bytes]:
    """Headers and body. What others wrote can address nobody there and holds no markup."""
    headers = {"Content-Type": "application/json", "User-Agent": "thinker"}
    text = message.text[:MOST_CHARS]
    body: dict[str, Any]
    match shape:
        case "slack":
            safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            body = {"text": safe, "mrkdwn": False}
        case "discord":
            safe = re.sub(r"([\\*_~`|>#\[\]()])", r"\\\1", text)[:1990]
            body = {"content": safe, "allowed_mentions": {"parse": []}, "flags": 4}  # no previews
        case "ntfy":
            urgent = message.event in ("outage", "disk", "stuck")
            headers |= {
                "Content-Type": "text/plain; charset=utf-8",
                "Title": f"thinker {message.event}",
                "Tags": message.event,
                "Priority": "high" if urgent else "default",
            }
            return headers, text.encode()
        case "json":
            body = {"event": message.event, "tag": message.tag, "text": text, **message.facts}
    return headers, json.dumps(body).encode()
