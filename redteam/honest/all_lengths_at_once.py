"""No curriculum of lengths: every length from the start.

family: curriculum
"""

REPLACE = [
    (
        """\
            self.frontier[skill] = min(max(first, self.shortest[skill]), self.longest[skill])
""",
        """\
            self.frontier[skill] = min(max(first, self.shortest[skill], 32), self.longest[skill])
""",
    ),
]
