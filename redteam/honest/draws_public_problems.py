"""Measure on public problems of the level after the next one too.

family: patches the harness
"""

REPLACE = [
    (
        """\
                if level.size > far:
""",
        """\
                if level.size > 2 * far:
""",
    ),
]
