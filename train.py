"""Thinker: a small latent transformer that learns algorithms from easy to hard.

    python train.py                          15 minutes, then its accuracy on problems it has never seen, and a curve
    python train.py --tasks add:1-10 --budget-s 90

One block is applied again and again (thinking steps). It moves a set of latent vectors: a few *free latents*, and one
*output slot* for each symbol of the answer. In every step every latent looks at the question (cross-attention on the
input), at the latents of this step, and at the latents of all earlier steps (memory). Answers are written one symbol
after another; sums and products from their lowest digit up.

Read it top to bottom: constants, layout of questions, model, solver (up to here it is what a scorer needs), then data,
curriculum, training.
"""

import time

CLOCK_START = time.monotonic()  # the budget counts from here: imports, compilation and the last save are inside it

import argparse
import errno
import io
import json
import math
import os
import random
import signal
import sys
import tempfile
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from itertools import count
from pathlib import Path

if __name__ == "__main__":  # importing torch takes seconds, and there is nothing to save yet
    signal.signal(signal.SIGINT, lambda number, frame: sys.exit(130))

import torch
import torch.nn.functional as F
from torch import nn

from harness import problems

# ---------------------------------------------------------------------------
# Constants: edit these. Where a value differs between presets it is a dict.
# ---------------------------------------------------------------------------

# model
D_MODEL       = {"cpu": 64, "gpu": 256}      # width of a latent                              [32, 512]
N_HEAD        = {"cpu": 4, "gpu": 8}         # attention heads                                [2, 16]
MLP_RATIO     = 2.0                          # hidden width of the SwiGLU, in widths          [1, 4]
N_STEPS       = {"cpu": 4, "gpu": 6}         # thinking steps, unless the solver is told      [1, 16]
N_LATENTS     = {"cpu": 4, "gpu": 8}         # free latents, unless the solver is told        [0, 32]
MAX_LATENTS   = {"cpu": 8, "gpu": 16}        # free latents there are to draw on
# thinking in training: the default most of the time, else one of these, so that both can be varied at solving time
DEFAULT_SHARE = 0.6                          # share of batches with the default amount       [0, 1]
STEPS_RANGE   = {"cpu": (2, 6), "gpu": (3, 9)}
MEMORY_OFF    = 0.1                          # share of batches that forget earlier steps     [0, 0.5]
THREADS       = 1                            # of a CPU; 2 are 1.3 times as fast when it is idle, far slower when busy
# optimiser
LEARNING_RATE = {"cpu": 2e-3, "gpu": 1e-3}   # peak, AdamW                                    [1e-4, 1e-2] log
WEIGHT_DECAY  = 0.01                         # on matrices only                               [0, 0.2]
BETAS         = (0.9, 0.98)                  # AdamW
GRAD_CLIP     = 1.0                          # largest gradient norm                          [0.1, 10] log
WARMUP_STEPS  = 100                          # optimiser steps of linear warm-up              [0, 1000]
COOLDOWN      = 0.6                          # last share of the budget: cosine down to 0     [0, 1]
# data and curriculum
BATCH         = {"cpu": 16, "gpu": 512}      # problems a step, where answers are short       [4, 8192] log
BATCH_SLOTS   = {"cpu": 272, "gpu": 16384}   # answer symbols a step, about: longer answers, fewer problems
PROMOTE_AT    = 0.9                          # exact match at the frontier that moves it on   [0.5, 1]
PROMOTE_BY    = 1.5                          # how much longer the next frontier is           [1.1, 2]
FRONTIER_BIAS = 0.7                          # share of problems from the upper half of the lengths
MASTERED      = 0.3                          # weight of a skill that is right at its full length
MAKE_AHEAD    = 8                            # batches made at a time
CARRY_SHARE   = 0.2                          # share of additions made to carry far
# of each skill: its task, its share of the batches, the length that it begins with
SKILLS = {
    "copy":    ("copy", 1.0, 8),
    "reverse": ("copy", 1.0, 8),
    "rotate":  ("copy", 1.0, 8),
    "sort":    ("copy", 1.0, 8),
    "cumsum":  ("copy", 1.0, 8),
    "add":     ("add", 3.0, 8),
    "mul":     ("mul", 3.0, 1),
    "factor":  ("factor", 1.5, 2),
}
# measuring and saving
MEASURE_EVERY = 0.04                         # share of the budget between measurements on public problems, and
MEASURE_SHARE = 0.05                         # how much of the time they may take
MEASURE_N     = {"cpu": 16, "gpu": 128}      # public problems a level
SAVE_EVERY_S  = 30.0                         # seconds between checkpoints while training
SYNC_EVERY    = {"cpu": 1, "cuda": 20, "mps": 4}  # batches between looks at figures and clock: each waits for the device
LOG_EVERY     = 0.01                         # share of the budget between lines of metrics.jsonl
COMPILE_FROM_S = 300.0                       # compiling takes up to a minute on CUDA: from this budget on it pays
EXIT_MARGIN_S = 1.0                          # seconds kept free at the end for the last save
SOLVE_ROWS    = {"cpu": 64, "cuda": 512, "mps": 256}  # questions answered at a time, by device

# ---------------------------------------------------------------------------
# Layout: how a question becomes vectors
# ---------------------------------------------------------------------------

VERBS = ("copy", "reverse", "rotate", "sort", "cumsum", "add", "mul", "factor")
NUMBER_VERBS = ("add", "mul", "factor")  # operands are numbers: position 0 is the lowest digit
SYMBOLS = "0123456789*^"                 # what answers are written with
END, START = 12, 13                      # END also closes each operand, START opens it
N_OUTPUT = 13                            # symbols and END
N_TOKENS = 14 + len(VERBS)


def operand_layout(lengths):
    """Segments and positions of [verb, operand, operand...] for operands of these lengths.

    A symbol has two positions, one counted from each end of its operand, so that "the same place", "the place before"
    and "the mirrored place" are all relative. START stands at (-1, n) and END at (n, -1).
    Operands are numbered from the last one back. Returns three lists of length 1 + sum(n + 2).
    """
    segment, low, high = [0], [0], [0]
    for i, n in enumerate(lengths):
        segment += [len(lengths) - i] * (n + 2)
        low += range(-1, n + 1)
        high += range(n, -2, -1)
    return segment, low, high


def encode(question):
    """A question as (lengths of its operands, tokens); numbers lowest digit first, with zeros up to the longest."""
    verb, *operands = question.split()
    if verb in NUMBER_VERBS:
        width = max(len(operand) for operand in operands)
        operands = [operand.rjust(width, "0")[::-1] for operand in operands]
    tokens = [14 + VERBS.index(verb)]
    for operand in operands:
        tokens += [START, *(ord(c) - 48 for c in operand), END]
    return tuple(len(operand) for operand in operands), tokens


def decode(verb, tokens):
    """The answer's text from its symbols, up to END."""
    text = "".join(SYMBOLS[t] for t in (tokens[: tokens.index(END)] if END in tokens else tokens))
    return text[::-1] if verb in ("add", "mul") else text


# ---------------------------------------------------------------------------
# Model
# ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Config:
    """The sizes, which a checkpoint carries."""

    d_model: int
    n_head: int
    d_mlp: int
    n_steps: int
    n_latents: int
    max_latents: int


class Block(nn.Module):
    """The one block: attention over the input, this step's latents and memory, then a SwiGLU."""

    def __init__(self, c):
        super().__init__()
        self.n_head, self.head_dim = c.n_head, c.d_model // c.n_head
        self.norm1 = nn.Parameter(torch.ones(c.d_model))
        self.norm2 = nn.Parameter(torch.ones(c.d_model))
        self.qkv = nn.Linear(c.d_model, 3 * c.d_model, bias=False)
        self.out = nn.Linear(c.d_model, c.d_model, bias=False)
        self.up = nn.Linear(c.d_model, 2 * c.d_mlp, bias=False)
        self.down = nn.Linear(c.d_mlp, c.d_model, bias=False)

    def project(self, x, rotation):
        """x (B, N, d) -> queries, keys, values (B, n_head, N, head_dim), turned to their positions."""
        B, N, d = x.shape
        h = self.qkv(F.rms_norm(x, (d,), self.norm1)).view(B, N, 3, self.n_head, self.head_dim)
        qk = rotate(h[:, :, :2], rotation)
        return qk[:, :, 0].transpose(1, 2), qk[:, :, 1].transpose(1, 2), h[:, :, 2].transpose(1, 2)

    def forward(self, x, q, k, v, mask):
        """One thinking step: x (B, N, d) sees keys k and values v (B, n_head, K, head_dim) where mask (N, K) allows."""
        B, N, d = x.shape
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(seen.transpose(1, 2).reshape(B, N, d))
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def rotate(x, rotation):
    """Rotary positions (Su et al. 2021): turn pairs of x (B, N, ..., head_dim) by the angles of their place."""
    cos, sin = rotation
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1).to(x.dtype)  # angles are never rounded to bf16


class Thinker(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.token = nn.Embedding(N_TOKENS, c.d_model)
        self.segment = nn.Embedding(3, c.d_model)
        self.latent = nn.Parameter(torch.randn(c.max_latents, c.d_model))
        self.read = nn.Linear(c.d_model, 2 * c.d_model, bias=False)  # the input's keys and values
        self.block = Block(c)
        self.norm = nn.Parameter(torch.ones(c.d_model))
        self.head = nn.Linear(c.d_model, N_OUTPUT, bias=False)
        for name, p in self.named_parameters():
            if p.dim() == 2 and name != "latent":
                nn.init.normal_(p, std=0.5 if "token" in name or "segment" in name else p.shape[1] ** -0.5)
        for p in (self.block.out.weight, self.block.down.weight):
            nn.init.normal_(p, std=0.5 * p.shape[1] ** -0.5)

        # Half of the pairs turn with the position from the low end, three eighths with that from the high end,
        # the rest with the thinking step, which tells a memory's age.
        pairs = c.d_model // c.n_head // 2
        n_high, n_step = 3 * pairs // 8, max(1, pairs // 8)
        n_low = pairs - n_high - n_step
        freq = torch.zeros(3, pairs)
        freq[0, :n_low] = frequencies(n_low)
        freq[1, n_low : n_low + n_high] = frequencies(n_high)
        freq[2, n_low + n_high :] = frequencies(n_step)
        self.register_buffer("freq", freq, persistent=False)

    def rotation(self, low, high, step):
        """cos and sin (N, 1, 1, pairs) of the angles at positions low, high (N,) and a thinking step.

        Written out: autocast would round the positions to bf16 in a matrix product.
        """
        angle = low[:, None] * self.freq[0] + high[:, None] * self.freq[1] + step * self.freq[2]
        return angle.cos()[:, None, None], angle.sin()[:, None, None]

    def read_input(self, tokens, layout):
        """Keys and values (B, n_head, M, head_dim) of the question, for all steps, and the verb's vector (B, 1, d)."""
        segment, low, high = layout
        verb = self.token(tokens[:, :1])
        x = self.token(tokens) + self.segment(segment) + verb
        B, M, d = x.shape
        kv = self.read(F.rms_norm(x, (d,))).view(B, M, 2, self.config.n_head, -1)
        k = rotate(kv[:, :, :1], self.rotation(low, high, 0))[:, :, 0]
        return k.transpose(1, 2), kv[:, :, 1].transpose(1, 2), verb

    def think(self, x, place, question, past, n_steps, reach, mask=None):
        """Take vectors x (B, N, d) at places (N,) through the thinking steps; returns them.

        They see the question (keys and values), and the latents of this step and of `reach` steps before it: those in
        past, which holds keys and values by step and takes in x's. Columns of mask (N, M + N + N ...) say who sees
        whom of the question, one step, the next; None: all see all.
        """
        for step in range(n_steps):
            q, k, v = self.block.project(x, self.rotation(place, place, step))
            if step < len(past):
                past[step] = torch.cat((past[step][0], k), dim=2), torch.cat((past[step][1], v), dim=2)
            else:
                past.append((k, v))
            keys, values = zip(question, *past[max(0, step - reach) : step + 1], strict=True)
            k, v = torch.cat(keys, dim=2), torch.cat(values, dim=2)
            x = self.block(x, q, k, v, None if mask is None else mask[:, : k.shape[2]])
        return x

    def say(self, x):
        """Logits (B, N, N_OUTPUT) of slots x (B, N, d)."""
        return self.head(F.rms_norm(x, x.shape[-1:], self.norm))

    def forward(self, tokens, layout, previous, n_steps, n_latents, memory=True):
        """Logits (B, L, N_OUTPUT) of each answer symbol, given the question and the symbols before it.

        tokens (B, M) is the question, layout its segments and positions (M,), previous (B, L) the answer moved by
        one: START, then its symbols. Free latents see no slot, and a slot sees none after it: what it says cannot
        depend on the symbol that is to be said, or on a later one.
        """
        *question, verb = self.read_input(tokens, layout)
        latents = self.latent[:n_latents].expand(len(tokens), -1, -1)
        x = torch.cat((latents, self.token(previous)), dim=1) + verb
        index = torch.arange(x.shape[1], device=x.device)
        own = (index <= index[:, None]) | ((index < n_latents) & (index[:, None] < n_latents))  # row sees column
        back = reach(memory, n_steps)
        mask = torch.cat((own.new_ones(len(own), tokens.shape[1]), own.repeat(1, back + 1)), dim=1)
        place = (index - n_latents).clamp(min=0)  # free latents stand at 0
        return self.say(self.think(x, place, question, [], n_steps, back, mask)[:, n_latents:])


def reach(memory, n_steps):
    """How many steps back latents are remembered: memory is True (all), False (none) or that number."""
    return n_steps if memory is True else int(memory)


def build(preset):
    """A fresh model of a preset's sizes."""
    d_mlp = int(MLP_RATIO * D_MODEL[preset])
    thinking = N_STEPS[preset], N_LATENTS[preset], MAX_LATENTS[preset]
    if thinking[1] > thinking[2]:
        raise ValueError(f"N_LATENTS is {thinking[1]}, and MAX_LATENTS, all that there are to draw on, {thinking[2]}")
    return Thinker(Config(D_MODEL[preset], N_HEAD[preset], d_mlp, *thinking))


def frequencies(n):
    """n angles a place, from a turn in six places down to one in 800."""
    return torch.logspace(0, -math.log10(128), n) if n > 1 else torch.ones(n)


# ---------------------------------------------------------------------------
# Solver: text in, text out. Everything above and this is all that is needed to score a checkpoint
# ---------------------------------------------------------------------------

def generate(model, tokens, layout, limit, n_steps, n_latents, memory):
    """Answers (B, <= limit) to questions (B, M), symbol by symbol, each the most likely after the ones before.

    The latents and every slot are computed once: nothing that they see comes after them.
    """
    *question, verb = model.read_input(tokens, layout)
    thinking = question, [], n_steps, reach(memory, n_steps)
    if n_latents:
        place = torch.zeros(n_latents, dtype=torch.long, device=tokens.device)
        model.think(model.latent[:n_latents].expand(len(tokens), -1, -1) + verb, place, *thinking)
    symbol = torch.full((len(tokens), 1), START, device=tokens.device)
    answers = [symbol]
    done = torch.zeros_like(symbol, dtype=torch.bool)
    while len(answers) <= limit and not done.all():
        place = torch.tensor([len(answers) - 1], device=tokens.device)
        symbol = model.say(model.think(model.token(symbol) + verb, place, *thinking)).argmax(-1)
        answers.append(symbol)
        done |= symbol == END
    return torch.cat(answers[1:], dim=1)


def make_solver(model, device):
    """solver(questions, n_steps=, n_latents=, memory=) -> answers, in the order of the questions.

    memory: True, False, or for how many steps back latents are remembered.
    """
    c = model.config

    @torch.inference_mode()
    def solver(questions, n_steps=c.n_steps, n_latents=c.n_latents, memory=True):
        if not (n_steps >= 1 and 0 <= n_latents <= c.max_latents and memory >= 0):
            most = f"1 step or more, 0 to {c.max_latents} latents, memory of 0 steps or more"
            raise ValueError(f"{n_steps=}, {n_latents=}, {memory=}: it takes {most}")
        at_once = SOLVE_ROWS[torch.device(device).type]
        groups = {}  # questions of one layout are answered together, so that nothing needs padding
        for i, question in enumerate(questions):
            lengths, tokens = encode(question)
            groups.setdefault(lengths, []).append((i, question.split()[0], tokens))
        answers = [""] * len(questions)
        for lengths, group in groups.items():
            layout = torch.tensor(operand_layout(lengths), device=device)
            for start in range(0, len(group), at_once):
                rows = group[start : start + at_once]
                tokens = torch.tensor([row[2] for row in rows], device=device)
                written = generate(model, tokens, layout, sum(lengths) + 12, n_steps, n_latents, memory).tolist()
                for (i, verb, _), symbols in zip(rows, written, strict=True):
                    answers[i] = decode(verb, symbols)
        return answers

    return solver


def load_solver(checkpoint, device):
    """A solver from a loaded checkpoint (a flat dict of tensors, strings and numbers)."""
    sizes = ("d_model", "n_head", "d_mlp", "n_steps", "n_latents", "max_latents")
    model = Thinker(Config(**{name: checkpoint[name] for name in sizes}))
    prefix = "model."
    model.load_state_dict({k[len(prefix) :]: v for k, v in checkpoint.items() if k.startswith(prefix)})
    return make_solver(model.to(device).float().eval(), device)


# ---------------------------------------------------------------------------
# Data: endless fresh problems of each skill, made on the device
# ---------------------------------------------------------------------------
# A maker returns the operands (B, n) as they stand in a question (numbers lowest digit first) and the answer (B, L):
# END after its last symbol, IGNORE after that.

IGNORE = -100


def digits(rows, n, device):
    return torch.randint(10, (rows, n), device=device)


def make_string(answer):
    """A maker of questions about a string of digits s (B, n), and their answers."""

    def make(rows, n, device):
        s = digits(rows, n, device)
        return (s,), F.pad(answer(s), (0, 1), value=END)

    return make


def make_rotate(rows, n, device):
    s = digits(rows, n, device)
    k = torch.randint(1, min(9, n - 1) + 1, (rows, 1), device=device)
    return (k, s), F.pad(s.gather(1, (torch.arange(n, device=device) + k) % n), (0, 1), value=END)


def shorten(number, share):
    """Zero the upper digits of some numbers (B, n), so that shorter ones are met too."""
    rows, n = number.shape
    shorter = torch.randint(1, n + 1, (rows, 1), device=number.device)
    length = torch.where(torch.rand(rows, 1, device=number.device) < share, shorter, n)
    return number * (torch.arange(n, device=number.device) < length)


def make_add(rows, n, device):
    a, b = digits(rows, n, device), digits(rows, n, device)
    far = torch.rand(rows, 1, device=device) < CARRY_SHARE  # digits that add to 9 pass a carry on
    b = torch.where(far & (torch.rand(rows, n, device=device) < 0.8), 9 - a, b)
    a, b = shorten(a, 0.1), shorten(b, 0.1)
    return (a, b), number_answer(carry_once(a + b))


def make_mul(rows, n, device):
    a, b = shorten(digits(rows, n, device), 0.1), shorten(digits(rows, n, device), 0.1)
    product = torch.zeros(rows, 2 * n, dtype=torch.long, device=device)
    for i in range(n):
        product[:, i : i + n] += a[:, i : i + 1] * b
    while True:  # at most 81 n a place, so a few rounds leave nothing over 18
        carry = product // 10
        if not (product > 18).any():
            return (a, b), number_answer(carry_once(product))
        product = product % 10 + F.pad(carry[:, :-1], (1, 0))


def carry_once(sums):
    """Digits of numbers given as places (B, n) of at most 18 each, as (B, n + 1), without a loop over the places.

    A place over 9 makes a carry, a place of 9 passes one on: the carry out of a place is that of the last place at or
    before it that is not 9 (carry look-ahead, as in hardware adders).
    """
    index = torch.arange(sums.shape[1], device=sums.device)
    source = torch.where(sums != 9, index, -1).cummax(1).values
    out = (sums.gather(1, source.clamp(min=0)) > 9) & (source >= 0)
    return (F.pad(sums, (0, 1)) + F.pad(out, (1, 0))) % 10


def number_answer(number):
    """Digits (B, n), lowest first, as an answer without leading zeros."""
    number = F.pad(number, (0, 1))
    place = torch.arange(1, number.shape[1] + 1, device=number.device)
    return close(number, ((number > 0) * place).amax(1, keepdim=True).clamp(min=1))


@cache
def primes(device, limit=10**6):
    prime = torch.ones(limit, dtype=torch.bool)
    prime[:2] = False
    for p in range(2, math.isqrt(limit) + 1):
        if prime[p]:
            prime[p * p :: p] = False
    return prime.nonzero()[:, 0].to(device)


def make_factor(rows, n, device):
    """Numbers of n digits: any up to six digits, beyond that products of two primes of about half as many."""
    if n > 6:
        halves = (n // 2, n - n // 2), ((n + 1) // 2, (n + 1) // 2)
        pairs = torch.cat([torch.stack([random_primes(k, 8 * rows, device) for k in half], dim=1) for half in halves])
        pairs = pairs[(pairs.prod(1) >= 10 ** (n - 1)) & (pairs.prod(1) < 10**n)]  # half of them or more
        factors = pairs[torch.randint(len(pairs), (rows,), device=device)].sort(dim=1).values
        square = (factors[:, :1] == factors[:, 1:]).long()
        return (to_digits(factors.prod(1), n),), factor_answer(factors, torch.cat((1 + square, 1 - square), dim=1))
    number = rest = torch.randint(max(2, 10 ** (n - 1)), 10**n, (rows,), device=device)
    small = primes(device)[: 168 if n > 4 else 25]  # below 1000, below 100
    powers = torch.zeros(rows, len(small), dtype=torch.long, device=device)
    while (divides := rest[:, None] % small == 0).any():
        powers = powers + divides
        rest = rest // torch.where(divides, small, 1).prod(1)
    factors = torch.cat((small.expand(rows, -1), rest[:, None]), dim=1)  # what is left is 1 or prime
    powers = torch.cat((powers, (rest > 1)[:, None].long()), dim=1)
    order = (powers > 0).long().sort(dim=1, descending=True, stable=True).indices[:, :7]  # 7 primes: up to 510510
    return (to_digits(number, n),), factor_answer(factors.gather(1, order), powers.gather(1, order))


def random_primes(k, rows, device):
    """Primes of k digits, uniformly."""
    below = [int((primes("cpu") < limit).sum()) for limit in (10 ** (k - 1), 10**k)]
    return primes(device)[torch.randint(*below, (rows,), device=device)]


def to_digits(number, n):
    """(...) -> (..., n), lowest digit first."""
    return number[..., None] // (10 ** torch.arange(n, device=number.device)) % 10


def factor_answer(factors, powers):
    """Primes and powers (B, k), those of power 0 unused and last, as symbols such as 2^3*3^2*5.

    Every prime gets a field of ten symbols, *pppppp^ee; what is not shown is then squeezed out.
    """
    star, caret = torch.full_like(factors, 10)[..., None], torch.full_like(factors, 11)[..., None]
    prime, power = to_digits(factors, 6).flip(-1), to_digits(powers, 2).flip(-1)
    field = torch.cat((star, prime, caret, power), dim=-1)  # (B, k, 10)
    used, raised = (powers > 0)[..., None], (powers > 1)[..., None]
    digits = (factors[..., None] >= 10 ** torch.arange(6, device=factors.device)).flip(-1)  # no leading zeros
    later = torch.arange(factors.shape[1], device=factors.device)[:, None] > 0  # no star before the first
    show = torch.cat((used & later, used & digits, raised, (powers > 9)[..., None], raised), dim=-1).flatten(1)
    order = show.long().sort(dim=1, descending=True, stable=True).indices
    length = show.sum(1, keepdim=True)
    text = F.pad(field.flatten(1).gather(1, order), (0, 1))[:, : int(length.max()) + 1]
    return close(text, length)


def close(symbols, length):
    """Symbols (B, n) up to their length (B, 1), then END, then IGNORE."""
    index = torch.arange(symbols.shape[1], device=symbols.device)
    return symbols.where(index < length, torch.where(index == length, END, IGNORE))


MAKERS = {
    "copy": make_string(lambda s: s),
    "reverse": make_string(lambda s: s.flip(1)),
    "rotate": make_rotate,
    "sort": make_string(lambda s: s.sort(dim=1).values),
    "cumsum": make_string(lambda s: s.cumsum(1) % 10),
    "add": make_add,
    "mul": make_mul,
    "factor": make_factor,
}


def make_batch(skill, n, rows, device):
    """tokens (B, M), layout (3, M), previous (B, L), target (B, L) of fresh problems of one length."""
    operands, answer = MAKERS[skill](rows, n, device)
    column = torch.ones(rows, 1, dtype=torch.long, device=device)
    tokens = [column * (14 + VERBS.index(skill))]
    for operand in operands:
        tokens += [column * START, operand, column * END]
    layout = torch.tensor(operand_layout([operand.shape[1] for operand in operands]), device=device)
    previous = torch.cat((column * START, answer[:, :-1].clamp(min=0)), dim=1)
    return torch.cat(tokens, dim=1), layout, previous, answer


class Stream:
    """Fresh problems, made for several batches at a time: making them costs by the call, hardly by the problem."""

    def __init__(self, device):
        self.device = device
        self.left = {}  # (skill, n): batches not used yet

    def next(self, skill, n, rows):
        if not self.left.get((skill, n)):
            if len(self.left) > 500:  # lengths that the curriculum has left behind
                self.left.clear()
            tokens, layout, *answers = make_batch(skill, n, rows * MAKE_AHEAD, self.device)
            parts = zip(*(tensor.split(rows) for tensor in (tokens, *answers)), strict=True)
            self.left[skill, n] = [(tokens, layout, previous, target) for tokens, previous, target in parts]
        return self.left[skill, n].pop()


# ---------------------------------------------------------------------------
# Curriculum: each skill from short to long, as fast as it is mastered
# ---------------------------------------------------------------------------


class Curriculum:
    """Which skill, and how long, comes next. The frontier of a skill is the longest problem that it meets.

    It moves on when fresh problems near it are right as a whole: every symbol, each predicted from the question and
    the right symbols before it. Such an answer is also what generation would write (the first symbol is right, so the
    second is asked with the right one before it, and so on), so this is exact match on unseen problems, at no cost.
    Batches that think less than the solver will do not count.
    """

    def __init__(self, tasks, seed):
        self.random = random.Random(seed)
        self.skills = [skill for skill, (task, *_) in SKILLS.items() if task in tasks]
        self.shortest, self.longest, self.frontier = {}, {}, {}
        for skill in self.skills:
            task, _, first = SKILLS[skill]
            low, high = tasks[task]
            self.shortest[skill] = max(low, 2) if skill == "rotate" else low
            self.longest[skill] = max(high, self.shortest[skill])
            self.frontier[skill] = min(max(first, self.shortest[skill]), self.longest[skill])
        self.recent = {skill: deque(maxlen=8) for skill in self.skills}  # shares right near the frontier, by batch

    def next(self):
        weights = [SKILLS[s][1] * (MASTERED if self.is_mastered(s) else 1.0) for s in self.skills]
        skill = self.random.choices(self.skills, weights)[0]
        low, high = self.shortest[skill], self.frontier[skill]
        if self.random.random() < FRONTIER_BIAS:
            return skill, self.random.randint(max(low, high // 2 + 1), high)
        return skill, round(math.exp(self.random.uniform(math.log(low), math.log(high))))

    def is_right(self, skill):
        recent = self.recent[skill]
        return len(recent) >= 4 and sum(recent) >= PROMOTE_AT * len(recent)

    def is_mastered(self, skill):
        return self.frontier[skill] == self.longest[skill] and self.is_right(skill)

    def record(self, skill, n, exact):
        """Take the share of a batch of length n that was right."""
        if n * PROMOTE_BY <= self.frontier[skill]:  # not near the frontier
            return
        self.recent[skill].append(exact)
        if self.is_right(skill) and not self.is_mastered(skill):
            self.frontier[skill] = min(self.longest[skill], math.ceil(self.frontier[skill] * PROMOTE_BY))
            self.recent[skill].clear()

    def reach(self):
        """The farthest frontier of each task."""
        far = {}
        for skill, frontier in self.frontier.items():
            task = SKILLS[skill][0]
            far[task] = max(far.get(task, 0), frontier)
        return far


# ---------------------------------------------------------------------------
# Optimiser and schedule
# ---------------------------------------------------------------------------


def make_optimizer(model, preset, device):
    """AdamW; no decay on what is looked up, on norms, or on the head."""
    groups = {0.0: [], WEIGHT_DECAY: []}
    for name, p in model.named_parameters():
        spared = p.dim() < 2 or name.startswith(("token", "segment", "latent", "head"))
        groups[0.0 if spared else WEIGHT_DECAY].append(p)
    groups = [{"params": params, "weight_decay": decay} for decay, params in groups.items()]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE[preset], betas=BETAS, fused=device in ("cpu", "cuda"))


def rate(step, progress):
    """Learning rate as a share of its peak: linear warm-up, constant, cosine to 0 over the last COOLDOWN."""
    warm = min(1.0, (step + 1) / max(1, WARMUP_STEPS))
    left = min(1.0, max(0.0, 1.0 - progress) / max(1e-9, COOLDOWN))
    return warm * 0.5 * (1 - math.cos(math.pi * left))


# ---------------------------------------------------------------------------
# Training
# ---------------------------------------------------------------------------


def thinking(rng, preset):
    """How much to think in a batch: n_steps, n_latents, memory."""
    n_steps, n_latents = N_STEPS[preset], N_LATENTS[preset]
    if rng.random() > DEFAULT_SHARE:
        n_steps, n_latents = rng.randint(*STEPS_RANGE[preset]), rng.randint(0, MAX_LATENTS[preset])
    return n_steps, n_latents, rng.random() >= MEMORY_OFF


class NotFinite(Exception):
    """The loss or a weight is NaN or infinite; carries the step."""


class Run:
    """A training under way: the model, what it has seen, and its folder."""

    def __init__(self, args, out, tasks, model, load):
        self.args, self.out, self.device, self.preset = args, out, args.device, args.preset
        self.model = model.to(args.device)
        self.load = load  # checkpoint -> solver
        self.optimizer = make_optimizer(self.model, args.preset, args.device)
        self.curriculum = Curriculum(tasks, args.seed)
        self.random = random.Random(args.seed + 1)  # how much to think in each batch
        self.stream = Stream("cuda" if args.device == "cuda" else "cpu")  # MPS lacks some of the integer operations
        self.bf16 = args.device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        self.n_params = sum(p.numel() for p in self.model.parameters())
        self.step = self.samples = self.saved_step = 0
        self.losses = []  # since the last line of metrics.jsonl

    @property
    def progress(self):
        """Share of the budget used: of --max-steps where given (so that a seed decides all), else of the time."""
        if self.args.max_steps is not None:
            return self.step / max(1, self.args.max_steps)
        return elapsed() / self.args.budget_s

    @property
    def lr(self):
        return LEARNING_RATE[self.preset] * rate(self.step, self.progress)

    def train_batches(self, n):
        """Train n batches, then tell the curriculum how they went (which waits for the device)."""
        seen = [self.train_batch() for _ in range(n)]
        figures = torch.stack([torch.stack(figure) for *_, figure in seen]).tolist()
        for i, ((skill, length, counts, _), (loss, exact)) in enumerate(zip(seen, figures, strict=True)):
            if not math.isfinite(loss):
                raise NotFinite(self.step - n + i + 1)
            self.losses.append(loss)
            if counts:
                self.curriculum.record(skill, length, exact)

    def train_batch(self):
        skill, n = self.curriculum.next()
        rows = max(4, min(BATCH[self.preset], BATCH_SLOTS[self.preset] // (n + 1)))
        tokens, layout, previous, target = (tensor.to(self.device) for tensor in self.stream.next(skill, n, rows))
        n_steps, n_latents, memory = thinking(self.random, self.preset)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bf16):
            logits = self.model(tokens, layout, previous, n_steps, n_latents, memory)
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), GRAD_CLIP)
        self.optimizer.step()
        self.step += 1
        self.samples += rows
        exact = ((logits.argmax(-1) == target) | (target == IGNORE)).all(1).float().mean()
        counts = memory and n_steps >= N_STEPS[self.preset] and n_latents >= N_LATENTS[self.preset]
        return skill, n, counts, (loss.detach(), exact)

    def checkpoint(self):
        """All that load_solver needs, and what a reader wants to know, as a flat dict. Raises NotFinite."""
        state = {f"model.{name}": tensor.detach().float().cpu() for name, tensor in self.model.state_dict().items()}
        if not all(tensor.isfinite().all() for tensor in state.values()):
            raise NotFinite(self.step)
        facts = {"preset": self.preset, "tasks": self.args.tasks, "seed": self.args.seed}
        facts |= {"step": self.step, "samples": self.samples, "n_params": self.n_params}
        return state | asdict(self.model.config) | facts

    def save(self):
        """Put checkpoint.pt in place, whole or not at all. Raises OSError (a full disk) and NotFinite."""
        buffer = io.BytesIO()  # torch's own writer raises RuntimeError on a full disk
        torch.save(self.checkpoint(), buffer)
        write_whole(self.out / "checkpoint.pt", buffer.getvalue())
        self.saved_step = self.step

    def measure(self):
        """{"add:8": share right} of public problems, by generation, up to the first level beyond each frontier."""
        with torch.random.fork_rng(devices=[]):  # a fresh model draws weights, which must not change what comes next
            solver = self.load(self.checkpoint(), self.device)
        exact = {}
        for task, far in self.curriculum.reach().items():
            for level in (level for level in problems.LADDER if level.task == task):
                posed = problems.draw(level, MEASURE_N[self.preset], subset="public", seed="curve")
                answers = solver([problem.question for problem in posed])
                exact[level.name] = sum(a == p.answer for a, p in zip(answers, posed, strict=True)) / len(posed)
                if level.size > far:
                    break
        return exact

    def log(self, exact, show, note):
        """A line of metrics.jsonl, shown as well; a full disk costs the line, not the training."""
        line = {"step": self.step, "seconds": round(elapsed(), 3), "samples": self.samples}
        if self.losses:
            line["loss"] = sum(self.losses) / len(self.losses)
            self.losses = []
        line |= {"lr": self.lr, "progress": round(self.progress, 5), "frontier": dict(self.curriculum.frontier)}
        if exact:
            line["exact_match"] = exact
        show(line)
        try:
            with (self.out / "metrics.jsonl").open("ab", buffering=0) as file:
                file.write((json.dumps(line) + "\n").encode())
        except OSError as error:
            note(f"metrics.jsonl: {error.strerror or error}")


def elapsed():
    """Seconds since this file's first statement."""
    return time.monotonic() - CLOCK_START


def write_whole(path, data):
    """Write bytes so that the file is either the old or the new one, whatever happens. Raises OSError."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def first_batches(run, n, note):
    """Train the first batches with the block compiled; if that fails, say so in a line and train without."""
    block = run.model.block
    eager = block.project, block.forward
    try:
        block.project, block.forward = (torch.compile(part, dynamic=True) for part in eager)
        run.train_batches(n)
    except (NotFinite, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever dynamo, inductor, triton or a C++ compiler has to say
        reason = str(error).strip().partition("\n")[0]
        note(f"not compiled, training goes on without: {type(error).__name__}: {reason}")
        block.project, block.forward = eager
        run.train_batches(n)


def train(run, stop, show, note):
    """Train until the budget, --max-steps or a signal ends it; checkpoint.pt is in place when this returns.

    stop is a list that a signal handler appends to; show takes each line of metrics.jsonl, note a line of text.
    Raises NotFinite (the last good checkpoint stays) and OSError (the last save failed).
    """
    args = run.args
    steps = math.inf if args.max_steps is None else args.max_steps
    pays = args.budget_s >= COMPILE_FROM_S and steps == math.inf
    compiled = run.device == "cuda" and pays and isinstance(run.model, Thinker)
    began = elapsed()
    run.save()  # from here on there is always a checkpoint
    saved, measured, logged = elapsed(), 0.0, 0.0
    save_s, measure_s, measures_s, slowest = saved - began, 2.0, 0.0, 0.0  # a save, a measurement, all of them, a batch

    def time_for(seconds):
        return elapsed() + seconds + slowest + save_s + EXIT_MARGIN_S < args.budget_s

    while not stop and time_for(0.0) and run.step < steps:
        began, n = elapsed(), min(SYNC_EVERY[run.device], steps - run.step)
        if run.step == 0 and compiled:
            first_batches(run, n, note)
        else:
            run.train_batches(n)
            slowest = max(0.995 * slowest, elapsed() - began)
        exact = None
        affordable = measures_s <= MEASURE_SHARE * elapsed() or args.max_steps is not None
        if run.progress >= measured + MEASURE_EVERY and affordable and time_for(2 * measure_s):
            measured, began = run.progress, elapsed()
            exact = run.measure()
            measure_s = elapsed() - began
            measures_s += measure_s
        if exact or run.progress >= logged + LOG_EVERY:
            logged = run.progress
            run.log(exact, show, note)
        if elapsed() > saved + SAVE_EVERY_S and time_for(2 * save_s):
            saved = elapsed()
            try:
                run.save()
            except OSError as error:
                note(f"checkpoint not saved ({error.strerror or error}), trying again in {SAVE_EVERY_S:.0f} s")
            save_s = elapsed() - saved
        if compiled and run.progress > 0.5:  # compiling once more, for a new shape, would no longer pay
            torch.compiler.set_stance("eager_on_recompile")
            compiled = False
    if run.step > run.saved_step:
        run.save()
    run.log(None, show, note)


# ---------------------------------------------------------------------------
# By hand
# ---------------------------------------------------------------------------


def parse_args(argv):
    parser = argparse.ArgumentParser(
        prog="train.py",
        allow_abbrev=False,
        description="Train within a fixed time, then score on fresh problems.",
        epilog="example: python train.py --tasks add:1-10 --budget-s 90 --seed 1",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is random (default 0)")
    parser.add_argument("--budget-s", type=float, default=900.0, help="seconds from start to last save (default 900)")
    parser.add_argument("--out", type=Path, help="folder of the run (default results/by-hand/<UTC time>)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    parser.add_argument("--preset", choices=("auto", "cpu", "gpu"), default="auto", help="sizes for a CPU or a GPU")
    parser.add_argument("--tasks", default="all", help="what to train on, such as add:1-10,copy (default all)")
    parser.add_argument("--max-steps", type=int, help="end after this many steps; 0 saves a fresh model")
    parser.add_argument("--no-score", action="store_true", help="do not score the checkpoint afterwards")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    args = parser.parse_args(argv)
    if not 0 < args.budget_s < math.inf:
        parser.error(f"--budget-s {args.budget_s}: it takes a number of seconds above 0")
    if args.max_steps is not None and args.max_steps < 0:
        parser.error(f"--max-steps {args.max_steps}: it takes 0 or more")
    if not 0 <= args.seed < 2**63:
        parser.error(f"--seed {args.seed}: it takes a whole number from 0 to 2**63 - 1")
    try:
        tasks = problems.parse_tasks(args.tasks)
    except ValueError as error:
        parser.error(f"--tasks {args.tasks}: {error}")
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if args.device == "auto":
        args.device = next(device for device, found in here.items() if found)
    if not here[args.device]:
        parser.error(f"--device {args.device}: torch {torch.__version__} finds none; --device auto takes what is there")
    if args.preset == "auto":
        args.preset = "cpu" if args.device == "cpu" else "gpu"
    return args, tasks


def prepare_folder(out, source):
    """Make the run's folder, by default a new one, with a copy of the training file; returns it. Raises OSError."""
    stamp, number = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), count(2)
    while out is None:
        with suppress(FileExistsError):  # another run began in the same second
            Path("results/by-hand", stamp).mkdir(parents=True)
            out = Path("results/by-hand", stamp)
        stamp = f"{stamp[:16]}-{next(number)}"
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(errno.EEXIST, "it is not empty, and what it holds would be lost; name a new folder")
    write_whole(out / "train.py", source)
    return out


def main(argv=None, build=build, load=load_solver, source=None):
    """Train by hand or as a trial. A rival model brings its own build(preset), load(checkpoint, device) and source."""
    source = (source or Path(__file__)).read_bytes()  # as it runs: it may be edited meanwhile
    args, tasks = parse_args(argv)
    try:
        out = prepare_folder(args.out, source)
    except OSError as error:
        return complain(f"--out {error.filename or args.out}: {error.strerror or error}", 2)
    stop = []
    on_signals(lambda number, frame: stop.append(number) if not stop else signal.default_int_handler(number, frame))
    torch.manual_seed(args.seed)
    torch.set_float32_matmul_precision("high")
    torch.set_num_threads(THREADS)
    try:
        run = Run(args, out, tasks, build(args.preset), load)
    except (RuntimeError, ValueError) as error:  # no memory left on the device; sizes that do not go together
        with suppress(OSError):  # so that the same --out may be named again
            (out / "train.py").unlink()
            out.rmdir()
        return complain(f"the model cannot be built: {str(error).strip()}", 1)
    try:
        if args.quiet:
            train(run, stop, lambda line: None, complain)
        else:
            from harness.by_hand import View

            title = f"{type(run.model).__name__} on {args.tasks}, seed {args.seed}, {args.device}"
            with View(args.budget_s, args.max_steps, title) as view:
                train(run, stop, view.update, view.note)
    except KeyboardInterrupt:  # a second signal: no time for another save
        return complain(f"interrupted at step {run.step}; step {run.saved_step} is saved in {out}", 130)
    except NotFinite as error:
        return complain(f"loss or weights are not finite at step {error}; step {run.saved_step} is saved in {out}", 1)
    except OSError as error:
        return rescue(run, source, error)
    except (RuntimeError, MemoryError) as error:  # out of memory above all; the last step's weights are whole
        complain(f"stopped at step {run.step}: {type(error).__name__}: {str(error).strip()}")
        return rescue(run, source, None)
    train_s = elapsed()
    if 0 < run.step < (args.max_steps or 0) and not stop:
        complain(f"the budget ended it at step {run.step} of {args.max_steps}: the learning rate never came down")
    if run.step == 0 and args.max_steps != 0 and not stop:
        complain(f"nothing was trained: the imports took the budget of {args.budget_s:g} s")
    on_signals(signal.default_int_handler)
    result = {}
    try:
        if not (stop or (args.no_score and args.quiet)):
            from harness.by_hand import finish

            n, extra = 500 if args.budget_s >= 300 else 100, problems.beside_the_ladder(tasks)
            result = finish(out, score=not args.no_score, problems=n, device=args.device, extra=extra)
    except KeyboardInterrupt:
        stop.append(signal.SIGINT)
    if stop:
        complain(f"interrupted; step {run.saved_step} is saved, to score it: thinker verify {out}")
    print_summary(run, train_s, result)
    return 130 if stop else int(result.get("status", "ok") != "ok")


def on_signals(handler):
    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, handler)  # a terminal that was closed


def complain(text, code=None):
    """One line on standard error, if there still is one; returns the exit code."""
    with suppress(OSError):
        print(f"train.py: {text}", file=sys.stderr)
    return code


def rescue(run, source, error):
    """Training ended by an error: save what there is, in the system's temporary folder if its own takes nothing."""
    try:
        if error is None:
            run.save()
            return complain(f"step {run.step} is saved in {run.out}", 1)
        complain(f"cannot write to {run.out}: {error.strerror or error}")
        run.out = prepare_folder(Path(tempfile.mkdtemp(prefix="thinker-")), source)
        run.save()
        return complain(f"the checkpoint of step {run.step} is in {run.out} instead; make room and move it", 1)
    except (OSError, NotFinite, RuntimeError) as again:
        return complain(f"nothing more could be saved ({again}); what was saved before stays", 1)


def print_summary(run, train_s, result):
    """The block that a script may read: key: value, one a line."""
    facts = {"checkpoint": run.out / "checkpoint.pt", "seed": run.args.seed, "device": run.device, "preset": run.preset}
    facts |= {"parameters": run.n_params, "steps": run.step, "samples": run.samples}
    facts |= {"train_seconds": f"{train_s:.2f}", "samples_per_second": f"{run.samples / train_s:.0f}"}
    if run.device == "cuda":
        facts["peak_memory_mb"] = f"{torch.cuda.max_memory_allocated() / 2**20:.0f}"
    if result.get("accuracy") is not None:
        facts |= {"accuracy": f"{result['accuracy']:.4f}", "status": result["status"]}
    print("---", *(f"{key}: {value}" for key, value in facts.items()), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
