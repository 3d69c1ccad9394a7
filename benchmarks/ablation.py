"""Which keeps does `thinker ablate` call passengers? `python -m benchmarks.ablation`, in a minute.

Simulated studies: the incumbent and without each of five keeps, of which two help by 0.03 and 0.02,
two do nothing, and the first has the effect at the head of the column. The campaign's repeats,
three degrees of freedom, and the study are all that is known of the noise. Prints Markdown.
"""

import numpy as np

from harness.ablation_effects import noise_of, p_helps
from harness.adoption import P_WITHDRAWN
from harness.prior import Array

NOISES, TRIALS, EFFECTS = (
    (0.005, 0.01, 0.02, 0.04),
    (2, 3, 5),
    (-0.01, 0.0, 0.005, 0.01, 0.02, 0.03),
)
OTHERS = (0.03, 0.02, 0.0, 0.0)
REPEATS = 3  # degrees of freedom
STUDIES = 2000


def is_named(sd: float, trials: int, effect: float, rng: np.random.Generator) -> bool:
    below = np.array([0.0, effect, *OTHERS])[:, None]
    table: Array = 0.5 - below + rng.normal(0, sd, (len(below), trials))
    noise = noise_of(sd**2 * rng.chisquare(REPEATS), REPEATS, table)
    read = float(table[0].mean() - table[1].mean())
    return p_helps(read, trials, noise) < P_WITHDRAWN


def main() -> None:
    rng = np.random.default_rng(0)
    print("| noise, trials | " + " | ".join(f"{effect:+g}" for effect in EFFECTS) + " |")
    print("| --- " * (len(EFFECTS) + 1) + "|")
    for sd in NOISES:
        for trials in TRIALS:
            shares = (
                np.mean([is_named(sd, trials, effect, rng) for _ in range(STUDIES)])
                for effect in EFFECTS
            )
            print(f"| {sd}, {trials} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")


if __name__ == "__main__":
    main()
