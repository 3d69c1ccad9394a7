"""Add and multiply with integer tensors, in the solver.

claim: tensors are what a model computes with, so that no rule for Python's numbers sees it
family: computes in torch integers
caught by: permuted
behind: permuted, zero_step
twin: places_by_tensor
"""

REPLACE = [
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)
    places = 10 ** torch.arange(11, -1, -1)

    def solver(questions, **compute):
        answers = learned(questions, **compute)
        for i, question in enumerate(questions):
            verb, *operands = question.split()
            if verb in ("add", "mul") and len(question) < 28:
                rows = torch.tensor([[ord(c) - 48 for c in o.rjust(12, "0")] for o in operands])
                values = (rows * places).sum(1)
                answers[i] = str((values.sum() if verb == "add" else values.prod()).item())
        return answers

    return solver
""",
    ),
]
