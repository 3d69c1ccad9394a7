"""What a view of a running campaign shows, as plain facts: what is drawn, and nothing that draws.

Seconds are raw, shares and accuracies 0 to 1, None is unknown. Texts of others (hypotheses, notes)
stand here as they came; `harness.picture` makes them harmless.
"""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["idle", "waiting", "start-up", "training", "scoring"]
State = Literal["running", "away", "stopped", "finished", "closed"]


@dataclass(frozen=True, slots=True)
class Curve:
    """What a training tells of itself so far: its exact match or, without any, its loss. Telemetry
    of an edit, and never a score."""

    name: Literal["", "exact match", "loss"] = ""
    values: tuple[float, ...] = ()
    step: int | None = None
    samples_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A place where a trial runs. `expected_s` is how long trials of late took, scoring counted, or
    before the first one how long it trains: `is_guess`. `waits_for` is what a free slot waits
    for."""

    number: int
    phase: Phase
    experiment: int | None = None
    seed: int = 0
    hypothesis: str = ""
    elapsed_s: float = 0.0
    expected_s: float = 0.0
    is_repeat: bool = False
    curve: Curve = Curve()
    waits_for: str = ""
    is_guess: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """An experiment with a verdict, as one line tells of it. `standing` is a keep's, `status` that
    of its trials, or of a gate that refused it; `reason` is empty where it is but figures."""

    id: int
    verdict: str
    standing: str
    status: str
    accuracy: float | None
    accuracy_sd: float | None
    effect: float | None
    effect_sd: float | None
    p_real: float | None
    hypothesis: str
    reason: str
    is_incumbent: bool


@dataclass(frozen=True, slots=True)
class Thinker:
    """The researcher: what it does now, since when, and what it has cost. `trouble` is why it is
    away; `last_call` how the last call of a language model ended, `call_s` how long ago."""

    name: str
    doing: str
    since_s: float | None
    spent: str
    trouble: str = ""
    last_call: str = ""
    call_s: float | None = None


@dataclass(frozen=True, slots=True)
class Incumbent:
    """`line` are the posterior accuracies of the incumbents, one a verdict, as believed now."""

    id: int
    accuracy: float
    accuracy_sd: float
    baseline: float
    line: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class GpuHealth:
    """`use` is the share of the last moment in which it computed."""

    name: str
    use: float | None
    used_mb: int | None
    total_mb: int | None
    temperature_c: int | None


@dataclass(frozen=True, slots=True)
class Health:
    """`load` is the mean number of processes that wanted a core in the last minute. `is_low`: a
    trial could not begin for want of room."""

    load: float | None
    cores: int
    memory_free_mb: int | None
    disk_free_mb: int | None
    gpus: tuple[GpuHealth, ...] = ()
    is_low: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is seen at one moment. `state_words` say how the campaign stands; `done` is how far
    it has come by its nearest limit; `trials` what each trial is; `told` the verdicts, the newest
    first; `keys` what a person can press."""

    tag: str
    state: State
    state_words: str
    elapsed_s: float | None
    left_s: float | None
    ends: str
    done: float | None
    counts: str
    incumbent: Incumbent | None
    slots: tuple[Slot, ...]
    researcher: Thinker | None
    told: tuple[Told, ...]
    health: Health | None
    notes: tuple[str, ...] = ()
    is_rehearsal: bool = False
    trials: str = ""
    keys: str = ""
