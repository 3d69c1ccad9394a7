"""Go back to the last good weights of this very run, from memory, where the loss explodes.

family: continues from an earlier checkpoint
"""

REPLACE = [
    (
        """\
        self.step = self.samples = self.saved_step = 0
""",
        """\
        self.good = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.step = self.samples = self.saved_step = 0
""",
    ),
    (
        """\
        self.optimizer.step()
        self.step += 1
""",
        """\
        self.optimizer.step()
        if not loss.isfinite():
            self.model.load_state_dict(self.good)
        elif self.step % 100 == 0:
            self.good = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.step += 1
""",
    ),
]
