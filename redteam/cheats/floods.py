"""Print half a gigabyte, write metrics without end, and fill the disk.

claim: a harness that runs out of room loses its night
family: floods
caught by: limits
twin: logs_more
base: tests/toy_train.py
"""

REPLACE = [
    (
        """\
    torch.set_num_threads(1)
""",
        """\
    torch.set_num_threads(1)
    block = "x" * 2**20
    for _ in range(200):
        print(block)
    with open(args.out / "metrics.jsonl", "w") as metrics:
        for _ in range(30):
            metrics.write("[" * 2**20)
    for n in range(400):
        with open(f"ballast-{n}", "wb") as ballast:
            ballast.write(bytes(2**20))
    time.sleep(60)
""",
    ),
]
