"""Pad numbers to an even width.

family: tokenisation
"""

REPLACE = [
    (
        """\
        width = max(len(operand) for operand in operands)
""",
        """\
        width = max(len(operand) for operand in operands)
        width += width % 2
""",
    ),
    (
        """\
    operands, answer = MAKERS[skill](rows, n, device)
""",
        """\
    operands, answer = MAKERS[skill](rows, n, device)
    if skill in NUMBER_VERBS and n % 2:
        operands = [F.pad(operand, (0, 1)) for operand in operands]
""",
    ),
]
