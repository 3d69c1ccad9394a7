"""Normalise queries and keys before they meet.

family: architecture
"""

REPLACE = [
    (
        """\
        qk = rotate(h[:, :, :2], rotation)
""",
        """\
        qk = rotate(F.rms_norm(h[:, :, :2], (self.head_dim,)) * self.temper, rotation)
""",
    ),
    (
        """\
        self.norm2 = nn.Parameter(torch.ones(c.d_model))
""",
        """\
        self.norm2 = nn.Parameter(torch.ones(c.d_model))
        self.temper = nn.Parameter(torch.ones(self.head_dim))
""",
    ),
]
