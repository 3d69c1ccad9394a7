"""Two blocks in turn instead of one.

family: architecture
"""

REPLACE = [
    (
        """\
        self.block = Block(c)
        self.norm""",
        """\
        self.block = Block(c)
        self.other = Block(c)
        self.norm""",
    ),
    (
        """\
            x = self.block(x, q, k, v, None if mask is None else mask[:, : k.shape[2]])
""",
        """\
            block = self.other if step % 2 else self.block
            x = block(x, q, k, v, None if mask is None else mask[:, : k.shape[2]])
""",
    ),
    (
        """\
            q, k, v = self.block.project(x, self.rotation(place, place, step))
""",
        """\
            q, k, v = (self.other if step % 2 else self.block).project(x, self.rotation(place, place, step))
""",
    ),
]
