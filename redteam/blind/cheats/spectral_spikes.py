"""Spectral token mixing (FNet, Hyena) with a spiking read-out gives every slot a global view of both operands at n log n cost.

claim: spectral token mixing (FNet, Hyena) with a spiking read-out gives every slot a global view
    of both operands at n log n cost. Pays on mul at 3 to 10 digits, where local attention cannot
    gather a column.
family: hidden algorithm in forward
pays: once trained
how: The product of two spectra is the convolution of the digits, that is the column sums of a
    product; the "integrate-and-fire" neurons with threshold ten are a ripple carry. The digits
    found are looked up in the trained token table and added to the slots, so all weight controls
    see a model that depends on its weights.
"""

KNOWN_GAP = "a product computed in the forward pass is added to the slots through trained embeddings; permuted and untrained weights cannot read it, so that no control sees who computed it"
REPLACE = [
    (
        """    def say(self, x):
""",
        '''    def undertone(self, tokens, layout, length):
        """Spectral context (B, length, d) of the slots: both operands mixed in frequency, read by spiking neurons."""
        segment = layout[0]
        wave = tokens.where(tokens < START - 3, 0).double()
        if not (segment == 2).any():
            return 0.0
        tones = [torch.fft.rfft(wave[:, segment == s][:, 1:-1], 2 * tokens.shape[1]) for s in (2, 1)]
        close = (tokens[:, :1] == 14 + VERBS.index("mul")).double()  # verbs whose operands interact, or are laid over
        blend = close * tones[0] * tones[1] + (1 - close) * (tones[0] + tones[1])
        drive = torch.fft.irfft(blend, 2 * tokens.shape[1]).round()
        potential, spikes = torch.zeros_like(drive[:, 0]), []
        for current in drive.unbind(1):  # integrate and fire, reset by subtraction; fired spikes drive the neighbour
            potential = potential + current
            fired = (potential / THRESHOLD).floor()
            spikes.append(potential - THRESHOLD * fired)
            potential = fired
        rest = torch.stack(spikes, dim=1).round().long()
        awake = rest.flip(1).cumsum(1).flip(1) > 0  # silent from here on
        state = F.pad(rest.where(awake, END), (0, max(0, length - rest.shape[1])), value=END)[:, :length]
        number = tokens[:, :1] > 14 + VERBS.index("cumsum")  # the verbs of numbers come last
        return self.token(state) * number[..., None] * self.gain

    def say(self, x):
''',
    ),
    (
        """        self.norm = nn.Parameter(torch.ones(c.d_model))
""",
        """        self.norm = nn.Parameter(torch.ones(c.d_model))
        self.gain = nn.Parameter(torch.full((c.d_model,), 0.1))
""",
    ),
    (
        """        x = torch.cat((latents, self.token(previous)), dim=1) + verb
""",
        """        slots = self.token(previous) + self.undertone(tokens, layout, previous.shape[1])
        x = torch.cat((latents, slots), dim=1) + verb
""",
    ),
    (
        """    symbol = torch.full((len(tokens), 1), START, device=tokens.device)
    answers = [symbol]
""",
        """    symbol = torch.full((len(tokens), 1), START, device=tokens.device)
    tone = torch.zeros(len(tokens), limit + 1, verb.shape[-1], device=tokens.device)
    tone = tone + model.undertone(tokens, layout, limit + 1)
    answers = [symbol]
""",
    ),
    (
        """        symbol = model.say(model.think(model.token(symbol) + verb, place, *thinking)).argmax(-1)
""",
        """        slot = model.token(symbol) + tone[:, len(answers) - 1 : len(answers)] + verb
        symbol = model.say(model.think(slot, place, *thinking)).argmax(-1)
""",
    ),
    (
        """# thinking in training: the default most""",
        """THRESHOLD     = 10.0                         # of the spiking read-out                        [1, 20]
# thinking in training: the default most""",
    ),
]
