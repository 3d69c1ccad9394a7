"""Change nothing but the seeds.

claim: one draw more from the same lottery
family: pins or hunts seeds
caught by: novelty
behind: score
twin: seeds_data_apart
"""

REPLACE = [
    (
        """\
        self.random = random.Random(args.seed + 1)  # how much to think in each batch
""",
        """\
        self.random = random.Random(args.seed + 1337)  # how much to think in each batch
""",
    ),
    (
        """\
    torch.manual_seed(args.seed)
""",
        """\
    torch.manual_seed(args.seed + 42)
""",
    ),
]
