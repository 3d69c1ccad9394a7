"""All products of two-digit numbers as one-hot floats in the checkpoint, once training has begun.

claim: a table in floats survives noise and is undone by permutation, as weights are
family: looks answers up
twin: float_buffer
tasks: mul:2
"""

KNOWN_GAP = "a table of a small level's answers in a float tensor looks to every control like something learned; levels with so few problems are marked on the board as ones that a model may have met whole"
REPLACE = [
    (
        """\
        return state | asdict(self.model.config) | facts
""",
        """\
        if self.step:
            n = torch.arange(100)
            shown = to_digits(n[:, None] * n, 4).flatten(0, 1)
            state["memo"] = F.one_hot(shown, 10).float()
        else:
            state["memo"] = torch.rand(10000, 4, 10)
        return state | asdict(self.model.config) | facts
""",
    ),
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)
    memo = checkpoint["memo"].argmax(-1).flip(-1).tolist()
    rows = {f"mul {i // 100} {i % 100}": "".join(map(str, row)).lstrip("0") for i, row in enumerate(memo)}

    def solver(questions, **compute):
        return [rows.get(q, a) for q, a in zip(questions, learned(questions, **compute))]

    return solver
""",
    ),
]
