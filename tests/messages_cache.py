"""Prompt caching of the Messages API, modelled: prefixes, breakpoints, lifetimes and a bill.

A prompt is a row of blocks: the tools, then the system's, then those of the messages. A block's
tokens are a quarter of the bytes of its canonical JSON, rounded up. What a prefix *is* does not
depend on where `cache_control` stands, so a breakpoint may move from one request to the next.
"""

import dataclasses
import hashlib
import json
import threading

SMALLEST = 512  # tokens: a shorter prefix is not cached, and nothing says so
LOOKBACK = 20  # blocks before a breakpoint at which a cached prefix is still found
LIFETIMES = {"5m": 300.0, "1h": 3600.0}  # seconds since the last use
THINKING = ("thinking", "redacted_thinking")


class Clock:
    """Simulated seconds. Nothing moves them but the test."""

    def __init__(self, now=0.0):
        self.now = now

    def advance(self, seconds):
        self.now += seconds


def canonical(value):
    """JSON of one spelling: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def size_in_bytes(text):
    return len(text.encode("utf-8", "surrogatepass"))


def tokens_of(text):
    return -(-size_in_bytes(text) // 4)


def digest(*texts):
    joined = "\0".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()


def as_blocks(content):
    """A text alone is short for one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content or [])


def blocks_of(body):
    """(path, role, block) of each block of the prompt, in the order in which it is read."""
    for number, tool in enumerate(body.get("tools") or []):
        yield f"tools.{number}", "tools", tool
    for number, block in enumerate(as_blocks(body.get("system"))):
        yield f"system.{number}", "system", block
    for turn, message in enumerate(body["messages"]):
        for number, block in enumerate(as_blocks(message["content"])):
            yield f"messages.{turn}.content.{number}", message["role"], block


def cache_controls(block):
    """The breakpoints on a block and on the blocks inside it."""
    if block.get("cache_control"):
        yield block["cache_control"]
    if isinstance(block.get("content"), list):
        for inner in block["content"]:
            yield from cache_controls(inner)


def without_marks(block):
    """The block without its breakpoints, and without the fields that say nothing."""
    kept = {key: value for key, value in block.items() if key != "cache_control"}
    if isinstance(kept.get("content"), list):
        kept["content"] = [without_marks(inner) for inner in kept["content"]]
    return {key: value for key, value in kept.items() if value is not None}


def extend(prefix, role, block):
    """The hash of a prefix that this block makes longer."""
    return digest(prefix, role, canonical(without_marks(block)))


@dataclasses.dataclass(frozen=True)
class Prompt:
    """A request's blocks, as hashes and tokens of the prefixes that end at each of them."""

    prefixes: tuple[str, ...]  # what a thinking block is bound to
    keys: tuple[str, ...]  # what is cached: also the model, and what else the messages depend on
    tokens: tuple[int, ...]  # cumulative
    marks: dict[int, str]  # block -> lifetime

    @property
    def total(self):
        return self.tokens[-1] if self.tokens else 0

    @property
    def prefix(self):
        return self.prefixes[-1] if self.prefixes else ""


def prompt_of(body):
    prefix, total = "", 0
    prefixes, keys, tokens, marks = [], [], [], {}
    # These leave the cached tools and system as they are, but not the messages.
    settings = canonical([body.get(key) for key in ("thinking", "tool_choice", "output_config")])
    last = None
    for at, (path, role, block) in enumerate(blocks_of(body)):
        prefix = extend(prefix, role, block)
        total += tokens_of(canonical(without_marks(block)))
        in_messages = path.startswith("messages")
        prefixes.append(prefix)
        keys.append(digest(str(body.get("model")), settings if in_messages else "", prefix))
        tokens.append(total)
        for control in cache_controls(block):
            marks[at] = control.get("ttl") or "5m"
        if block.get("type") not in THINKING:
            last = at
    if body.get("cache_control") and last is not None:
        marks.setdefault(last, body["cache_control"].get("ttl") or "5m")
    return Prompt(tuple(prefixes), tuple(keys), tuple(tokens), marks)


@dataclasses.dataclass(frozen=True)
class Usage:
    """Tokens by kind, each counted once: the input kinds add up to the prompt."""

    input: int = 0
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0
    output: int = 0
    thinking: int = 0  # part of the output

    def __add__(self, other):
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return Usage(*(mine + theirs for mine, theirs in pairs))

    def as_json(self):
        """The shape in which the API reports it."""
        return {
            "input_tokens": self.input,
            "cache_creation_input_tokens": self.write_5m + self.write_1h,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.write_5m,
                "ephemeral_1h_input_tokens": self.write_1h,
            },
            "cache_read_input_tokens": self.read,
            "output_tokens": self.output,
            "output_tokens_details": {"thinking_tokens": self.thinking},
            "service_tier": "standard",
        }

    @classmethod
    def from_json(cls, usage):
        creation = usage.get("cache_creation") or {}
        hour = creation.get("ephemeral_1h_input_tokens") or 0
        return cls(
            input=usage.get("input_tokens") or 0,
            write_5m=(usage.get("cache_creation_input_tokens") or 0) - hour,
            write_1h=hour,
            read=usage.get("cache_read_input_tokens") or 0,
            output=usage.get("output_tokens") or 0,
            thinking=(usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
        )


class PrefixCache:
    """Prefixes that were cached, each until its lifetime after the last use."""

    def __init__(self):
        self._entries = {}  # key -> (lifetime, the second at which it ends)
        self._lock = threading.Lock()

    def charge(self, prompt, now):
        """Read the longest cached prefix, cache one at each breakpoint; the input's Usage."""
        with self._lock:
            found = {self._found(prompt, mark, now) for mark in prompt.marks} - {None}
            for at in found:
                self._keep(prompt.keys[at], self._entries[prompt.keys[at]][0], now)
            read = max(found, default=-1)
            marks = [at for at in sorted(prompt.marks) if prompt.tokens[at] >= SMALLEST]
            for at in marks:
                if at > read:
                    self._keep(prompt.keys[at], prompt.marks[at], now)
                elif at not in found:  # inside what was read: it lives as that does, for nothing
                    self._keep(prompt.keys[at], self._entries[prompt.keys[read]][0], now)
        written = [at for at in marks if at > read]
        hour = max((at for at in written if prompt.marks[at] == "1h"), default=read)
        last = max(written, default=read)

        def tokens(at):
            return prompt.tokens[at] if at >= 0 else 0

        return Usage(
            input=prompt.total - tokens(last),
            write_5m=tokens(last) - tokens(hour),
            write_1h=tokens(hour) - tokens(read),
            read=tokens(read),
        )

    def _found(self, prompt, mark, now):
        for at in range(mark, max(mark - LOOKBACK, 0) - 1, -1):
            if now < self._entries.get(prompt.keys[at], ("", -1.0))[1]:
                return at
        return None

    def _keep(self, key, lifetime, now):
        self._entries[key] = (lifetime, now + LIFETIMES[lifetime])
