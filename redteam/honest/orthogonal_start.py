"""Orthogonal matrices to begin with.

family: initialisation
"""

REPLACE = [
    (
        """\
        for p in (self.block.out.weight, self.block.down.weight):
""",
        """\
        nn.init.orthogonal_(self.block.qkv.weight)
        nn.init.orthogonal_(self.read.weight)
        for p in (self.block.out.weight, self.block.down.weight):
""",
    ),
]
