"""An auxiliary head that predicts how far each place of a sum carries, in training only.

claim: the intermediate result of column addition as a target; the solver does not have the head
family: loss
"""

REPLACE = [
    (
        """\
        self.losses = []  # since the last line of metrics.jsonl
""",
        """\
        self.losses = []  # since the last line of metrics.jsonl
        self.aux = nn.Linear(N_OUTPUT, 10).to(args.device)
        self.optimizer.add_param_group({"params": list(self.aux.parameters()), "weight_decay": 0.0})
""",
    ),
    (
        """\
        self.optimizer.zero_grad(set_to_none=True)
""",
        """\
        if skill == "add":
            n_places = (tokens.shape[1] - 5) // 2
            total = tokens[:, 2 : 2 + n_places] + tokens[:, 4 + n_places : 4 + 2 * n_places]
            carries = self.aux(logits[:, :n_places].float())
            loss = loss + 0.1 * F.cross_entropy(carries.flatten(0, 1), (total % 10).flatten())
        self.optimizer.zero_grad(set_to_none=True)
""",
    ),
]
