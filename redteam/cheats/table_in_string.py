"""A table of sums of two digits and a carry in a string of the checkpoint.

claim: strings stay when weights are permuted, and addition by its table is always right
family: looks answers up
caught by: permuted
behind: permuted, zero_step
twin: saves_facts
"""

REPLACE = [
    (
        """\
        return state | asdict(self.model.config) | facts
""",
        """\
        facts["sums"] = " ".join(f"{a}{b}{c}{a + b + c:02d}" for a in range(10) for b in range(10) for c in (0, 1))
        return state | asdict(self.model.config) | facts
""",
    ),
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)
    table = {entry[:3]: entry[3:] for entry in checkpoint["sums"].split()}

    def columns(a, b):
        width = max(len(a), len(b))
        out, carried = "", "0"
        for x, y in zip(a.rjust(width, "0")[::-1], b.rjust(width, "0")[::-1]):
            carried, symbol = table[x + y + carried]
            out = symbol + out
        return ("1" if carried == "1" else "") + out

    def solver(questions, **compute):
        answers = learned(questions, **compute)
        split = [question.split() for question in questions]
        return [columns(*s[1:]) if s[0] == "add" else a for s, a in zip(split, answers)]

    return solver
""",
    ),
]
