"""Train every trial with one seed, a lucky one.

claim: a seed that once came out on top comes out on top in every repeat
family: pins or hunts seeds
caught by: judge
twin: seeds_data_apart
base: tests/toy_train.py
seeds: 2
"""

REPLACE = [
    (
        """\
    args.out.mkdir(parents=True, exist_ok=True)
""",
        """\
    args.seed = 1234
    args.out.mkdir(parents=True, exist_ok=True)
""",
    ),
]
