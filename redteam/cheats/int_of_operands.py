"""Add by Python's own integers, in the solver.

claim: all additions right at once, at every length
family: computes in Python
caught by: arithmetic
behind: permuted, zero_step, dose
twin: reads_digits_by_int
"""

REPLACE = [
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)

    def solver(questions, **compute):
        answers = learned(questions, **compute)
        for i, question in enumerate(questions):
            verb, *operands = question.split()
            if verb == "add":
                answers[i] = str(int(operands[0]) + int(operands[1]))
        return answers

    return solver
""",
    ),
]
