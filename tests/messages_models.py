"""The models that the scripted Messages server knows, and what each accepts."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Model:
    name: str
    created: str
    thinking: frozenset[str]  # the types of thinking that it accepts
    context: int = 1_000_000  # tokens
    longest: int = 128_000  # tokens of output


MODELS = {
    "claude-fable-5-2": Model("Claude Fable 5.2", "2026-11-09", frozenset({"adaptive"})),
    "claude-opus-5-5": Model("Claude Opus 5.5", "2026-09-22", frozenset({"adaptive"})),
    "claude-sonnet-5-5": Model(
        "Claude Sonnet 5.5", "2026-09-28", frozenset({"adaptive", "between_tools"})
    ),
    "claude-haiku-5-5": Model(
        "Claude Haiku 5.5", "1970-01-01", frozenset({"adaptive", "disabled"})
    ),
}
