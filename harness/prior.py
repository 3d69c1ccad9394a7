"""What an edit may do to accuracy, before it is tried: a sparse prior over its effect, on a grid.

Effects are differences of accuracy, -1 to 1. The grid is a row of cells that grow with their
distance from zero: a thousandth matters beside zero and not beside a collapse. The middle cell is
the effect of exactly zero, a point without width. The prior is a mixture of classes of edits; how
much each class weighs is learned as a campaign goes on, starting from `Prior.weights`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SMALLEST = 0.0005  # the first cell beside zero ends here; accuracy has steps of 0.0001
RATIO = 1.18  # of the ends of neighbouring cells


def _edges() -> Array:
    """Upper ends of the cells above zero, up to 1."""
    count = int(np.ceil(np.log(1 / SMALLEST) / np.log(RATIO))) + 1
    return np.minimum(SMALLEST * np.power(RATIO, np.arange(count)), 1.0)


_ENDS = _edges()
_STARTS = np.concatenate([[0.0], _ENDS[:-1]])
_MIDDLES, _WIDTHS = (_STARTS + _ENDS) / 2, _ENDS - _STARTS
LOWER: Array = np.concatenate([-_ENDS[::-1], [0.0], _STARTS])  # (cells,)
EFFECTS: Array = np.concatenate([-_MIDDLES[::-1], [0.0], _MIDDLES])  # (cells,), their middles
WIDTHS: Array = np.concatenate([_WIDTHS[::-1], [0.0], _WIDTHS])  # (cells,)
CELL_VARIANCES: Array = WIDTHS**2 / 12  # (cells,), of an effect known to lie in the cell
IS_GAIN: Array = (EFFECTS > 0).astype(np.float64)  # (cells,); an effect of zero is none


def share_above(threshold: Array) -> Array:
    """Share of each cell that is above a threshold below zero, (..., cells) for (...)."""
    upper = LOWER + WIDTHS
    inside = (upper - np.asarray(threshold)[..., None]) / np.where(WIDTHS > 0, WIDTHS, 1.0)
    return np.where(WIDTHS > 0, np.clip(inside, 0.0, 1.0), 1.0)


def gains(sd: float) -> Array:
    """Effects above zero, a normal distribution's upper half. (cells,), sums to 1."""
    return _normalised(np.where(EFFECTS > 0, np.exp(-((EFFECTS / sd) ** 2) / 2) * WIDTHS, 0.0))


def losses(sd: float) -> Array:
    return gains(sd)[::-1].copy()


def collapses(worst: float = 0.7) -> Array:
    """The edit breaks learning: anything from nothing to `worst` below. (cells,), sums to 1."""
    return _normalised(np.where((-worst < EFFECTS) & (EFFECTS < 0), WIDTHS, 0.0))


def nothing() -> Array:
    return np.where(EFFECTS == 0, 1.0, 0.0)


def _normalised(masses: Array) -> Array:
    return np.asarray(masses / masses.sum())


@dataclass(frozen=True, slots=True)
class Prior:
    """Classes of edits, (classes, cells), their weights, and how many edits those are worth.

    `strength` infinite: nothing is learned.
    """

    classes: Array
    weights: Array
    strength: float

    @property
    def counts(self) -> Array:
        """Dirichlet counts to begin with, (classes,)."""
        return self.weights * (self.strength if np.isfinite(self.strength) else 1.0)


def mixture(parts: dict[str, tuple[float, Array]], strength: float) -> Prior:
    weights = np.array([weight for weight, _ in parts.values()])
    floor = 1e-12 * WIDTHS  # nothing is impossible, or a strange reading would have no explanation
    classes = np.array([density + floor for _, density in parts.values()])
    return Prior(classes / classes.sum(1, keepdims=True), weights / weights.sum(), strength)


def fixed_prior() -> Prior:
    """Of the reference simulation: 10% help, 52% harm, 8% collapse, the rest do nothing."""
    parts = {
        "gain": (0.10, gains(0.03)),
        "loss": (0.52, losses(0.05)),
        "collapse": (0.08, collapses()),
        "nothing": (0.30, nothing()),
    }
    return mixture(parts, np.inf)


def learned_prior(strength: float = 20.0) -> Prior:
    """A little more hopeful, and worth `strength` edits: what edits really do soon outweighs it.

    How far edits reach is not known beforehand: every seventh of those that help, and every fifth
    of those that harm, is taken to go three times as far. Without, large effects are taken for
    noise, and the parent of harmful edits for a lucky one (`python -m benchmarks.judge`).
    """
    parts = {
        "gain": (0.0935, gains(0.03)),
        "large gain": (0.0165, gains(0.1)),
        "loss": (0.408, losses(0.05)),
        "large loss": (0.102, losses(0.15)),
        "collapse": (0.08, collapses()),
        "nothing": (0.30, nothing()),
    }
    return mixture(parts, strength)
