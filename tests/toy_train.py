"""A small but real train.py: learns to copy, reverse and rotate up to 9 digits in about a second.

It keeps the whole contract of train.py and stands in for it where a test needs a training that is
quick: one attention table looked up by operation, length and place, and one table of symbols.
"""

import time

CLOCK_START = time.monotonic()

import argparse  # noqa: E402
import json  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
from pathlib import Path  # noqa: E402

import torch  # noqa: E402
from torch import nn  # noqa: E402

LEARNING_RATE = 0.1  # Adam's                    [0.01, 0.3] log
BATCH = 256  # problems a step
STEPS = 100  # enough for an exact match of 1 on what it can learn
LONGEST = 9  # digits of an operand that it looks at
MEASURE_EVERY = 20  # steps between two lines of metrics

# ---------------------------------------------------------------------------
# Model and solver
# ---------------------------------------------------------------------------

SHIFTS = tuple(f"rotate {k}" for k in range(1, 10))
OPERATIONS = ("copy", "reverse", *SHIFTS, "sort", "cumsum", "add", "mul", "factor")


class Router(nn.Module):
    """Each place of the answer looks at one place of the operand."""

    def __init__(self, longest):
        super().__init__()
        self.longest = longest
        self.look = nn.Parameter(torch.randn(len(OPERATIONS), longest + 1, longest, longest))
        self.symbols = nn.Parameter(torch.randn(10, 10))

    def forward(self, operation, length, digits):
        """Operations (B,), lengths (B,), digits (B, longest) -> logits (B, longest, 10)."""
        inside = torch.arange(self.longest) < length[:, None]  # (B, longest)
        look = self.look[operation, length].masked_fill(~inside[:, None, :], -1e4)
        return look.softmax(-1) @ self.symbols[digits]


def parse(question, longest):
    verb, *operands = question.split()
    name = f"{verb} {operands[0]}" if verb == "rotate" else verb
    return OPERATIONS.index(name), operands[-1][:longest]


def pad(rows, longest):
    return torch.tensor([[int(c) for c in row] + [0] * (longest - len(row)) for row in rows])


def load_solver(checkpoint, device):
    model = Router(checkpoint["longest"])
    model.load_state_dict({name: checkpoint[name] for name in ("look", "symbols")})
    model.to(device).eval()

    @torch.inference_mode()
    def solver(questions, **compute):
        operations, rows = zip(*(parse(q, model.longest) for q in questions), strict=True)
        lengths = [len(row) for row in rows]
        arguments = (torch.tensor(operations), torch.tensor(lengths), pad(rows, model.longest))
        best = model(*(a.to(device) for a in arguments)).argmax(-1).tolist()
        return ["".join(map(str, out[:n])) for out, n in zip(best, lengths, strict=True)]

    return solver


# ---------------------------------------------------------------------------
# Data, training, files
# ---------------------------------------------------------------------------


def make_batch(rng):
    operations, rows, answers = [], [], []
    for _ in range(BATCH):
        row = "".join(rng.choices("0123456789", k=rng.randint(4, LONGEST)))
        name = rng.choice(["copy", "reverse", *SHIFTS[: len(row) - 1]])
        k = int(name[7:]) if name.startswith("rotate") else 0
        operations.append(OPERATIONS.index(name))
        rows.append(row)
        answers.append(row[::-1] if name == "reverse" else row[k:] + row[:k])
    lengths = torch.tensor([len(row) for row in rows])
    return torch.tensor(operations), lengths, pad(rows, LONGEST), pad(answers, LONGEST)


def save(model, args, step, out):
    numbers = {"longest": LONGEST, "seed": args.seed, "step": step, "samples": step * BATCH}
    words = {"preset": "cpu", "tasks": args.tasks}
    n_params = {"n_params": sum(p.numel() for p in model.parameters())}
    torch.save(model.state_dict() | numbers | words | n_params, out / "checkpoint.tmp")
    (out / "checkpoint.tmp").replace(out / "checkpoint.pt")  # written last, so it is complete


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget-s", type=float, default=900)
    parser.add_argument("--out", type=Path, default=Path("results/by-hand/toy"))
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--preset", default="auto", choices=("auto", "cpu", "gpu"))
    parser.add_argument("--tasks", default="all")
    parser.add_argument("--max-steps", type=int, default=STEPS)
    parser.add_argument("--no-score", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(__file__, args.out / "train.py")
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    model = Router(LONGEST)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)

    step, loss_value = 0, None
    with open(args.out / "metrics.jsonl", "w") as metrics:  # noqa: PTH123
        while step < min(args.max_steps, STEPS):
            seconds = time.monotonic() - CLOCK_START
            if seconds > args.budget_s - 0.5:
                break
            operation, length, digits, target = make_batch(rng)
            logits = model(operation, length, digits)
            inside = torch.arange(LONGEST) < length[:, None]
            loss = nn.functional.cross_entropy(logits[inside], target[inside])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step, loss_value = step + 1, loss.item()
            assert loss_value == loss_value, f"loss is NaN at step {step}"
            if step % MEASURE_EVERY == 0:
                right = ((logits.argmax(-1) == target) | ~inside).all(1).float().mean().item()
                line = {"step": step, "seconds": seconds, "samples": step * BATCH}
                line |= {"loss": loss_value, "lr": LEARNING_RATE}
                line |= {"progress": max(seconds / args.budget_s, step / STEPS)}
                line |= {"exact_match": {f"copy:{LONGEST}": right}, "frontier": {"copy": LONGEST}}
                print(json.dumps(line), file=metrics, flush=True)
    save(model, args, step, args.out)
    print(f"---\nsteps: {step}\nloss: {loss_value}\nseconds: {time.monotonic() - CLOCK_START:.1f}")


if __name__ == "__main__":
    main()
