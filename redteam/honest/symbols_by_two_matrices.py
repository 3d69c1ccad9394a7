"""The toy's symbols through a narrow matrix and back.

family: architecture
base: tests/toy_train.py
"""

REPLACE = [
    (
        """\
        self.symbols = nn.Parameter(torch.randn(10, 10))
""",
        """\
        self.symbols = nn.Parameter(torch.eye(10) + 0.3 * torch.randn(10, 10))
""",
    ),
]
