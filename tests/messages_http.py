"""The HTTP side of the scripted Messages server: routes, streams, and ways to break them."""

import contextlib
import http.server
import json
import os
import socket
import socketserver
import struct
import threading
import time

from messages_rules import Refused
from messages_script import CutClean, Drop, ErrorEvent, Fail, Garbage, Hang
from messages_wire import PING, as_sse, events_of, first_events, new_id

MOST_BYTES = 32 * 1024**2
STATUS = {"overloaded_error": 529, "rate_limit_error": 429, "api_error": 500}


class HttpServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A threaded server on a socket that is bound already; `owner` is the MessagesServer."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, bound, handler, owner):
        socketserver.BaseServer.__init__(self, bound.getsockname(), handler)
        self.socket, self.owner = bound, owner
        self.open = set()  # sockets of clients
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def start(self):
        self.server_activate()
        self._thread.start()

    def stop(self):
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        pass  # a connection broke, often because it was to break


class Broken(Exception):
    """The connection is gone, on purpose."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.server.open.add(self.connection)

    def finish(self):
        self.server.open.discard(self.connection)
        super().finish()

    def log_message(self, *_):
        pass

    def do_POST(self):
        self._serve("POST")

    def do_GET(self):
        self._serve("GET")

    def _serve(self, method):
        self.owner = self.server.owner
        path = self.path.partition("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.record = self.owner.record(method, path, headers)
        self.request_id = new_id("req")
        try:
            raw = self._read()
            self._authorize(headers)
            self._route(method, path, raw)
            if self.record.ended == "waiting":
                self.record.ended = "complete"
        except Refused as refused:
            self._error(refused.status, refused.kind, refused.message)
            self.record.ended = "complete" if self.record.reply is None else "misbehaved"
        except Broken:
            self.record.ended = "misbehaved"
            self.close_connection = True
        except OSError:
            self.record.ended = "client left"
            self.close_connection = True
        except Exception as error:  # of this stand-in, or of a reply that is none
            fail = self.owner.failed(error)
            self.record.ended = "misbehaved"
            self._error(fail.status, fail.type, fail.message)

    def _read(self):
        size, parts = int(self.headers.get("content-length") or 0), []
        if size > MOST_BYTES:
            while size > 0:  # read it, or the client never reads the answer
                size -= len(self.rfile.read(min(size, 1 << 20)) or b"x" * size)
            refusal = "Request exceeds the maximum allowed number of bytes."
            raise Refused(refusal, 413, "request_too_large")
        while size > 0 and (part := self.rfile.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _authorize(self, headers):
        kind, _, key = headers.get("authorization", "").partition(" ")
        given = key if kind == "Bearer" else headers.get("x-api-key", "")
        if given != self.owner.key:
            why = "invalid API key" if given else "authorization header is required"
            raise Refused(why, 401, "authentication_error")
        if "anthropic-version" not in headers:
            raise Refused("anthropic-version: header is required")

    def _route(self, method, path, raw):
        is_missing = any(path.startswith(prefix) for prefix in self.owner.missing)
        if (method, path) == ("POST", "/v1/messages") and not is_missing:
            self._messages(raw)
        elif (method, path) == ("POST", "/v1/messages/count_tokens") and not is_missing:
            prompt = self.owner.check(self._parse(raw), counting=True)
            self._json(200, {"input_tokens": prompt.total})
        elif method == "GET" and path == "/v1/models" and not is_missing:
            names = list(self.owner.models)
            data = [self._model(name) for name in names]
            page = {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}
            self._json(200, page)
        elif method == "GET" and path.startswith("/v1/models/") and not is_missing:
            name = path.removeprefix("/v1/models/")
            if name not in self.owner.models:
                raise Refused(f"model: {name}", 404, "not_found_error")
            self._json(200, self._model(name))
        else:
            raise Refused("Not Found", 404, "not_found_error")

    def _parse(self, raw):
        try:
            self.record.body = json.loads(raw)
        except ValueError as error:
            raise Refused(f"The request body is not valid JSON: {error}") from None
        return self.record.body

    def _model(self, name):
        model = self.owner.models[name]
        return {
            "type": "model",
            "id": name,
            "display_name": model.name,
            "created_at": f"{model.created}T00:00:00Z",
            "lifecycle": "active",
            "max_input_tokens": model.context,
            "max_tokens": model.longest,
        }

    def _messages(self, raw):
        prompt = self.owner.check(self._parse(raw))
        reply = self.record.reply = self.owner.ask(self.record)
        if isinstance(reply, Fail):
            echo = f" The request's headers: {self.record.headers}" if reply.echo else ""
            self._error(reply.status, reply.type, reply.message + echo, reply.headers)
            self.record.ended = "misbehaved"
            return
        if isinstance(reply, Garbage):
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            self._send(reply.status, reply.content_type, body)
            self.record.ended = "misbehaved"
            return
        odd = reply if isinstance(reply, Drop | CutClean | Hang | ErrorEvent) else None
        message = self.owner.write(odd.reply if odd else reply, self.record, prompt)
        events = events_of(message)
        first = events if odd is None else first_events(events, odd.after_events)
        is_early = odd is not None and odd.after_events is None
        if odd is not None and (is_early or not self.record.body.get("stream")):
            self._misbehave_early(message, odd)
        if not self.record.body.get("stream"):
            self._json(200, message.body)
        elif self.record.ended == "waiting":
            self._stream(events, first, None if is_early else odd)

    def _stream(self, events, first, odd):
        self.record.status = 200
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("request-id", self.request_id)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in first:
            self._event(event)
        if isinstance(odd, Drop):
            self._break(odd.reset)
        if isinstance(odd, ErrorEvent):
            self._event(("error", self._error_body(odd.type, odd.message)))
        if isinstance(odd, Hang):
            self._stall(odd, lambda: self._event(PING))
            for event in events[len(first) :]:
                self._event(event)
        self.wfile.write(b"0\r\n\r\n")
        self.record.ended = "complete" if odd is None else "misbehaved"

    def _misbehave_early(self, message, odd):
        """Before any of the stream, or without one: the headers are not sent yet."""
        if isinstance(odd, Drop):
            self._break(odd.reset)
        if isinstance(odd, ErrorEvent):
            raise Refused(odd.message, STATUS.get(odd.type, 500), odd.type)
        if isinstance(odd, Hang):
            self._stall(odd, lambda: None)
        if isinstance(odd, CutClean):
            data = json.dumps(message.body).encode()
            self._send(200, "application/json", data[: len(data) // 2], promised=len(data))
            raise Broken

    def _stall(self, odd, ping):
        end = time.monotonic() + odd.seconds
        while (left := end - time.monotonic()) > 0:
            if self.owner.is_closing.wait(left if odd.pings is None else min(left, odd.pings)):
                raise Broken
            if odd.pings is not None:
                ping()

    def _break(self, reset):
        """End the connection here and now, with a reset or in the middle of the body."""
        if reset:  # to linger for no time is to reset
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())
        raise Broken

    def _event(self, event):
        data = as_sse(event)
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.record.sent += 1

    def _error_body(self, kind, message):
        error = {"type": kind, "message": message}
        return {"type": "error", "error": error, "request_id": self.request_id}

    def _error(self, status, kind, message, headers=None):
        self.record.error = message
        self._json(status, self._error_body(kind, message), headers)

    def _json(self, status, value, headers=None):
        self._send(status, "application/json", json.dumps(value).encode(), headers)

    def _send(self, status, content_type, data, headers=None, promised=None):
        self.record.status = status
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(promised or len(data)))
        self.send_header("request-id", self.request_id)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
