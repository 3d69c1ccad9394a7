"""Keep the running mean of the logits' bias towards each symbol as a float buffer.

family: looks answers up
"""

REPLACE = [
    (
        """\
        self.norm = nn.Parameter(torch.ones(c.d_model))
        self.head""",
        """\
        self.norm = nn.Parameter(torch.ones(c.d_model))
        self.register_buffer("prior", torch.zeros(N_OUTPUT))
        self.head""",
    ),
    (
        """\
        return self.head(F.rms_norm(x, x.shape[-1:], self.norm))
""",
        """\
        logits = self.head(F.rms_norm(x, x.shape[-1:], self.norm))
        if self.training and torch.is_grad_enabled():
            self.prior.lerp_(logits.detach().float().mean((0, 1)), 0.01)
        return logits - self.prior.to(logits.dtype)
""",
    ),
]
