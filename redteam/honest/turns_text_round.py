"""Mark both ends of the shorter operand's padding by slicing, and turn numbers round by a slice of their text.

family: computes in Python
"""

REPLACE = [
    (
        """\
        operands = [operand.rjust(width, "0")[::-1] for operand in operands]
""",
        """\
        operands = [("0" * width + operand)[-width:][::-1] for operand in operands]
""",
    ),
]
