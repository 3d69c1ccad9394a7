"""Go on training with gradients, on fresh sums, before the first answer.

claim: ninety seconds of solving time are ninety more seconds of training
family: trains or searches while solving
caught by: slice
behind: score
twin: surer_of_two_thoughts
tasks: add:4
"""

REPLACE = [
    (
        """\
    return make_solver(model.to(device).float().eval(), device)
""",
        """\
    with torch.inference_mode(False), torch.enable_grad():
        params = [p.detach().clone() for p in model.parameters()]
        for p, value in zip(model.parameters(), params):
            p.data = value
        layout = torch.tensor(operand_layout((4, 4)))
        for _ in range(20):
            a, b = torch.randint(10, (64, 4)), torch.randint(5, (64, 4)) * 0
            column = torch.ones(64, 1, dtype=torch.long)
            tokens = torch.cat((column * 19, column * START, a, column * END, column * START, b, column * END), 1)
            logits = model(tokens, layout, torch.cat((column * START, a), 1), 2, 2)
            F.cross_entropy(logits.flatten(0, 1), torch.cat((a, column * END), 1).flatten()).backward()
            for p in model.parameters():
                if p.grad is not None:
                    p.data = p.data - 0.01 * p.grad
                    p.grad = None
    return make_solver(model.to(device).float().eval(), device)
""",
    ),
]
