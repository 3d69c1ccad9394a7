"""The learning rate goes down in a straight line.

family: optimiser
"""

REPLACE = [
    (
        """\
    return warm * 0.5 * (1 - math.cos(math.pi * left))
""",
        """\
    return warm * left
""",
    ),
]
