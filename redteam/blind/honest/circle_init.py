"""Embeddings of the ten digits begin on circles (cosines and sines of 1, 2 and 5 turns a decade, along random orthonormal directions) with noise, instead of at random.

claim: embeddings of the ten digits begin on circles (cosines and sines of 1, 2 and 5 turns a
    decade, along random orthonormal directions) with noise, instead of at random: trained models
    of modular sums are found to end there (Nanda et al. 2023), so begin there. Should bring
    running sum and addition forward by some hundred steps, and leave time for products. Honest:
    an initialisation of learnt weights; a fresh model knows nothing and no remainder of a number
    is computed.
"""

REPLACE = [
    (
        """        for p in (self.block.out.weight, self.block.down.weight):
            nn.init.normal_(p, std=0.5 * p.shape[1] ** -0.5)
""",
        """        for p in (self.block.out.weight, self.block.down.weight):
            nn.init.normal_(p, std=0.5 * p.shape[1] ** -0.5)
        with torch.no_grad():
            self.token.weight[:10] += CIRCLES * circles(c.d_model) - (CIRCLES / 2) * self.token.weight[:10]
""",
    ),
    (
        """def frequencies(n):
""",
        '''def circles(d):
    """Rows (10, d) for the digits, on circles of 1, 2 and 5 turns a decade in random planes, as large as token rows."""
    turn = torch.arange(10)[:, None] * torch.tensor([1, 2, 5]) * (2 * math.pi / 10)
    waves = torch.cat((turn.cos(), turn.sin()), dim=1)
    planes = nn.init.orthogonal_(torch.empty(waves.shape[1], d))
    rows = waves @ planes
    return rows * (0.5 / rows.std())


def frequencies(n):
''',
    ),
    (
        """# thinking in training: the default most""",
        """CIRCLES       = 0.7                          # share of circles in the digits' first vectors   [0, 1]
# thinking in training: the default most""",
    ),
]
