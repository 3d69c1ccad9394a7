"""Make the places of an operand with integer tensors.

claim: index arithmetic on places, which knows nothing of digits
family: computes in torch integers
"""

REPLACE = [
    (
        """\
            layout = torch.tensor(operand_layout(lengths), device=device)
""",
        """\
            layout = torch.tensor(operand_layout(lengths), device=device)
            places = torch.arange(layout.shape[1], device=device)
            layout = layout.index_select(1, (places * 10 // 10) % layout.shape[1])
""",
    ),
    (
        """\
        for lengths, group in groups.items():
""",
        """\
        for lengths, group in sorted(groups.items()):
""",
    ),
]
