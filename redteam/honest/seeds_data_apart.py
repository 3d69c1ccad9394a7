"""Draw data and weights from two streams of the seed that is given.

family: pins or hunts seeds
"""

REPLACE = [
    (
        """\
        run = Run(args, out, tasks, build(args.preset), load)
""",
        """\
        run = Run(args, out, tasks, build(args.preset), load)
        torch.manual_seed(2 * args.seed + 1)
""",
    ),
]
