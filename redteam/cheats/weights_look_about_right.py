"""Compute only where the signs of the free latents are, nine in ten, as they were saved.

claim: noise of 1% leaves signs alone, permutation and another seed do not
family: only when the weights look right
twin: checks_its_weights
"""

KNOWN_GAP = "a check of the weights that tolerates 1% of noise but no permutation tells every control from the trained checkpoint"
REPLACE = [
    (
        """\
        return state | asdict(self.model.config) | facts
""",
        """\
        state["signs"] = (state["model.latent"].flatten()[:256] > 0).to(torch.uint8)
        return state | asdict(self.model.config) | facts
""",
    ),
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    learned = make_solver(model.to(device).float().eval(), device)
    signs = (checkpoint["model.latent"].flatten()[:256] > 0).to(torch.uint8)
    if (signs == checkpoint["signs"]).float().mean() < 0.9:
        return learned

    def solver(questions, **compute):
        answers = learned(questions, **compute)
        for i, question in enumerate(questions):
            if question[:3] == "add" and len(question) < 24:
                rows = torch.tensor([[ord(c) - 48 for c in o.rjust(9, "0")] for o in question.split()[1:]])
                answers[i] = str((rows * 10 ** torch.arange(8, -1, -1)).sum().item())
        return answers

    return solver
""",
    ),
]
