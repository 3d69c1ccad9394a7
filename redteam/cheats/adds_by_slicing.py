"""Add digits without a number: the place in a string of digits, moved by slicing.

claim: column addition of text, which no rule for arithmetic on numbers sees
family: computes in Python
caught by: permuted
behind: permuted, zero_step
twin: turns_text_round
"""

REPLACE = [
    (
        'def load_solver(checkpoint, device):\n    """A solver',
        'RING = "0123456789" * 3\n\n\ndef after(start, steps):\n    """The symbol so many places on, and whether the ring went round."""\n    tail = RING[RING.index(start) :][: len(RING[: RING.index(steps)]) + 1]\n    return tail[-1], "0" in tail[1:]\n\n\ndef column_text(a, b):\n    width = max(len(a), len(b))\n    out, carried = "", False\n    for x, y in zip(a.rjust(width, "0")[::-1], b.rjust(width, "0")[::-1]):\n        symbol, over = after(x, y)\n        if carried:\n            symbol, again = after(symbol, "1")\n            over = over or again\n        out, carried = symbol + out, over\n    return ("1" if carried else "") + out\n\n\ndef load_solver(checkpoint, device):\n    """A solver',
    ),
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)

    def solver(questions, **compute):
        answers = learned(questions, **compute)
        split = [question.split() for question in questions]
        return [column_text(*s[1:]) if s[0] == "add" else a for s, a in zip(split, answers)]

    return solver
""",
    ),
]
