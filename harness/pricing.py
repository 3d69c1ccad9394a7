"""What a call of a language model costs at most, and what one did cost, by prices.toml."""

import functools
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import Misuse
from harness.money import Tokens

TABLE = Path(__file__).with_name("prices.toml")
WRITE_5M, WRITE_1H = 1.25, 2.0  # of the price of input
UNSEEN_TOKENS = 2000  # of a prompt, that no byte of the request stands for: the server's own words
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars a million tokens."""

    input: float
    read: float
    output: float

    def cost(self, tokens: Tokens) -> float:
        return (
            tokens.input * self.input
            + tokens.cache_write_5m * self.input * WRITE_5M
            + tokens.cache_write_1h * self.input * WRITE_1H
            + tokens.cache_read * self.read
            + tokens.output * self.output
        ) / MILLION


@dataclass(frozen=True, slots=True)
class Price:
    """`long` is the rate of prompts of more than `long_from` tokens."""

    rate: Rate
    long: Rate | None = None
    long_from: int = 0

    @property
    def is_free(self) -> bool:
        return self.rate == Rate(0.0, 0.0, 0.0)

    def cost(self, tokens: Tokens) -> float:
        """Dollars."""
        return self._rate(tokens.prompt).cost(tokens)

    def most(self, request_bytes: int, max_tokens: int) -> float:
        """Dollars that no reply to such a request passes: a token is a byte at least, and none
        costs more than one that is written to the cache for an hour."""
        prompt = request_bytes + UNSEEN_TOKENS
        rates = [self.rate, self.long] if self.long and prompt > self.long_from else [self.rate]
        tokens = Tokens(cache_write_1h=prompt, output=max_tokens)
        return max(rate.cost(tokens) for rate in rates if rate)

    def _rate(self, prompt: int) -> Rate:
        return self.long if self.long and prompt > self.long_from else self.rate


def price_of(model: str, named: str) -> Price:
    """Of a model; `named` is what --price says, empty for what the table says. Raises Misuse for
    a model that the table does not have."""
    if named:
        return parse_price(named)
    models = table()["models"]
    if model not in models:
        raise Misuse(
            f"--model {model}: its price is not known, so no cap could hold; give --price IN/OUT,"
            f" dollars a million tokens (0/0 for a server of your own), or one of"
            f" {', '.join(models)}"
        )
    row = models[model]
    rate = Rate(row["input"], row["read"], row["output"])
    if "long" not in row:
        return Price(rate)
    long = row["long"]
    return Price(rate, Rate(long["input"], long["read"], long["output"]), long["from"])


def parse_price(text: str) -> Price:
    """IN/OUT. What a cache takes off is not known, so that reading costs as much as input. Raises
    Misuse."""
    parts = text.split("/")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 2 or not all(math.isfinite(n) and n >= 0 for n in numbers):
        raise Misuse(f"--price {text}: it takes dollars a million tokens, IN/OUT, such as 2/10")
    return Price(Rate(numbers[0], numbers[0], numbers[1]))


@functools.cache
def table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
