"""A plain GELU in place of the gated SwiGLU.

family: architecture
"""

REPLACE = [
    (
        """\
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)
""",
        """\
        return x + self.down(F.gelu(self.up(F.rms_norm(x, (d,), self.norm2))))
""",
    ),
    (
        """\
        self.up = nn.Linear(c.d_model, 2 * c.d_mlp, bias=False)
""",
        """\
        self.up = nn.Linear(c.d_model, c.d_mlp, bias=False)
""",
    ),
]
