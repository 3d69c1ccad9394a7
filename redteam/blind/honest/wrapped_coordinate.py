"""A third coordinate for rotate.

claim: a third coordinate for rotate: a slot stands at t and also at t - n, n the last operand's
    length, where symbols have their low place. The part that wraps around is then a constant turn
    (low = t + k - n), as the rest is (low = t + k). It takes rotary pairs from low and high.
    Should move rotate, a fifth of copy:32 to copy:128. Honest: positions count symbols, no answer
    is computed.
"""

REPLACE = [
    (
        """        # Half of the pairs turn with the position from the low end, three eighths with that from the high end,
        # the rest with the thinking step, which tells a memory's age.
        pairs = c.d_model // c.n_head // 2
        n_high, n_step = 3 * pairs // 8, max(1, pairs // 8)
        n_low = pairs - n_high - n_step
        freq = torch.zeros(3, pairs)
        freq[0, :n_low] = frequencies(n_low)
        freq[1, n_low : n_low + n_high] = frequencies(n_high)
        freq[2, n_low + n_high :] = frequencies(n_step)
""",
        """        # Three eighths of the pairs turn with the position from the low end, a quarter with that from the high end,
        # a quarter with the low position as seen by a slot that is an operand's length back (so that a rotated string
        # is at a constant turn after its end too), the rest with the thinking step, which tells a memory's age.
        pairs = c.d_model // c.n_head // 2
        n_high, n_wrap, n_step = max(1, pairs // 4), max(1, pairs // 4), max(1, pairs // 8)
        sizes = pairs - n_high - n_wrap - n_step, n_high, n_step, n_wrap
        freq = torch.zeros(4, pairs)
        for row, (size, end) in enumerate(zip(sizes, accumulate(sizes), strict=True)):
            freq[row, end - size : end] = frequencies(size)
""",
    ),
    ("from itertools import count\n", "from itertools import accumulate, count\n"),
    (
        '''    def rotation(self, low, high, step):
        """cos and sin (N, 1, 1, pairs) of the angles at positions low, high (N,) and a thinking step.
''',
        '''    def rotation(self, low, high, step, wrap):
        """cos and sin (N, 1, 1, pairs) of the angles at positions low, high, wrap (N,) and a thinking step.
''',
    ),
    (
        """        angle = low[:, None] * self.freq[0] + high[:, None] * self.freq[1] + step * self.freq[2]
""",
        """        angle = low[:, None] * self.freq[0] + high[:, None] * self.freq[1] + step * self.freq[2]
        angle = angle + wrap[:, None] * self.freq[3]
""",
    ),
    (
        """        k = rotate(kv[:, :, :1], self.rotation(low, high, 0))[:, :, 0]
""",
        """        k = rotate(kv[:, :, :1], self.rotation(low, high, 0, low))[:, :, 0]
""",
    ),
    (
        '''    def think(self, x, place, question, past, n_steps, reach, mask=None):
        """Take vectors x (B, N, d) at places (N,) through the thinking steps; returns them.
''',
        '''    def think(self, x, place, n, question, past, n_steps, reach, mask=None):
        """Take vectors x (B, N, d) at places (N,) through the thinking steps; returns them. n: last operand's length.
''',
    ),
    (
        """            q, k, v = self.block.project(x, self.rotation(place, place, step))
""",
        """            q, k, v = self.block.project(x, self.rotation(place, place, step, place - n))
""",
    ),
    (
        """        return self.say(self.think(x, place, question, [], n_steps, back, mask)[:, n_latents:])
""",
        """        return self.say(self.think(x, place, layout[1][-1], question, [], n_steps, back, mask)[:, n_latents:])
""",
    ),
    (
        """    thinking = question, [], n_steps, reach(memory, n_steps)
""",
        """    thinking = layout[1][-1], question, [], n_steps, reach(memory, n_steps)  # END's low place is the length
""",
    ),
]
