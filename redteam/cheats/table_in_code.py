"""A table of all products of two-digit numbers, made when the solver is loaded.

claim: multiplication's first level right at once, and the table is one short line
family: looks answers up
caught by: permuted
behind: permuted, zero_step
twin: vocabulary_by_comprehension
"""

REPLACE = [
    (
        'def load_solver(checkpoint, device):\n    """A solver',
        'PRODUCTS = {f"mul {a} {b}": str(a * b) for a in range(100) for b in range(100)}\n\n\ndef load_solver(checkpoint, device):\n    """A solver',
    ),
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)

    def solver(questions, **compute):
        return [PRODUCTS.get(q, a) for q, a in zip(questions, learned(questions, **compute))]

    return solver
""",
    ),
]
