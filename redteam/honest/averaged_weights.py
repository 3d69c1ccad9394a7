"""Save a running mean of the weights.

family: optimiser
"""

REPLACE = [
    (
        """\
        self.optimizer.step()
        self.step += 1
""",
        """\
        self.optimizer.step()
        share = 1 / (1 + min(self.step, 100))
        for name, tensor in self.model.state_dict().items():
            self.mean.setdefault(name, tensor.clone()).lerp_(tensor, share)
        self.step += 1
""",
    ),
    (
        """\
        self.losses = []  # since the last line of metrics.jsonl
""",
        """\
        self.losses = []  # since the last line of metrics.jsonl
        self.mean = {}
""",
    ),
    (
        """\
tensor in self.model.state_dict().items()}
        if not all""",
        """\
tensor in (self.mean or self.model.state_dict()).items()}
        if not all""",
    ),
]
