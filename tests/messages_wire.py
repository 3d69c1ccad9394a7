"""A scripted reply as the message that the API would send, and its stream of events."""

import dataclasses
import json
import uuid
from typing import Any

from messages_cache import THINKING, Usage, extend, size_in_bytes, tokens_of
from messages_rules import sign
from messages_script import Call, Raw, Say, Short, Think

PING = ("ping", {"type": "ping"})
TEXTS = {"text": "text", "thinking": "thinking"}  # kind of block -> the field that is streamed
Event = tuple[str, dict[str, Any]]


@dataclasses.dataclass
class Piece:
    """A block on its way: what is billed for it, and the JSON streamed for a tool's input."""

    block: dict[str, Any]
    tokens: int
    json: str | None = None


@dataclasses.dataclass
class Message:
    """A whole reply: the API's message, what it costs, and how each tool's input is spelled."""

    body: dict[str, Any]
    usage: Usage
    spelled: list[str | None]


def new_id(kind):
    return f"{kind}_{uuid.uuid4().hex[:24]}"


def compose(reply, body, prompt, charged):
    """The Message for this request's body, whose prompt cost `charged` (Usage without output)."""
    most = body["max_tokens"]
    while isinstance(reply, Short):
        most, reply = min(most, reply.tokens), reply.reply
    if not isinstance(reply, Raw):
        reply = Raw(list(reply) if isinstance(reply, list | tuple) else [reply])
    pieces = [piece for part in reply.blocks for piece in _pieces(part)]
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "disabled":
        pieces = [piece for piece in pieces if piece.block["type"] not in THINKING]
    pieces, is_cut = _cut(pieces, most)
    _seal(pieces, prompt.prefix, thinking.get("display") == "summarized")
    written = sum(piece.tokens for piece in pieces)
    thought = sum(piece.tokens for piece in pieces if piece.block["type"] in THINKING)
    usage = dataclasses.replace(charged, output=max(written, 1), thinking=thought)
    shown = usage.as_json() | dict(reply.usage)
    calls = any(piece.block["type"] == "tool_use" for piece in pieces)
    natural = "max_tokens" if is_cut else "tool_use" if calls else "end_turn"
    return Message(
        body={
            "id": new_id("msg"),
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [piece.block for piece in pieces],
            "stop_reason": reply.stop_reason or natural,
            "stop_sequence": reply.stop_sequence,
            "stop_details": reply.stop_details and dict(reply.stop_details),
            "usage": shown,
        },
        usage=Usage.from_json(shown),
        spelled=[piece.json for piece in pieces],
    )


def _pieces(part):
    """The blocks of one part of a message, each with its cost."""
    if isinstance(part, Say):
        return [_text(part.text)] if part.text else []
    if isinstance(part, Think):
        tokens = tokens_of(part.text) if part.tokens is None else part.tokens
        return [Piece({"type": "thinking", "thinking": part.text, "signature": ""}, tokens)]
    if isinstance(part, Call):
        block = {"type": "tool_use", "id": part.id or new_id("toolu"), "name": part.name}
        block["input"] = dict(part.input)
        before = [_text(part.text)] if part.text else []
        return [*before, _tool_use(block, part.json)]
    if not isinstance(part, dict):
        raise TypeError(f"no part of a message: {part!r}")
    if part.get("type") == "tool_use":
        spelled = part["input"] if isinstance(part.get("input"), str) else None
        block = {"id": new_id("toolu")} | part
        return [_tool_use(block | ({"input": {}} if spelled is not None else {}), spelled)]
    if part.get("type") == "text":
        return [Piece(dict(part), tokens_of(part["text"]))]
    return [Piece(dict(part), tokens_of(json.dumps(part)))]


def _text(text):
    return Piece({"type": "text", "text": text}, tokens_of(text))


def _tool_use(block, spelled):
    spelled = json.dumps(block["input"]) if spelled is None else spelled
    return Piece(block, tokens_of(block["name"] + spelled), spelled)


def _cut(pieces, most):
    """The pieces within this many tokens, the last of them cut, and whether any was."""
    kept = []
    for piece in pieces:
        left = most - sum(other.tokens for other in kept)
        if piece.tokens <= left:
            kept.append(piece)
            continue
        room, kind = 4 * left, piece.block["type"]
        if left and piece.json is not None:
            room = max(room - size_in_bytes(piece.block["name"]), 0)
            piece.json, piece.block["input"] = _first_bytes(piece.json, room), {}
        elif left and kind in TEXTS:
            field = TEXTS[kind]
            piece.block[field] = _first_bytes(piece.block[field], room)
        else:
            return kept, True
        piece.tokens = left
        return [*kept, piece], True
    return kept, False


def _first_bytes(text, count):
    return text.encode("utf-8", "surrogatepass")[:count].decode("utf-8", "ignore")


def _seal(pieces, prefix, is_shown):
    """Sign each thinking block for where it stands; its text is left out unless asked for."""
    for piece in pieces:
        block = piece.block
        if block["type"] == "thinking":
            block["thinking"] = block["thinking"] if is_shown else ""
            block["signature"] = sign(block["thinking"], prefix)
        elif block["type"] == "redacted_thinking":
            block["data"] = sign("", prefix)
        prefix = extend(prefix, "assistant", block)


def events_of(message):
    """The events of the message's stream, in the API's order."""
    whole = message.body
    early = {"content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    early["usage"] = whole["usage"] | {"output_tokens": 1}
    early["usage"].pop("output_tokens_details", None)
    events = [("message_start", {"type": "message_start", "message": whole | early})]
    for index, block in enumerate(whole["content"]):
        events += _block_events(index, block, message.spelled[index])
    events[2:2] = [PING]  # after the first block has begun, or after an empty message has
    kept = ("stop_reason", "stop_sequence", "stop_details")
    delta = {key: whole[key] for key in kept}
    late = {key: value for key, value in whole["usage"].items() if key not in NOT_LATE}
    events.append(("message_delta", {"type": "message_delta", "delta": delta, "usage": late}))
    events.append(("message_stop", {"type": "message_stop"}))
    return events


NOT_LATE = ("cache_creation", "service_tier")  # message_start alone has them


def _block_events(index, block, spelled):
    kind, deltas, start = block["type"], [], dict(block)
    if spelled is not None:
        start["input"] = {}
        deltas = [("input_json_delta", "partial_json", part) for part in ["", *_split(spelled)]]
    elif kind in TEXTS:
        field = TEXTS[kind]
        start[field] = ""
        deltas = [(f"{field}_delta", field, part) for part in _split(block[field])]
    if kind == "thinking":
        start["signature"] = ""
        deltas.append(("signature_delta", "signature", block["signature"]))
    begin = {"type": "content_block_start", "index": index, "content_block": start}
    yield "content_block_start", begin
    for name, field, part in deltas:
        delta = {"type": name, field: part}
        event = {"type": "content_block_delta", "index": index, "delta": delta}
        yield "content_block_delta", event
    yield "content_block_stop", {"type": "content_block_stop", "index": index}


def _split(text):
    """At least three parts of a text that has them, and at most about fifty."""
    size = max(1, -(-len(text) // 3)) if len(text) < 120 else max(40, -(-len(text) // 50))
    return [text[at : at + size] for at in range(0, len(text), size)]


def first_events(events, after):
    """Those before the misbehaviour; `after` is a number, or a kind of delta to send half of."""
    if after is None or isinstance(after, int):
        return [] if after is None else events[:after]
    ends = [
        number
        for number, (_, data) in enumerate(events, start=1)
        if data.get("delta", {}).get("type") == after
    ]
    if not ends:
        raise ValueError(f"the reply has no {after}")
    return events[: ends[(len(ends) - 1) // 2]]


def as_sse(event):
    name, data = event
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
