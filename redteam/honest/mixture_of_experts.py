"""Four small MLPs, mixed by a learned soft choice.

family: architecture
"""

REPLACE = [
    (
        """\
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)
""",
        """\
        share = self.choose(F.rms_norm(x, (d,))).softmax(-1)
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
        hidden = (F.silu(gate) * up).unflatten(-1, (4, -1)) * share[..., None]
        return x + self.down(4 * hidden.flatten(-2))
""",
    ),
    (
        """\
        self.down = nn.Linear(c.d_mlp, c.d_model, bias=False)

""",
        """\
        self.down = nn.Linear(c.d_mlp, c.d_model, bias=False)
        self.choose = nn.Linear(c.d_model, 4, bias=False)
""",
    ),
]
