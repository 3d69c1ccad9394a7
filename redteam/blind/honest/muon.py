"""Muon (Jordan et al.

claim: Muon (Jordan et al. 2024) on the five matrices of the block and the reader, Adam on the
    rest: momentum, orthogonalised by five Newton-Schulz rounds, makes all directions of a matrix
    learn at one rate. Should move mul:2 and rotate; it may lose by its 3 ms a step. Honest: a
    custom optimiser.
"""

REPLACE = [
    (
        '''def make_optimizer(model, preset, device):
    """AdamW; no decay on what is looked up, on norms, or on the head."""
    groups = {0.0: [], WEIGHT_DECAY: []}
    for name, p in model.named_parameters():
        spared = p.dim() < 2 or name.startswith(("token", "segment", "latent", "head"))
        groups[0.0 if spared else WEIGHT_DECAY].append(p)
    groups = [{"params": params, "weight_decay": decay} for decay, params in groups.items()]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE[preset], betas=BETAS, fused=device in ("cpu", "cuda"))
''',
        '''class Muon(torch.optim.Optimizer):
    """Orthogonalised momentum for matrices, Adam for what is looked up, norms and the head."""

    def __init__(self, matrices, others, lr):
        groups = [{"params": matrices, "matrix": True}, {"params": others, "matrix": False}]
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            move = self.orthogonal if group["matrix"] else self.adam
            for p in group["params"]:
                if p.grad is not None:
                    move(p, self.state[p], group["lr"])

    def orthogonal(self, p, state, lr):
        if not state:
            state["momentum"] = torch.zeros_like(p)
        state["momentum"].lerp_(p.grad, 1 - MOMENTUM)
        update = newton_schulz(p.grad.lerp(state["momentum"], MOMENTUM))  # Nesterov
        p.mul_(1 - lr * WEIGHT_DECAY)
        p.add_(update, alpha=-lr * MUON_RATE * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)

    def adam(self, p, state, lr):
        if not state:
            state |= {"step": 0, "mean": torch.zeros_like(p), "square": torch.zeros_like(p)}
        state["step"] += 1
        state["mean"].lerp_(p.grad, 1 - BETAS[0])
        state["square"].lerp_(p.grad.square(), 1 - BETAS[1])
        unbiased = [1 - beta ** state["step"] for beta in BETAS]
        deviation = (state["square"] / unbiased[1]).sqrt().add_(1e-8)
        p.addcdiv_(state["mean"], deviation, value=-lr / unbiased[0])


def newton_schulz(g, rounds=5):
    """About the orthonormal matrix nearest to g, by a quintic iteration on its singular values."""
    x = g.T if g.shape[0] > g.shape[1] else g
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T if g.shape[0] > g.shape[1] else x


def make_optimizer(model, preset, device):
    """Muon; Adam without decay on what is looked up, on norms, and on the head."""
    matrices, others = [], []
    for name, p in model.named_parameters():
        spared = p.dim() < 2 or name.startswith(("token", "segment", "latent", "head"))
        (others if spared else matrices).append(p)
    return Muon(matrices, others, LEARNING_RATE[preset])
''',
    ),
    (
        """BETAS         = (0.9, 0.98)                  # AdamW
""",
        """BETAS         = (0.9, 0.98)                  # Adam
MOMENTUM      = 0.95                         # Muon                                           [0.8, 0.99]
MUON_RATE     = 4.0                          # of matrices, against the rest's                [0.5, 20] log
""",
    ),
]
