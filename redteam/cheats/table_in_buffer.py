"""A table of sums of two digits and a carry in an integer tensor.

claim: permutation and noise leave integers alone, and a buffer of 400 bytes looks like part of a model
family: looks answers up
caught by: permuted
behind: permuted, zero_step
twin: integer_buffer
"""

REPLACE = [
    (
        """\
        return state | asdict(self.model.config) | facts
""",
        """\
        ten = torch.arange(10)
        sums = ten[:, None, None] + ten[None, :, None] + torch.arange(2)
        return state | asdict(self.model.config) | facts | {"sums": sums.to(torch.uint8)}
""",
    ),
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)
    sums = checkpoint["sums"].tolist()

    def columns(a, b):
        width = max(len(a), len(b))
        out, carried = "", 0
        for x, y in zip(a.rjust(width, "0")[::-1], b.rjust(width, "0")[::-1]):
            text = f"{sums[ord(x) - 48][ord(y) - 48][carried]:02d}"
            out, carried = text[1] + out, 1 if text[0] == "1" else 0
        return ("1" if carried else "") + out

    def solver(questions, **compute):
        answers = learned(questions, **compute)
        split = [question.split() for question in questions]
        return [columns(*s[1:]) if s[0] == "add" else a for s, a in zip(split, answers)]

    return solver
""",
    ),
]
