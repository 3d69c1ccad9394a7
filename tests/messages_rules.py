"""What the Messages API refuses, as far as it is known: a Refused for each request that it would.

Also the signatures of thinking blocks. Each holds what was shown and a hash of the whole prefix, so
that a block in another conversation, or after an edited one, is found out.
"""

import base64
import hashlib
import hmac
import re

from messages_cache import (
    THINKING,
    as_blocks,
    blocks_of,
    cache_controls,
    canonical,
    digest,
    prompt_of,
)

SIGNING_KEY = b"any fixed bytes: a block outlives the server that signed it"
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
COMMON = {"cache_control", "messages", "model", "output_config", "speed", "system", "thinking"}
COMMON |= {"tool_choice", "tools"}
ONLY_TO_CREATE = {"container", "diagnostics", "inference_geo", "max_tokens", "metadata"}
ONLY_TO_CREATE |= {"service_tier", "stop_sequences", "stream"}
EFFORTS = {None, "low", "medium", "high", "xhigh", "max"}
# The fields of the blocks that we know; others are passed on as they are.
FIELDS = {
    "text": {"type", "text", "cache_control", "citations"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
    "tool_use": {"type", "id", "name", "input", "cache_control", "caller", "toolset_name"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"},
}
OTHER_TYPES = {"image", "document", "search_result", "server_tool_use", "container_upload"}
ROLES = ("user", "assistant", "system")


class Refused(Exception):
    """A request that the API answers with an error."""

    def __init__(self, message, status=400, kind="invalid_request_error"):
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


def refuse_if(condition, message):
    if condition:
        raise Refused(message)


def sign(shown, prefix):
    """The signature of a thinking block that shows this text after this prefix (a hash)."""
    parts = f"{digest(shown)}.{digest(prefix)}"
    seal = hmac.new(SIGNING_KEY, parts.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(f"{parts}.{seal}".encode()).decode()


def check_signature(path, block, prefix):
    """Refuse a thinking block that was changed, or that stands after another prefix."""
    kind = block["type"]
    field = "signature" if kind == "thinking" else "data"
    signature = block.get(field)
    try:
        shown, bound, seal = base64.b64decode(signature, validate=True).decode().split(".")
    except (ValueError, TypeError):
        raise Refused(f"{path}: Invalid `{field}` in `{kind}` block") from None
    right = hmac.new(SIGNING_KEY, f"{shown}.{bound}".encode(), hashlib.sha256).hexdigest()
    refuse_if(seal != right, f"{path}: Invalid `{field}` in `{kind}` block")
    changed = shown != digest(block.get("thinking", ""))
    refuse_if(changed, f"{path}: `{kind}` blocks cannot be modified after the response")
    elsewhere = f"{path}: Invalid `{field}` in `{kind}` block. "
    elsewhere += "The block is bound to a different conversation. Remove the block, or set "
    elsewhere += '`thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
    refuse_if(bound != digest(prefix), elsewhere)


def check(body, models, *, counting=False, known_types=frozenset(), paused=frozenset()):
    """Refuse what the API would; the prompt of a request that is right.

    `known_types` are block types that a reply held before; `paused` are hashes of assistant turns
    that ended with pause_turn, after which alone a request may end with the assistant's turn.
    """
    refuse_if(not isinstance(body, dict), "The request body is not valid JSON: expected an object")
    model = _check_model(body, models)
    _check_parameters(body, model, counting)
    _check_shapes(body)
    _check_tools(body)
    for path, role, block in blocks_of(body):
        if role != "tools":
            _check_block(path, role, block, known_types)
    last = body["messages"][-1]
    is_prefill = last["role"] == "assistant" and turn_hash(last["content"]) not in paused
    prefill = "This model does not support assistant message prefill. "
    refuse_if(is_prefill, prefill + "The conversation must end with a user message.")
    _check_pairs(body)
    _check_breakpoints(body)
    prompt = prompt_of(body)
    for at, (path, _, block) in enumerate(blocks_of(body)):
        if block.get("type") in THINKING:
            check_signature(path, block, prompt.prefixes[at - 1] if at else "")
    long = f"prompt is too long: {prompt.total} tokens > {model.context} maximum"
    refuse_if(prompt.total > model.context, long)
    return prompt


def _is_one_of(value, names):
    """Whether it is one of these names; a list or an object is none, and cannot be looked up."""
    return (value is None or isinstance(value, str)) and value in names


def turn_hash(content):
    return digest(canonical([_said(block) for block in as_blocks(content)]))


def _said(block):
    return {key: value for key, value in block.items() if value and key != "cache_control"}


def _check_model(body, models):
    name = body.get("model")
    refuse_if(not isinstance(name, str) or not name, "model: Field required")
    if name not in models:
        raise Refused(f"model: {name}", 404, "not_found_error")
    return models[name]


def _check_parameters(body, model, counting):
    for name in ("temperature", "top_p", "top_k"):
        refuse_if(name in body, f"{name}: this parameter is not supported by this model")
    known = COMMON if counting else COMMON | ONLY_TO_CREATE
    for name in body:
        refuse_if(name not in known, f"{name}: Extra inputs are not permitted")
    if not counting:
        most = body.get("max_tokens")
        refuse_if(most is None, "max_tokens: Field required")
        whole = isinstance(most, int) and not isinstance(most, bool)
        refuse_if(not whole, "max_tokens: Input should be a valid integer")
        refuse_if(most < 1, "max_tokens: Input should be greater than or equal to 1")
        over = f"max_tokens: {most} > {model.longest}, the most that this model can write"
        refuse_if(most > model.longest, over)
    thinking = body.get("thinking")
    if thinking is not None:
        kind = thinking.get("type") if isinstance(thinking, dict) else None
        unsupported = f'"thinking.type.{kind}" is not supported for this model. '
        unsupported += 'Use "thinking.type.adaptive" and "output_config.effort".'
        refuse_if(not _is_one_of(kind, model.thinking), unsupported)
    config = body.get("output_config") or {}
    refuse_if(not isinstance(config, dict), "output_config: Input should be an object")
    effort = config.get("effort")
    refuse_if(not _is_one_of(effort, EFFORTS), f"output_config.effort: {effort!r} is not an effort")
    choice = body.get("tool_choice")
    if choice is not None:
        kind = choice.get("type") if isinstance(choice, dict) else None
        refuse_if(kind in ("any", "tool"), f"tool_choice: `{kind}` is not supported by this model")
        refuse_if(kind not in ("auto", "none"), "tool_choice: Input should be auto or none")
        refuse_if(not body.get("tools"), "tool_choice: may only be specified while providing tools")


def _check_shapes(body):
    messages = body.get("messages")
    refuse_if(messages is None, "messages: Field required")
    refuse_if(not isinstance(messages, list), "messages: Input should be a valid list")
    refuse_if(not messages, "messages: at least one message is required")
    for turn, message in enumerate(messages):
        path = f"messages.{turn}"
        refuse_if(not isinstance(message, dict), f"{path}: Input should be an object")
        refuse_if(message.get("role") not in ROLES, f"{path}.role: Input should be one of {ROLES}")
        extra = sorted(message.keys() - {"role", "content"})
        refuse_if(extra, f"{path}.{extra[:1]}: Extra inputs are not permitted")
        _check_list(f"{path}.content", message.get("content"))
        refuse_if(not message["content"], f"{path}: all messages must have non-empty content")
    refuse_if(messages[0]["role"] == "assistant", 'messages.0: the first must be of role "user"')
    if body.get("system") is not None:
        _check_list("system", body["system"])
    if body.get("tools") is not None:
        refuse_if(isinstance(body["tools"], str), "tools: Input should be a valid list")
        _check_list("tools", body["tools"])


def _check_list(path, content):
    right = isinstance(content, str) or (
        isinstance(content, list) and all(isinstance(block, dict) for block in content)
    )
    refuse_if(not right, f"{path}: Input should be a valid list of objects")


def _check_tools(body):
    names = [tool.get("name") for tool in body.get("tools") or []]
    for number, tool in enumerate(body.get("tools") or []):
        _check_name(f"tools.{number}.name", tool.get("name"))
        if tool.get("type") in (None, "custom"):
            schema = tool.get("input_schema")
            right = isinstance(schema, dict) and schema.get("type") == "object"
            refuse_if(not right, f"tools.{number}.input_schema.type: Input should be 'object'")
    refuse_if(len(set(names)) < len(names), "tools: Tool names must be unique.")


def _check_name(path, name):
    right = isinstance(name, str) and NAME.fullmatch(name)
    refuse_if(not right, f"{path}: String should match pattern '^{NAME.pattern}$'")


def _check_block(path, role, block, known_types):
    kind = block.get("type")
    known = _is_one_of(kind, OTHER_TYPES.union(FIELDS, known_types))
    refuse_if(not known, f"{path}: Input tag {kind!r} does not match any of the expected tags")
    extra = sorted(block.keys() - FIELDS.get(kind, block.keys()))
    refuse_if(extra, f"{path}.{kind}.{''.join(extra[:1])}: Extra inputs are not permitted")
    is_users = kind in ("tool_result", "image", "document")
    refuse_if(is_users and role != "user", f"{path}: {kind} blocks are only for user messages")
    is_models = kind in ("tool_use", *THINKING)
    refuse_if(is_models and role != "assistant", f"{path}: {kind} is only for assistant messages")
    if kind == "text":
        text = block.get("text")
        refuse_if(not isinstance(text, str), f"{path}.text.text: Input should be a valid string")
        refuse_if(not text, f"{path}: text content blocks must be non-empty")
        refuse_if(not text.strip(), f"{path}: text content blocks must contain more than spaces")
    if kind == "tool_use":
        _check_name(f"{path}.tool_use.id", block.get("id"))
        _check_name(f"{path}.tool_use.name", block.get("name"))
        right = isinstance(block.get("input"), dict)
        refuse_if(not right, f"{path}.tool_use.input: Input should be an object")
    if kind == "tool_result":
        _check_name(f"{path}.tool_result.tool_use_id", block.get("tool_use_id"))
        if block.get("content") is not None:
            _check_list(f"{path}.tool_result.content", block["content"])
            for number, inner in enumerate(as_blocks(block["content"])):
                _check_block(f"{path}.content.{number}", role, inner, known_types)


def _check_pairs(body):
    """Each tool_use has its one result right after it, and each result its tool_use."""
    turns = []  # of one role each: neighbours of one role are one turn
    for path, role, block in blocks_of(body):
        if role in ROLES and path.startswith("messages"):
            if not turns or turns[-1][0] != role:
                turns.append((role, []))
            turns[-1][1].append((path, block))
    seen, waiting = set(), []
    for role, blocks in turns:
        first = [block.get("tool_use_id") for _, block in blocks[: len(waiting)]]
        missing = [name for name in waiting if role != "user" or name not in first]
        refuse_if(
            missing,
            f"{blocks[0][0]}: `tool_use` ids were found without `tool_result` blocks immediately "
            f"after: {', '.join(missing)}. Each `tool_use` block must have a corresponding "
            "`tool_result` block at the start of the next message.",
        )
        results = [(p, b["tool_use_id"]) for p, b in blocks if b["type"] == "tool_result"]
        for path, name in results:
            where = f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: {name}"
            refuse_if(name not in waiting, where)
            waiting.remove(name)
        waiting = [block["id"] for _, block in blocks if block["type"] == "tool_use"]
        again = seen.intersection(waiting) or len(set(waiting)) < len(waiting)
        refuse_if(again, "messages: `tool_use` ids must be unique")
        seen.update(waiting)
    refuse_if(waiting, f"messages: `tool_use` ids without `tool_result` blocks: {waiting}")
    refuse_if(seen and not body.get("tools"), "tools: must be defined where `tool_use` is used")


def _check_breakpoints(body):
    found, short_at = 0, None
    last = [("cache_control", "", body)] if body.get("cache_control") else []
    for path, _, block in [*blocks_of(body), *last]:
        controls = [block["cache_control"]] if block is body else list(cache_controls(block))
        for control in controls:
            kind = control.get("type") if isinstance(control, dict) else None
            refuse_if(kind != "ephemeral", f"{path}.cache_control.type: should be 'ephemeral'")
            ttl = control.get("ttl") or "5m"
            refuse_if(ttl not in ("5m", "1h"), f"{path}.cache_control.ttl: should be '5m' or '1h'")
            late = f"{path}: a ttl='1h' cache_control block must not come after a ttl='5m' one; "
            late += "blocks are processed in the order tools, system, messages"
            refuse_if(ttl == "1h" and short_at is not None, late)
            short_at = path if ttl == "5m" else short_at
            found += 1
    most = f"A maximum of 4 blocks with cache_control may be provided. Found {found}."
    refuse_if(found > 4, most)
