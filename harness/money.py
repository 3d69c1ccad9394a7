"""What a language model's calls may cost and did cost: the events of it, and their sum.

Before each call the most that it can cost is reserved in the ledger, and settled afterwards; a
reservation that is not settled, for instance after a kill, counts whole. So the sum never passes
the cap. Dollars are US dollars.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A language model and how it is asked. `effort` is empty where it is not said; `price` is
    IN/OUT, dollars a million tokens, empty where the table has it."""

    name: str
    effort: str = ""
    price: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of one reply or a sum of them, as the API counts: `input` is what was neither written to its
    cache nor read from there."""

    input: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    output: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(
            self.input + other.input,
            self.cache_write_5m + other.cache_write_5m,
            self.cache_write_1h + other.cache_write_1h,
            self.cache_read + other.cache_read,
            self.output + other.output,
        )

    @property
    def prompt(self) -> int:
        """All that was read, cached or not."""
        return self.input + self.cache_write_5m + self.cache_write_1h + self.cache_read


@dataclass(frozen=True, slots=True)
class Reserved:
    """A call is about to be made, for the proposal that would become `experiment`; it costs `usd`
    at most. `call` counts from 1 in a campaign."""

    call: int
    experiment: int
    model: str
    usd: float


@dataclass(frozen=True, slots=True)
class Settled:
    """A call ended with `end`, a stop reason or an error's name, and cost `usd`.

    `tokens` is None where they are not known: then the whole reservation is the cost.
    """

    call: int
    usd: float
    tokens: Tokens | None
    end: str


@dataclass(frozen=True, slots=True)
class Spent:
    """A sum over calls. `unknown` are those whose cost was booked whole."""

    usd: float = 0.0
    calls: int = 0
    unknown: int = 0
    tokens: Tokens = Tokens()

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.usd + other.usd,
            self.calls + other.calls,
            self.unknown + other.unknown,
            self.tokens + other.tokens,
        )


class NoSuchCall(ValueError):
    """An event of money that does not fit those before it."""


class Spending:
    """All calls of a campaign so far: `open` ones, and the `total` of those that have ended."""

    def __init__(self) -> None:
        self.by_experiment: dict[int, Spent] = {}
        self.open: dict[int, Reserved] = {}
        self.total = Spent()
        self.calls = 0
        self.last: Settled | None = None  # the call that ended last

    def copy(self) -> "Spending":
        other = Spending()
        other.by_experiment, other.open = dict(self.by_experiment), dict(self.open)
        other.total, other.calls, other.last = self.total, self.calls, self.last
        return other

    @property
    def committed_usd(self) -> float:
        """What was spent, and what open calls may cost yet."""
        return self.total.usd + sum(call.usd for call in self.open.values())

    def reserve(self, event: Reserved) -> None:
        """Raises NoSuchCall."""
        if event.call != self.calls + 1:
            raise NoSuchCall(f"call {event.call} where {self.calls + 1} comes next")
        self.open[event.call], self.calls = event, event.call

    def settle(self, event: Settled) -> None:
        """Raises NoSuchCall."""
        if event.call not in self.open:
            raise NoSuchCall(f"call {event.call} ended, and was not open")
        self.last = event
        if event.tokens is None:
            self._close(event.call, Spent(event.usd, 1, 1))
        else:
            self._close(event.call, Spent(event.usd, 1, 0, event.tokens))

    def book_open(self) -> None:
        """The process that made the open calls is gone: they are booked whole."""
        for number, call in list(self.open.items()):
            self._close(number, Spent(call.usd, 1, 1))

    def _close(self, number: int, cost: Spent) -> None:
        experiment = self.open.pop(number).experiment
        self.by_experiment[experiment] = self.by_experiment.get(experiment, Spent()) + cost
        self.total = self.total + cost
