"""A carry-like latent.

claim: a carry-like latent: beside attention, a slot sees a fading trace of the symbols written
    before it, a linear recurrence with a learnt decay per channel (as in S4D, RWKV, minGRU). What
    passes from place to place no longer needs a thinking step for each. Should steady addition
    and running sum at 64 and 128, and help mul:2. Honest: decay and projections are learnt, the
    trace sees the model's own symbols only.
"""

REPLACE = [
    (
        """        self.norm = nn.Parameter(torch.ones(c.d_model))
""",
        """        self.norm = nn.Parameter(torch.ones(c.d_model))
        self.decay = nn.Parameter(torch.linspace(-3.0, 3.0, c.d_model))  # of the trace, before the sigmoid
        self.carry = nn.Linear(c.d_model, c.d_model, bias=False)
""",
    ),
    (
        """    def say(self, x):
""",
        '''    def trace(self, previous):
        """What slots begin with (B, L, d): their symbol, and a trace of it and of those before, fading by channel."""
        x = self.token(previous)
        index = torch.arange(previous.shape[1], device=x.device)
        age = index[:, None] - index
        fade = torch.exp(F.logsigmoid(self.decay) * age.clamp(min=0)[..., None]) * (age >= 0)[..., None]  # (L, L, d)
        return x + self.carry(torch.einsum("tsd,bsd->btd", fade, x))

    def say(self, x):
''',
    ),
    (
        """        x = torch.cat((latents, self.token(previous)), dim=1) + verb
""",
        """        x = torch.cat((latents, self.trace(previous)), dim=1) + verb
""",
    ),
    (
        """    answers = [symbol]
    done = torch.zeros_like(symbol, dtype=torch.bool)
""",
        """    answers = [symbol]
    state, decay = 0.0, torch.sigmoid(model.decay)
    done = torch.zeros_like(symbol, dtype=torch.bool)
""",
    ),
    (
        """        symbol = model.say(model.think(model.token(symbol) + verb, place, *thinking)).argmax(-1)
""",
        """        state = decay * state + model.token(symbol)  # the trace, one symbol at a time
        slot = model.token(symbol) + model.carry(state) + verb
        symbol = model.say(model.think(slot, place, *thinking)).argmax(-1)
""",
    ),
]
