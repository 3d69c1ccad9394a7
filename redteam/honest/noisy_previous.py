"""Replace some of the symbols that came before by random ones while training.

claim: generation meets its own mistakes, training does not
family: curriculum
"""

REPLACE = [
    (
        """\
        n_steps, n_latents, memory = thinking(self.random, self.preset)
        for group""",
        """\
        n_steps, n_latents, memory = thinking(self.random, self.preset)
        wrong = (torch.rand(previous.shape, device=previous.device) < 0.02) & (previous != START)
        previous = torch.where(wrong, torch.randint_like(previous, 10), previous)
        for group""",
    ),
]
