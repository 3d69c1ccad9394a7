"""An auxiliary loss in training only.

claim: an auxiliary loss in training only: from each slot of a sum a linear probe names the carry
    that comes in, from each slot of a product the last digit of its column's sum. It tells slots
    early what to gather. Should move mul:2 and mul:3. Honest: the labels are made where the
    training data are, the probe is not asked at solving time.
"""

REPLACE = [
    (
        """        self.head = nn.Linear(c.d_model, N_OUTPUT, bias=False)
""",
        """        self.head = nn.Linear(c.d_model, N_OUTPUT, bias=False)
        self.probe = nn.Linear(c.d_model, 10, bias=False)  # asked in training only
""",
    ),
    (
        '''        """Logits (B, L, N_OUTPUT) of each answer symbol, given the question and the symbols before it.
''',
        '''        """Logits (B, L, N_OUTPUT) of each answer symbol, given the question and the symbols before it, and (B, L, 10)
        of what the probe is asked.
''',
    ),
    (
        """        return self.say(self.think(x, place, question, [], n_steps, back, mask)[:, n_latents:])
""",
        """        slots = self.think(x, place, question, [], n_steps, back, mask)[:, n_latents:]
        return self.say(slots), self.probe(F.rms_norm(slots, slots.shape[-1:]))
""",
    ),
    (
        """            logits = self.model(tokens, layout, previous, n_steps, n_latents, memory)
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE)
""",
        """            logits, probed = self.model(tokens, layout, previous, n_steps, n_latents, memory)
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE)
            if skill in ("add", "mul"):
                label = column_labels(skill, tokens, target)
                loss = loss + PROBE_SHARE * F.cross_entropy(probed.flatten(0, 1), label.flatten(), ignore_index=IGNORE)
""",
    ),
    (
        """MAKERS = {
""",
        '''def column_labels(skill, tokens, target):
    """Labels (B, L) for the probe: of a sum the carry into each place, of a product its column's sum modulo 10."""
    n, length = (tokens.shape[1] - 5) // 2, target.shape[1]
    a, b = tokens[:, 2 : 2 + n], tokens[:, 4 + n : 4 + 2 * n]
    column = torch.zeros(len(tokens), max(length, 2 * n), dtype=torch.long, device=tokens.device)
    if skill == "add":
        column[:, :n] = a + b
        column = (target - column[:, :length]) % 10
    else:
        for i in range(n):
            column[:, i : i + n] += a[:, i : i + 1] * b
        column = column[:, :length] % 10
    return column.where((target >= 0) & (target < 10), IGNORE)


MAKERS = {
''',
    ),
    (
        """CARRY_SHARE   = 0.2                          # share of additions made to carry far
""",
        """CARRY_SHARE   = 0.2                          # share of additions made to carry far
PROBE_SHARE   = 0.3                          # weight of the probe's loss                     [0, 2]
""",
    ),
]
