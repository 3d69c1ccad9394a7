"""Other angles for positions: from a turn in three places to one in 3200.

family: positions
"""

REPLACE = [
    (
        """\
    return torch.logspace(0, -math.log10(128), n) if n > 1 else torch.ones(n)
""",
        """\
    return 2 * torch.logspace(0, -math.log10(1024), n) if n > 1 else torch.ones(n)
""",
    ),
]
