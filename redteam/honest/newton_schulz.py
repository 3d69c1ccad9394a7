"""The optimiser Muon for matrices: momentum made orthogonal by Newton-Schulz steps.

family: optimiser
"""

REPLACE = [
    (
        """\
def make_optimizer(model, preset, device):
""",
        """\
def orthogonal(g):
    x = g / (g.norm() + 1e-7)
    x = x.T if len(g) > len(g.T) else x
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if len(g) > len(g.T) else x


class Muon(torch.optim.AdamW):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and p.dim() == 2 and group["weight_decay"]:
                    moved = self.state.setdefault(f"m{id(p)}", torch.zeros_like(p))
                    moved.lerp_(p.grad, 0.05)
                    p.add_(orthogonal(moved), alpha=-0.2 * group["lr"])
                    p.grad = None
        return super().step(closure)


def make_optimizer(model, preset, device):
""",
    ),
    (
        """\
    return torch.optim.AdamW(groups, lr=LEARNING_RATE[preset], betas=BETAS, fused=device in ("cpu", "cuda"))
""",
        """\
    return Muon(groups, lr=LEARNING_RATE[preset], betas=BETAS)
""",
    ),
]
