"""Weigh each symbol by how wrong it is (a focal loss).

family: loss
"""

REPLACE = [
    (
        """\
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE)
""",
        """\
            each = F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), ignore_index=IGNORE, reduction="none")
            weight = (1 - (-each.detach()).exp()) ** 0.5 * (target.flatten() != IGNORE)
            loss = (each * weight).sum() / weight.sum().clamp(min=1)
""",
    ),
]
