"""The nouns of a campaign and the events of its ledger: frozen facts, nothing that acts.

An event is what the ledger holds one line of; what belongs together is one event. Counts and raw
seconds are stored, ratios derived. Times are UTC, ISO 8601.
"""

from dataclasses import dataclass
from typing import Literal

from harness.ablation import Ablated, Ablating
from harness.money import Model, Reserved, Settled
from harness.outcome import LevelCount as LevelCount
from harness.outcome import Outcome as Outcome
from harness.sealed import Compared, Opened, Revealed

Decision = Literal["keep", "discard", "crash"]
Standing = Literal["provisional", "confirmed", "withdrawn"]
BASELINE = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a researcher hands in: a hypothesis and the whole new train.py.

    `mark` is the researcher's own: where it stands in its list, for instance. `expected` is the
    gain in accuracy that it hopes for, None where it does not say. `mends` is the experiment whose
    early crash it mends.
    """

    hypothesis: str
    source: str
    researcher: str
    kind: str = "idea"
    expected: float | None = None
    mark: int = 0
    mends: int | None = None
    unfit: str = ""  # why there is no edit: it could not be applied


@dataclass(frozen=True, slots=True)
class Experiment:
    """A proposal with a number and a commit. 0 is the baseline, its own parent.

    `refused` is the reason of the gate that it did not pass, empty otherwise; such an experiment
    has no trials.
    """

    id: int
    parent: int
    commit: str
    hypothesis: str
    researcher: str
    kind: str
    expected: float | None
    mark: int
    fingerprint: str  # of its syntax tree, so that comments and spacing make nothing new
    nodes: int  # of its syntax tree: how simple it is
    preflight: Literal["passed", "unproven", "none"]
    refused: str = ""
    broken: bool = False  # refused because it does not run, and not because it may not
    mends: int | None = None  # the experiment whose early crash it is to mend


@dataclass(frozen=True, slots=True)
class Trial:
    """One execution of one experiment with one seed; the budget is the campaign's."""

    experiment: int
    seed: int


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of an experiment, given all trials so far. Accuracies 0 to 1.

    `effect` is that of its edit, the difference to its parent's true accuracy; `p_real` the
    probability that it is above zero. `_sd` are standard deviations.
    """

    accuracy: float
    accuracy_sd: float
    effect: float
    effect_sd: float
    p_real: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of an experiment, and the figures that led to it.

    `accuracy` is the mean of its ok trials, None where there is none; `incumbent_accuracy` the
    posterior mean of the incumbent that it was compared with, None for the baseline. `reason` is
    one sentence; `simpler` a keep for that, about equal as it is.
    """

    experiment: int
    decision: Decision
    reason: str
    accuracy: float | None
    incumbent: int
    incumbent_accuracy: float | None
    posterior: Posterior | None = None
    simpler: bool = False


@dataclass(frozen=True, slots=True)
class Gpu:
    """`device` is as CUDA_VISIBLE_DEVICES takes it. `free_mb` was free when the campaign began."""

    device: str
    uuid: str
    name: str
    total_mb: int
    free_mb: int | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What makes the trials of a campaign comparable, and its limits. None: no such limit."""

    budget_s: float
    max_steps: int | None
    problems: int
    seeds: int
    slots: int
    device: str
    preset: str
    sandbox: str
    researcher: tuple[str, ...]
    experiments: int | None
    deadline: str | None
    baseline_seeds: int = 1
    reserve: float = 0.0  # share of the trials that are repeats at the end
    tasks: str | None = None  # trained and scored on these alone, such as add:1-4
    model: Model | None = None  # that is asked, where one is
    max_usd: float | None = None  # what all its calls may cost together
    rehearse: bool = False  # nothing is trained, and every figure is invented


# ---------------------------------------------------------------------------
# Events
# ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The first line: what the campaign is, and what it started from."""

    tag: str
    campaign: str  # a UUID; the state folder's name
    settings: Settings
    head: str  # the commit that was checked out
    train_sha256: str
    program_sha256: str
    secret_sha256: str
    machine: str
    version: str
    gpus: tuple[Gpu, ...] = ()
    based_on: str = ""  # TAG:ID of the experiment whose train.py it starts from, if any
    package: str = ""  # SHA-256 of the harness's own copy that runs the campaign


@dataclass(frozen=True, slots=True)
class Resumed:
    """A harness took the campaign up again. Totals may have been raised."""

    experiments: int | None
    slots: int
    max_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """An experiment has its number and its commit."""

    experiment: Experiment


@dataclass(frozen=True, slots=True)
class Merged:
    """A waiting experiment was put onto an incumbent that had moved: another parent and commit."""

    experiment: int
    parent: int
    commit: str
    fingerprint: str
    nodes: int


@dataclass(frozen=True, slots=True)
class Tried:
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Judged:
    """`commit` is the experiment's, made anew with its figures in the message."""

    verdict: Verdict
    commit: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What an experiment counts as after another of its trials; `trials` are all of its own.

    `standing` is None for the baseline and for what was not kept.

    A tip of the campaign that is withdrawn is taken off it: the incumbent is what it stood on.
    """

    experiment: int
    standing: Standing | None
    reason: str
    posterior: Posterior | None
    trials: int


@dataclass(frozen=True, slots=True)
class Learned:
    """A researcher's lesson, of an experiment or (None) of several. `replaces_all` is the notebook
    made short: it takes the place of every lesson before it."""

    experiment: int | None
    text: str
    researcher: str
    replaces_all: bool = False


@dataclass(frozen=True, slots=True)
class Closing:
    """No new experiment begins any more: what runs from here are repeats, and the experiments that
    were on a slot already."""

    reason: str
    begun: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stopped:
    """`is_finished`: a limit was reached, and there is nothing to resume."""

    reason: str
    is_finished: bool


Event = (
    Started | Resumed | Proposed | Merged | Tried | Judged | Reviewed | Closing | Stopped
    | Reserved | Settled | Learned | Opened | Compared | Revealed | Ablating | Ablated
)  # fmt: skip
