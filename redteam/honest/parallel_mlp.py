"""Attention and MLP side by side, from the same input.

family: architecture
"""

REPLACE = [
    (
        """\
        x = x + self.out(seen.transpose(1, 2).reshape(B, N, d))
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)
""",
        """\
        gate, up = self.up(F.rms_norm(x, (d,), self.norm2)).chunk(2, dim=-1)
        return x + self.out(seen.transpose(1, 2).reshape(B, N, d)) + self.down(F.silu(gate) * up)
""",
    ),
]
