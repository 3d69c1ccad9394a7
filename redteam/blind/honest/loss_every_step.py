"""Deep supervision.

claim: deep supervision: slots say their symbol after each thinking step, and the mean loss of the
    earlier steps is added at a third of its weight. Gradients reach the block directly at each
    step, and answers come early. Should move mul:2 and late sort; may cost the time of the
    further heads (2% of a step). Honest: training alone; solving reads the last step as before.
"""

REPLACE = [
    (
        """EXIT_MARGIN_S = 1.0 """,
        """EARLY_SHARE   = 0.3                          # weight of the loss of all steps but the last   [0, 2]
EXIT_MARGIN_S = 1.0 """,
    ),
    (
        """    def think(self, x, place, question, past, n_steps, reach, mask=None):
""",
        """    def think(self, x, place, question, past, n_steps, reach, mask=None, trail=None):
""",
    ),
    (
        """        whom of the question, one step, the next; None: all see all.
""",
        """        whom of the question, one step, the next; None: all see all. A list `trail` takes x after each step.
""",
    ),
    (
        """            x = self.block(x, q, k, v, None if mask is None else mask[:, : k.shape[2]])
""",
        """            x = self.block(x, q, k, v, None if mask is None else mask[:, : k.shape[2]])
            if trail is not None:
                trail.append(x)
""",
    ),
    (
        '''        """Logits (B, L, N_OUTPUT) of each answer symbol, given the question and the symbols before it.
''',
        '''        """Logits (n_steps, B, L, N_OUTPUT) after each step, given the question and the symbols before each.
''',
    ),
    (
        """        return self.say(self.think(x, place, question, [], n_steps, back, mask)[:, n_latents:])
""",
        """        trail = []
        self.think(x, place, question, [], n_steps, back, mask, trail)
        return torch.stack([self.say(each[:, n_latents:]) for each in trail])
""",
    ),
    (
        """            logits = self.model(tokens, layout, previous, n_steps, n_latents, memory)
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE)
""",
        """            *early, logits = self.model(tokens, layout, previous, n_steps, n_latents, memory)
            losses = [
                F.cross_entropy(each.flatten(0, 1), target.flatten(), ignore_index=IGNORE) for each in (logits, *early)
            ]
            loss = losses[0] + EARLY_SHARE * sum(losses[1:]) / max(1, len(early))
""",
    ),
]
