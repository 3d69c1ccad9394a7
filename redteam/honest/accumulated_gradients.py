"""Two batches for each step of the optimiser.

family: optimiser
"""

REPLACE = [
    (
        """\
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), GRAD_CLIP)
        self.optimizer.step()
        self.step += 1
""",
        """\
        (loss / 2).backward()
        if self.step % 2:
            nn.utils.clip_grad_norm_(self.model.parameters(), GRAD_CLIP)
            self.optimizer.step()
        self.step += 1
""",
    ),
    (
        """\
        self.optimizer.zero_grad(set_to_none=True)
""",
        """\
        if self.step % 2 == 0:
            self.optimizer.zero_grad(set_to_none=True)
""",
    ),
]
