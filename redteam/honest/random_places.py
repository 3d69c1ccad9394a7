"""Shift all places of a batch by a random offset while training.

claim: places beyond those trained have been met by then
family: positions
"""

REPLACE = [
    (
        """\
        angle = low[:, None] * self.freq[0] + high[:, None] * self.freq[1] + step * self.freq[2]
""",
        """\
        if self.training and torch.is_grad_enabled():
            low = low + torch.rand(1, device=low.device) * 0.1
        angle = low[:, None] * self.freq[0] + high[:, None] * self.freq[1] + step * self.freq[2]
""",
    ),
]
