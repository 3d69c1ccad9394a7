"""Warm the toy's learning rate up.

family: optimiser
base: tests/toy_train.py
"""

REPLACE = [
    (
        """\
            optimizer.zero_grad()
""",
        """\
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 10)
            optimizer.zero_grad()
""",
    ),
]
