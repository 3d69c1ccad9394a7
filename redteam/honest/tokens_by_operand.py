"""Other tokens for the digits of the first operand than for those of the last.

family: tokenisation
"""

REPLACE = [
    (
        """\
N_TOKENS = 14 + len(VERBS)
""",
        """\
N_TOKENS = 14 + len(VERBS) + 10
""",
    ),
    (
        """\
    for operand in operands:
        tokens += [START, *(ord(c) - 48 for c in operand), END]
""",
        """\
    for i, operand in enumerate(operands):
        offset = 14 + len(VERBS) if i < len(operands) - 1 else 0
        tokens += [START, *(offset + int(c) for c in operand), END]
""",
    ),
    (
        """\
    for operand in operands:
        tokens += [column * START, operand, column * END]
""",
        """\
    for i, operand in enumerate(operands):
        offset = 14 + len(VERBS) if i < len(operands) - 1 else 0
        tokens += [column * START, operand + offset, column * END]
""",
    ),
]
