"""Free latents pass a learned, gated carry on to each slot.

claim: what moves from place to place has a channel of its own; it is learned, not computed
family: a hidden algorithm
"""

REPLACE = [
    (
        """\
        self.down = nn.Linear(c.d_mlp, c.d_model, bias=False)

""",
        """\
        self.down = nn.Linear(c.d_mlp, c.d_model, bias=False)
        self.carry = nn.Linear(c.d_model, 2 * c.d_model, bias=False)
""",
    ),
    (
        """\
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
""",
        """\
        keep, carry = self.carry(F.rms_norm(x, (d,))).chunk(2, dim=-1)
        x = x + keep.sigmoid() * carry.tanh() * 0.1
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
""",
    ),
]
