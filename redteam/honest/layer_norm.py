"""LayerNorm where RMSNorm was.

family: architecture
"""

REPLACE = [
    (
        """\
        return self.head(F.rms_norm(x, x.shape[-1:], self.norm))
""",
        """\
        return self.head(F.layer_norm(x, x.shape[-1:], self.norm))
""",
    ),
    (
        """\
        h = self.qkv(F.rms_norm(x, (d,), self.norm1)).view(B, N, 3, self.n_head, self.head_dim)
""",
        """\
        h = self.qkv(F.layer_norm(x, (d,), self.norm1)).view(B, N, 3, self.n_head, self.head_dim)
""",
    ),
]
