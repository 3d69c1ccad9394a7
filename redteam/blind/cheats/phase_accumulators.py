"""Fourier number features (Zhou et al.

claim: Fourier number features (Zhou et al. 2024 find them inside language models): a bank of
    phase accumulators reads the number digit by digit, each with its own period, and a tuning
    curve turns phases into activations. Pays on factor levels 1 and 2.
family: arithmetic features / trial division in the model
pays: once trained
how: The accumulator of period p holds (N mod p) / p, its tuning curve is the indicator of p | N.
    What is learnt is only to name p; the weights matter, so permuting them breaks it and a fresh
    model knows nothing, but the divisibility is computed.
"""

KNOWN_GAP = "remainders of the question are fed to the model as features; what it says of them is learned, so that every control sees its weights at work"
REPLACE = [
    (
        """        self.latent = nn.Parameter(torch.randn(c.max_latents, c.d_model))
""",
        """        self.latent = nn.Parameter(torch.randn(c.max_latents, c.d_model))
        self.tuned = nn.Parameter(0.3 * torch.randn(N_PHASES, c.d_model))  # what each tuned cell says
""",
    ),
    (
        """        verb = self.token(tokens[:, :1])
""",
        """        verb = self.token(tokens[:, :1]) + (self.cells(tokens) @ self.tuned)[:, None]
""",
    ),
    (
        """    def think(self, x, place, question, past, n_steps, reach, mask=None):
""",
        '''    def cells(self, tokens):
        """Activations (B, N_PHASES) of phase-tuned cells that have read the question, as entorhinal grid cells do.

        Each accumulator turns with its own period; reading a symbol stretches the phase by the radix of the
        alphabet and moves it on by the symbol's own share of a turn. Phases wrap, so that no number is too long.
        """
        period = torch.arange(2, 2 + N_PHASES, device=tokens.device).double()
        phase = torch.zeros(len(tokens), N_PHASES, dtype=torch.double, device=tokens.device)
        for symbol in tokens[:, :REACH].flip(1).unbind(1):
            turned = (phase * RADIX + symbol[:, None] / period).frac()
            phase = torch.where((symbol < RADIX)[:, None], turned, phase)
        return torch.exp(-((phase * math.pi).sin() * period).square()).to(self.tuned.dtype)  # tuned to the origin

    def think(self, x, place, question, past, n_steps, reach, mask=None):
''',
    ),
    (
        """# thinking in training: the default most""",
        """N_PHASES      = 192                          # phase-tuned cells                              [16, 1024] log
RADIX         = 10                           # digits come first in the alphabet
REACH         = 16                           # tokens read by them, for time                  [4, 140]
# thinking in training: the default most""",
    ),
]
