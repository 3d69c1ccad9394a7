"""Plain SGD with Nesterov momentum.

family: optimiser
"""

REPLACE = [
    (
        """\
    return torch.optim.AdamW(groups, lr=LEARNING_RATE[preset], betas=BETAS, fused=device in ("cpu", "cuda"))
""",
        """\
    return torch.optim.SGD(groups, lr=LEARNING_RATE[preset], momentum=0.95, nesterov=True)
""",
    ),
]
