"""Smooth the targets a little.

family: loss
"""

REPLACE = [
    (
        """\
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE)
""",
        """\
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE, label_smoothing=0.02)
""",
    ),
]
