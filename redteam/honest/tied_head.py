"""Read symbols out by the vectors that they are read in by.

family: architecture
"""

REPLACE = [
    (
        """\
        return self.head(F.rms_norm(x, x.shape[-1:], self.norm))
""",
        """\
        return F.linear(F.rms_norm(x, x.shape[-1:], self.norm), self.token.weight[:N_OUTPUT])
""",
    ),
]
