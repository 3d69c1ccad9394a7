"""A scripted stand-in for the Anthropic Messages API: a real HTTP server on 127.0.0.1.

    with MessagesServer([Call("submit", {"idea": "wider"}), Say("Done.")]) as server:
        client = anthropic.Anthropic(base_url=server.url, api_key=server.key, max_retries=0)

It refuses what the API refuses (messages_rules), bills and caches as it does by a clock that only
the test moves (messages_cache), and misbehaves as told (messages_script). An error of the script
is answered by status 500, kept in `server.errors` and raised when the `with` ends.
"""

import dataclasses
import socket
import threading
from typing import Any

from messages_cache import Clock, PrefixCache, Usage
from messages_http import Handler, HttpServer
from messages_models import MODELS, Model
from messages_rules import check, turn_hash
from messages_script import (
    Call,
    Campaign,
    CutClean,
    Drop,
    ErrorEvent,
    Fail,
    Garbage,
    Hang,
    Raw,
    Reply,
    Request,
    Say,
    Script,
    Short,
    Think,
)
from messages_wire import compose

__all__ = [
    "MODELS",
    "Call",
    "Campaign",
    "Clock",
    "CutClean",
    "Drop",
    "ErrorEvent",
    "Fail",
    "Garbage",
    "Hang",
    "MessagesServer",
    "Model",
    "Raw",
    "Record",
    "Reply",
    "Request",
    "Say",
    "Script",
    "Short",
    "Think",
    "Usage",
]


@dataclasses.dataclass
class Record:
    """One HTTP request and what became of it."""

    number: int
    method: str
    path: str
    headers: dict[str, str]  # names in small letters
    time: float  # simulated seconds
    body: Any = None  # parsed; None where there was none, or none that can be read
    reply: Reply = None  # what the script said; None where it was not asked
    message: dict[str, Any] | None = None  # the whole message, also where it was cut
    usage: Usage = Usage()  # what is billed for it
    status: int | None = None
    error: str | None = None  # the message of the error that it was answered with
    sent: int = 0  # events of the stream that were sent
    ended: str = "waiting"  # then "complete", "misbehaved" or "client left"


class MessagesServer:
    """The server. Start it with `with`, or by `up()` and later `close()`.

    script: a callable of a Request, or an iterable of replies; a list of replies is used up.
    key: the only API key that is right. models: name -> Model.
    missing: paths that answer 404, as in a server that speaks only a part of the protocol.
    """

    def __init__(self, script=(), *, key="sk-ant-of-a-test", models=MODELS, missing=()):
        self.script = script if callable(script) else iter(script)
        self.key, self.models, self.missing = key, dict(models), tuple(missing)
        self.clock = Clock()
        self.cache = PrefixCache()
        self.requests: list[Record] = []
        self.errors: list[Exception] = []
        self.is_closing = threading.Event()
        self._asked = 0
        self._known_types: set[str] = set()
        self._paused: set[str] = set()
        self._lock = threading.Lock()
        self._script_lock = threading.Lock()  # an iterator may take its time
        self._http: HttpServer | None = None
        self._reserved = _bound(0)
        self.port = self._reserved.getsockname()[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self):
        """The records of requests for a message."""
        return [record for record in self.requests if record.path == "/v1/messages"]

    @property
    def billed(self):
        """Usage of all messages together, cut ones whole: they are written when they are sent."""
        return sum((record.usage for record in self.requests), Usage())

    def up(self):
        """Accept connections, again on the same port."""
        if self._http is None:
            self._http = HttpServer(self._reserved, Handler, self)
            self._http.start()
        return self

    def down(self):
        """Refuse connections and break those that are open."""
        if self._http is not None:
            self._http.stop()
            self._http = None
            # Bound but not listening: refused, and nobody else takes the port meanwhile.
            self._reserved = _bound(self.port)

    def close(self):
        self.is_closing.set()
        self.down()
        self._reserved.close()

    def __enter__(self):
        return self.up()

    def __exit__(self, kind, error, traceback):
        self.close()
        if kind is None and self.errors:
            raise self.errors[0]

    def record(self, method, path, headers):
        with self._lock:
            number = len(self.requests)
            self.requests.append(Record(number, method, path, headers, self.clock.now))
            return self.requests[-1]

    def check(self, body, *, counting=False):
        """The prompt of a request that is right; else Refused."""
        with self._lock:
            known_types, paused = frozenset(self._known_types), frozenset(self._paused)
        return check(body, self.models, counting=counting, known_types=known_types, paused=paused)

    def ask(self, record):
        """What the script says to this request."""
        with self._lock:
            request = Request(record.body, record.headers, self._asked, record.time)
            self._asked += 1
        try:
            if callable(self.script):
                return self.script(request)
            with self._script_lock:
                return next(self.script)
        except StopIteration:
            return self.failed(RuntimeError(f"no reply is left for request {request.number}"))
        except Exception as error:
            return self.failed(error)

    def failed(self, error):
        self.errors.append(error)
        return Fail(500, "api_error", f"the script failed: {error!r}")

    def write(self, reply, record, prompt):
        """The message of a reply, billed now: from here on the client may lose it."""
        charged = self.cache.charge(prompt, self.clock.now)
        message = compose(reply, record.body, prompt, charged)
        record.message, record.usage = message.body, message.usage
        with self._lock:
            self._known_types.update(block["type"] for block in message.body["content"])
            if message.body["stop_reason"] == "pause_turn":
                self._paused.add(turn_hash(message.body["content"]))
        return message


def _bound(port):
    """A socket that holds this port of 127.0.0.1 (0: any) and does not listen yet."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    return held
