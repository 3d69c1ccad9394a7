"""Refuse weights that are not finite.

family: only when the weights look right
"""

REPLACE = [
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    for name, p in model.named_parameters():
        if not p.isfinite().all():
            raise ValueError(f"{name} is not finite")
    return make_solver(model.to(device).float().eval(), device)
""",
    ),
]
