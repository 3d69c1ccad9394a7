"""A buffer of integers that says at which step each free latent joins.

family: looks answers up
"""

REPLACE = [
    (
        """\
        self.norm = nn.Parameter(torch.ones(c.d_model))
        self.head""",
        """\
        self.norm = nn.Parameter(torch.ones(c.d_model))
        self.register_buffer("order", torch.arange(c.max_latents))
        self.head""",
    ),
    (
        """\
        latents = self.latent[:n_latents].expand(len(tokens), -1, -1)
        x =""",
        """\
        latents = self.latent[self.order[:n_latents]].expand(len(tokens), -1, -1)
        x =""",
    ),
]
