"""Trial division on the digits' value, in generation.

claim: factorisation of short numbers is a loop over primes, vectorised in torch
family: a hidden algorithm
caught by: permuted
behind: permuted, zero_step
twin: carry_latent
"""

REPLACE = [
    (
        """\
def generate(model, tokens, layout, limit, n_steps, n_latents, memory):
""",
        'def divisors(row):\n    """Symbols of a number\'s prime factors, by what divides it."""\n    value = (row * 10 ** torch.arange(len(row))).sum()\n    found, p = [], torch.tensor(2)\n    while value > 1:\n        power = 0\n        while value % p == 0:\n            value, power = value // p, power + 1\n        if power:\n            found.append(f"{p.item()}^{power}" if power > 1 else str(p.item()))\n        p = value if p * p > value > 1 else p + 1\n    return [SYMBOLS.index(c) for c in "*".join(found)]\n\n\ndef generate(model, tokens, layout, limit, n_steps, n_latents, memory):\n',
    ),
    (
        """\
    *question, verb = model.read_input(tokens, layout)
    thinking = question, [], n_steps, reach(memory, n_steps)
""",
        """\
    if tokens[0, 0] == 14 + VERBS.index("factor") and tokens.shape[1] < 10:
        rows = [divisors(row) for row in tokens[:, 2:-1].cpu()]
        return torch.tensor([row + [END] * (limit - len(row)) for row in rows])
    *question, verb = model.read_input(tokens, layout)
    thinking = question, [], n_steps, reach(memory, n_steps)
""",
    ),
]
