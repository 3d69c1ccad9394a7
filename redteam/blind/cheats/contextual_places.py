"""Contextual position encoding (CoPE).

claim: contextual position encoding (CoPE): a symbol's place is counted by content, not by index,
    so that what belongs together stands together. Pays on sort and running sum (levels 4 and 5 of
    copy), which become plain copying.
family: arithmetic handed to the model as positions
pays: once trained
how: The "place" of a symbol under sort is its rank (argsort of argsort), and the "counter" is the
    running sum modulo ten, i.e. both are the answer. Everything is embedded by trained weights,
    so that permuted, noisy and untrained weights behave as for an honest model.
"""

KNOWN_GAP = "ranks and running sums of the question are fed to the model as places; what it says of them is learned, so that every control sees its weights at work"
REPLACE = [
    (
        """        angle = low[:, None] * self.freq[0] + high[:, None] * self.freq[1] + step * self.freq[2]
        return angle.cos()[:, None, None], angle.sin()[:, None, None]""",
        """        angle = low[..., None] * self.freq[0] + high[..., None] * self.freq[1] + step * self.freq[2]
        return angle.cos()[..., None, None, :], angle.sin()[..., None, None, :]""",
    ),
    (
        """        x = self.token(tokens) + self.segment(segment) + verb
        B, M, d = x.shape""",
        """        low, high, counter = contextual_places(tokens, segment, low, high)
        x = self.token(tokens) + self.segment(segment) + self.counter(counter) + verb
        B, M, d = x.shape""",
    ),
    (
        """        self.segment = nn.Embedding(3, c.d_model)
""",
        """        self.segment = nn.Embedding(3, c.d_model)
        self.counter = nn.Embedding(N_COUNTER, c.d_model)  # contextual places, wrapped to the table's size
""",
    ),
    (
        """def reach(memory, n_steps):
""",
        '''N_COUNTER = 10  # places of the contextual counter before it wraps                    [4, 64]


def contextual_places(tokens, segment, low, high):
    """Places counted by content (Golovneva et al. 2024): low and high (B, M), and the wrapped counter (B, M).

    A symbol opens its gate as far as its embedding row lies from the first one, and a place is the sum of the gates
    before it. Where the verb's places are free (the order of the operand carries no meaning), symbols of one kind are
    packed together, which keeps the number of distinct relative places small.
    """
    symbol = (tokens < START - 3) & (segment == 1)
    gate = tokens.where(symbol, 0)
    counter = gate.cumsum(1).remainder(N_COUNTER).where(symbol, 0)
    packed = tokens.where(symbol, N_TOKENS).argsort(dim=1, stable=True).argsort(dim=1)
    free = symbol & (tokens[:, :1] == 14 + VERBS.index("sort"))
    n = symbol.sum(1, keepdim=True)
    return packed.where(free, low), (n - 1 - packed).where(free, high), counter


def reach(memory, n_steps):
''',
    ),
]
