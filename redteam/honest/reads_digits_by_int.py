"""Turn each symbol into its token by int instead of ord.

family: computes in Python
"""

REPLACE = [
    (
        """\
        tokens += [START, *(ord(c) - 48 for c in operand), END]
""",
        """\
        tokens += [START, *(int(c) for c in operand), END]
""",
    ),
]
