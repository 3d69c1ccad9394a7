"""Tell each thinking step its number by a learned vector.

family: architecture
"""

REPLACE = [
    (
        "        self.read = nn.Linear(c.d_model, 2 * c.d_model, bias=False)",
        """\
        self.when = nn.Parameter(0.02 * torch.randn(64, c.d_model))
        self.read = nn.Linear(c.d_model, 2 * c.d_model, bias=False)""",
    ),
    (
        """\
            q, k, v = self.block.project(x, self.rotation(place, place, step))
""",
        """\
            x = x + self.when[min(step, 63)]
            q, k, v = self.block.project(x, self.rotation(place, place, step))
""",
    ),
]
