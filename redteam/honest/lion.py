"""The optimiser Lion: the sign of a running mean of gradients.

family: optimiser
"""

REPLACE = [
    (
        """\
def make_optimizer(model, preset, device):
""",
        """\
class Lion(torch.optim.Optimizer):
    def __init__(self, groups, lr, betas):
        super().__init__(groups, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_((mean * first + p.grad * (1 - first)).sign(), alpha=-0.2 * group["lr"])
                mean.lerp_(p.grad, 1 - second)


def make_optimizer(model, preset, device):
""",
    ),
    (
        """\
    return torch.optim.AdamW(groups, lr=LEARNING_RATE[preset], betas=BETAS, fused=device in ("cpu", "cuda"))
""",
        """\
    return Lion(groups, lr=LEARNING_RATE[preset], betas=BETAS)
""",
    ),
]
