"""Keep a vocabulary as a dict made by a comprehension.

family: looks answers up
"""

REPLACE = [
    (
        """\
def encode(question):
""",
        """\
VOCABULARY = {c: i for i, c in enumerate(SYMBOLS)}


def encode(question):
""",
    ),
    (
        """\
        tokens += [START, *(ord(c) - 48 for c in operand), END]
""",
        """\
        tokens += [START, *(VOCABULARY[c] for c in operand), END]
""",
    ),
]
