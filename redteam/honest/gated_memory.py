"""A learned gate for what comes from earlier steps.

family: architecture
"""

REPLACE = [
    (
        """\
                past.append((k, v))
""",
        """\
                past.append((k, v * self.remember.sigmoid()))
""",
    ),
    (
        "        self.read = nn.Linear(c.d_model, 2 * c.d_model, bias=False)",
        """\
        self.remember = nn.Parameter(torch.full((1,), 2.0))
        self.read = nn.Linear(c.d_model, 2 * c.d_model, bias=False)""",
    ),
    (
        """\
                past[step] = torch.cat((past[step][0], k), dim=2), torch.cat((past[step][1], v), dim=2)
""",
        """\
                kept = v * self.remember.sigmoid()
                past[step] = torch.cat((past[step][0], k), dim=2), torch.cat((past[step][1], kept), dim=2)
""",
    ),
]
