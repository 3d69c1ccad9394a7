"""Which rule for keeping an edit ends at the best *true* accuracy? `python -m benchmarks judge`.

Campaigns are simulated (`benchmarks.campaigns`); the judge's rule is its own code
(`benchmarks.filtered`). Where the noise is unknown, all rules but best so far and the judge's read
the baseline twice to learn it, and every trial is charged to the same budget. Prints Markdown.
"""

import argparse
import sys
from dataclasses import dataclass

import numpy as np

from benchmarks.campaigns import (
    CLOSED,
    MIXES,
    Mix,
    Result,
    best_so_far,
    draw,
    gaussian_filter,
    z_gate,
)
from benchmarks.filtered import Standings, Value, filtered, plugged_in, standings
from harness.adoption import value_of_confirming, value_of_repeat
from harness.prior import Array, fixed_prior, learned_prior

TRIALS, NOISES = (32, 100), (0.005, 0.01, 0.02, 0.04)
CAMPAIGNS, QUICK = 600, 60
RESERVE = 0.1
RULES = ("best so far", "z-gate 1.5", "Gaussian", "sparse", "judge", "judge, baseline twice")
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class Cell:
    trials: int
    noise_sd: float
    mix: Mix
    seed: int

    def __str__(self) -> str:
        return f"{self.trials}, {self.noise_sd}, {self.mix.name}"


def cells(*, quick: bool = False) -> list[Cell]:
    found = [
        Cell(trials, noise, mix, 100 * i + 10 * j + k)
        for i, trials in enumerate(TRIALS)
        for j, noise in enumerate(NOISES)
        for k, mix in enumerate(MIXES)
    ]
    return [cell for cell in found if cell.trials == 32][::5] if quick else found


def rivals(cell: Cell, campaigns: int, *, is_known: bool) -> tuple[dict[str, Result], Standings]:
    """All rules on the same draws, and what the judge said of its keeps."""
    world = draw(cell.mix, campaigns, cell.trials, cell.noise_sd, seed=cell.seed)
    judged = filtered(world, learned_prior(), is_known=is_known)
    results = {
        "best so far": best_so_far(world, is_known),
        "z-gate 1.5": z_gate(world, is_known),
        "Gaussian": gaussian_filter(world, is_known),
        "sparse": plugged_in(world, fixed_prior(), is_known),
        "judge": judged.score.result,
    }
    if not is_known:
        twice = filtered(world, learned_prior(), is_known=False, seeds=2)
        results["judge, baseline twice"] = twice.score.result
    return results, standings(judged)


def error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def gains_row(cell: Cell, results: dict[str, Result]) -> str:
    shown = [f"{result.gain.mean():+.4f} ± {error(result.gain):.4f}" for result in results.values()]
    ahead = results["judge"].gain - results["best so far"].gain
    return f"| {cell} | {' | '.join(shown)} | {ahead.mean():+.4f} ± {error(ahead):.4f} |"


def keeps_row(cell: Cell, results: dict[str, Result]) -> str:
    shown = [
        f"{result.keeps.mean():.1f}, {result.false_keeps.sum() / max(1, result.keeps.sum()):.0%}"
        for result in results.values()
    ]
    return f"| {cell} | {' | '.join(shown)} |"


def overview(leads: dict[Cell, tuple[float, Array]]) -> None:
    """All cells on half a page: what best so far gains, and what the judge gains beside it."""
    print("\nGain of best so far, and what the judge adds ± its standard error:\n")
    print(f"| trials, noise | {' | '.join(mix.name for mix in MIXES)} |")
    print("| --- " * (len(MIXES) + 1) + "|")
    for trials, noise in dict.fromkeys((cell.trials, cell.noise_sd) for cell in leads):
        row = {
            c.mix: lead for c, lead in leads.items() if (c.trials, c.noise_sd) == (trials, noise)
        }
        shown = [
            f"{row[mix][0]:.4f} {row[mix][1].mean():+.4f} ± {error(row[mix][1]):.4f}"
            if mix in row
            else ""
            for mix in MIXES
        ]
        print(f"| {trials}, {noise} | {' | '.join(shown)} |")


def compare(chosen: list[Cell], campaigns: int, *, is_known: bool) -> list[Standings]:
    """Two tables: true gains, and keeps with the share of them that gained nothing."""
    names = [name for name in RULES if not is_known or name != RULES[-1]]
    word = "known" if is_known else "unknown"
    print(f"\nMean true gain ± its standard error, {campaigns} campaigns a row, noise {word}:\n")
    print(f"| trials, noise, edits | {' | '.join(names)} | judge less best so far |")
    print("| --- " * (len(names) + 2) + "|")
    keeps, found, leads = [], [], {}
    for cell in chosen:
        results, said = rivals(cell, campaigns, is_known=is_known)
        print(gains_row(cell, results), flush=True)
        keeps.append(keeps_row(cell, results))
        found.append(said)
        base = results["best so far"].gain
        leads[cell] = float(base.mean()), results["judge"].gain - base
    overview(leads)
    behind = [str(cell) for cell, (_, lead) in leads.items() if lead.mean() < -2 * error(lead)]
    noisy = [lead for cell, (_, lead) in leads.items() if cell.noise_sd >= 0.02]
    ahead = sum(bool(lead.mean() > 2 * error(lead)) for lead in noisy)
    print(f"\nBehind best so far by 2 standard errors or more: {'; '.join(behind) or 'nowhere'}.")
    print(f"Ahead by more than 2 from noise 0.02 on: in {ahead} of {len(noisy)} rows.")
    print(f"\nKeeps a campaign, and the share of them that gained nothing, noise {word}:\n")
    print(f"| trials, noise, edits | {' | '.join(names)} |")
    print("| --- " * (len(names) + 1) + "|")
    print("\n".join(keeps))
    return found


def calibration(found: list[Standings]) -> None:
    """Of keeps with such a P(real), how many are."""
    said = np.concatenate([one.p_real for one in found])
    real = np.concatenate([one.is_real for one in found])
    print("\nP(real) of all keeps at the campaign's end, noise unknown:\n")
    print("| P(real) | keeps | mean P(real) | share above zero |\n| --- | --- | --- | --- |")
    for low, high in zip(BINS, BINS[1:], strict=False):
        inside = (said >= low) & (said < high if high < 1 else said <= high)
        if inside.any():
            means = f"{said[inside].mean():.3f} | {real[inside].mean():.3f}"
            print(f"| {low} to {high} | {inside.sum()} | {means} |")


def closing(chosen: list[Cell], campaigns: int, value: Value) -> None:
    """What a closing reserve costs and says, beside spending all on proposals."""
    print(
        f"\nThe last {RESERVE:.0%} of the trials on repeats by {value.__name__}, noise unknown:\n"
    )
    heads = "all on proposals | with repeats | keeps a campaign, false"
    heads += " | confirmed, false | withdrawn, false"
    print(f"| trials, noise, edits | {heads} |\n" + "| --- " * 6 + "|")
    for cell in chosen:
        world = draw(cell.mix, campaigns, cell.trials, cell.noise_sd, seed=cell.seed)
        without = filtered(world, learned_prior(), is_known=False).score.result.gain
        said = standings(
            filtered(world, learned_prior(), is_known=False, reserve=RESERVE, value=value)
        )
        gains = [f"{gain.mean():+.4f} ± {error(gain):.4f}" for gain in (without, said.gain)]
        counts = []
        for chosen_ones in (
            np.ones(len(said.is_real), dtype=np.bool_),
            said.standing == "confirmed",
            said.standing == "withdrawn",
        ):
            false = np.mean(~said.is_real[chosen_ones]) if chosen_ones.any() else 0.0
            counts.append(f"{chosen_ones.sum() / campaigns:.2f}, {false:.1%}")
        print(f"| {cell} | {' | '.join([*gains, *counts])} |", flush=True)


def judge(*, quick: bool = False) -> None:
    campaigns, chosen = (QUICK if quick else CAMPAIGNS), cells(quick=quick)
    compare(chosen, campaigns, is_known=True)
    calibration(compare(chosen, campaigns, is_known=False))
    for value in (value_of_repeat, value_of_confirming):
        closing([cell for cell in chosen if cell.mix == CLOSED], campaigns, value)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="60 campaigns, four rows")
    judge(quick=parser.parse_args().quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
