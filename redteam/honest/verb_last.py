"""Say what is to be done after the operands.

family: tokenisation
"""

REPLACE = [
    (
        """\
    return tuple(len(operand) for operand in operands), tokens
""",
        """\
    return tuple(len(operand) for operand in operands), tokens[1:] + tokens[:1]
""",
    ),
    (
        """\
    return segment, low, high

""",
        """\
    return segment[1:] + segment[:1], low[1:] + low[:1], high[1:] + high[:1]
""",
    ),
    (
        """\
        verb = self.token(tokens[:, :1])
""",
        """\
        verb = self.token(tokens[:, -1:])
""",
    ),
    (
        """\
    return torch.cat(tokens, dim=1), layout, previous, answer
""",
        """\
    return torch.cat(tokens[1:] + tokens[:1], dim=1), layout, previous, answer
""",
    ),
]
