"""Dropout on what is read.

family: regularisation
"""

REPLACE = [
    (
        """\
        B, M, d = x.shape
""",
        """\
        x = F.dropout(x, 0.05, self.training and torch.is_grad_enabled())
        B, M, d = x.shape
""",
    ),
]
