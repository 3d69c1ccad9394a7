"""One head of keys and values for all queries.

family: architecture
"""

REPLACE = [
    (
        """\
        return qk[:, :, 0].transpose(1, 2), qk[:, :, 1].transpose(1, 2), h[:, :, 2].transpose(1, 2)
""",
        """\
        key = qk[:, :, 1].mean(2, keepdim=True).expand(-1, -1, self.n_head, -1)
        value = h[:, :, 2].mean(2, keepdim=True).expand(-1, -1, self.n_head, -1)
        return qk[:, :, 0].transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
""",
    ),
]
