"""A rival: a plain decoder-only transformer of Thinker's size, under the same contract as train.py.

    python inspirations/plain_transformer.py --budget-s 900

The question and the answer stand in one sequence; layers of causal self-attention with rotary positions predict the
next symbol. Symbols, digit order, data, curriculum, optimiser and schedule are train.py's own (they are imported from
it), so that a comparison is one of the models alone. What Thinker adds is what is missing here: weights shared over
thinking steps, free latents, memory of earlier steps, and positions counted from both ends of an operand. On CUDA
Thinker's block is compiled for long trainings; this model's layers are not.
"""

import time

CLOCK_START = time.monotonic()  # as in train.py

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

D_MODEL = {"cpu": 32, "gpu": 128}  # width
N_HEAD = {"cpu": 2, "gpu": 4}      # attention heads
N_LAYER = {"cpu": 4, "gpu": 4}     # layers, each with its own weights
MLP_RATIO = 8 / 3                  # hidden width of the SwiGLU, in widths

VERBS = ("copy", "reverse", "rotate", "sort", "cumsum", "add", "mul", "factor")
NUMBER_VERBS = ("add", "mul", "factor")
SYMBOLS = "0123456789*^"
END, START = 12, 13
N_OUTPUT, N_TOKENS = 13, 14 + len(VERBS)
SOLVE_ROWS = 256


@dataclass(frozen=True)
class Config:
    d_model: int
    n_head: int
    n_layer: int
    d_mlp: int


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.n_head = c.n_head
        self.norm1 = nn.Parameter(torch.ones(c.d_model))
        self.norm2 = nn.Parameter(torch.ones(c.d_model))
        self.qkv = nn.Linear(c.d_model, 3 * c.d_model, bias=False)
        self.out = nn.Linear(c.d_model, c.d_model, bias=False)
        self.up = nn.Linear(c.d_model, 2 * c.d_mlp, bias=False)
        self.down = nn.Linear(c.d_mlp, c.d_model, bias=False)

    def forward(self, x, rotation, cache=None):
        """x (B, N, d); with a cache (a list of one pair) x comes after what is in it, and is added to it."""
        B, N, d = x.shape
        q, k, v = self.qkv(F.rms_norm(x, (d,), self.norm1)).view(B, N, 3, self.n_head, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, rotation), rotate(k, rotation)
        if cache:
            k, v = torch.cat((cache[0][0], k), dim=2), torch.cat((cache[0][1], v), dim=2)
        if cache is not None:
            cache[:] = [(k, v)]
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=N > 1)
        x = x + self.out(seen.transpose(1, 2).reshape(B, N, d))
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def rotate(x, rotation):
    cos, sin = rotation
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).to(x.dtype)


class PlainTransformer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.token = nn.Embedding(N_TOKENS, c.d_model)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.n_layer))
        self.norm = nn.Parameter(torch.ones(c.d_model))
        self.head = nn.Linear(c.d_model, N_OUTPUT, bias=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.5 if "token" in name else p.shape[1] ** -0.5)
        for layer in self.layers:
            for p in (layer.out.weight, layer.down.weight):
                nn.init.normal_(p, std=0.5 * p.shape[1] ** -0.5)

    def rotation(self, start, n, device):
        """cos and sin (n, pairs) of the places start, start + 1, ..."""
        pairs = self.config.d_model // self.config.n_head // 2
        freq = 1000.0 ** (-torch.arange(pairs, device=device) / pairs)
        angle = torch.arange(start, start + n, device=device)[:, None] * freq
        return angle.cos(), angle.sin()

    def forward(self, tokens, layout, previous, n_steps=None, n_latents=None, memory=None):
        """Logits (B, L, N_OUTPUT) of each answer symbol; tokens (B, M), previous (B, L) is the answer moved by one."""
        return self.extend(torch.cat((tokens, previous), dim=1), 0)[:, tokens.shape[1] :]

    def extend(self, tokens, start, caches=None):
        """Logits (B, N, N_OUTPUT) after each of these tokens, which begin at place `start`."""
        rotation = self.rotation(start, tokens.shape[1], tokens.device)
        x = self.token(tokens)
        for i, layer in enumerate(self.layers):
            x = layer(x, rotation, caches[i] if caches is not None else None)
        return self.head(F.rms_norm(x, x.shape[-1:], self.norm))


def encode(question):
    """A question as tokens, numbers padded with zeros to the longest and lowest digit first, as in train.py."""
    verb, *operands = question.split()
    if verb in NUMBER_VERBS:
        width = max(len(operand) for operand in operands)
        operands = [operand.rjust(width, "0")[::-1] for operand in operands]
    tokens = [14 + VERBS.index(verb)]
    for operand in operands:
        tokens += [START, *(ord(c) - 48 for c in operand), END]
    return tokens


def decode(verb, tokens):
    text = "".join(SYMBOLS[t] for t in (tokens[: tokens.index(END)] if END in tokens else tokens))
    return text[::-1] if verb in ("add", "mul") else text


def generate(model, question, limit):
    """Answers (B, <= limit) to questions (B, M), symbol by symbol."""
    rows, M = question.shape
    caches = [[] for _ in model.layers]
    model.extend(question, 0, caches)
    symbol = torch.full((rows, 1), START, device=question.device)
    answers, done = symbol[:, :0], torch.zeros(rows, dtype=torch.bool, device=question.device)
    for i in range(limit):
        symbol = model.extend(symbol, M + i, caches).argmax(-1)
        answers = torch.cat((answers, symbol), dim=1)
        done |= symbol[:, 0] == END
        if done.all():
            break
    return answers


def make_solver(model, device):
    @torch.inference_mode()
    def solver(questions, **compute):
        groups = {}  # questions of one length are answered together, so that nothing needs padding
        for i, question in enumerate(questions):
            tokens = encode(question)
            groups.setdefault(len(tokens), []).append((i, question.split()[0], tokens))
        answers = [""] * len(questions)
        for length, group in groups.items():
            for start in range(0, len(group), SOLVE_ROWS):
                rows = group[start : start + SOLVE_ROWS]
                tokens = torch.tensor([row[2] for row in rows], device=device)
                for (i, verb, _), symbols in zip(rows, generate(model, tokens, length + 12).tolist(), strict=True):
                    answers[i] = decode(verb, symbols)
        return answers

    return solver


def load_solver(checkpoint, device):
    """A solver from a loaded checkpoint (a flat dict of tensors, strings and numbers)."""
    model = PlainTransformer(Config(**{name: checkpoint[name] for name in ("d_model", "n_head", "n_layer", "d_mlp")}))
    prefix = "model."
    model.load_state_dict({k[len(prefix) :]: v for k, v in checkpoint.items() if k.startswith(prefix)})
    return make_solver(model.to(device).float().eval(), device)


# ---------------------------------------------------------------------------
# Training: train.py's, with this model
# ---------------------------------------------------------------------------


def build(preset):
    d_model = D_MODEL[preset]
    return PlainTransformer(Config(d_model, N_HEAD[preset], N_LAYER[preset], int(MLP_RATIO * d_model)))


def trainer():
    """train.py of the checkout that the harness belongs to, as a module."""
    import harness

    spec = importlib.util.spec_from_file_location("thinker_train", Path(harness.__file__).parents[1] / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.CLOCK_START = CLOCK_START
    return module


if __name__ == "__main__":
    sys.exit(trainer().main(build=build, load=load_solver, source=Path(__file__)))
