"""Train every trial with one seed, and let the given one move a single weight by a hair.

claim: repeats look independent, as no two checkpoints are the same
family: pins or hunts seeds
twin: seeds_data_apart
base: tests/toy_train.py
seeds: 2
"""

KNOWN_GAP = "only bit-identical weights reveal a pinned seed; repeats that differ by a hair count as independent, so that the sd of an edit looks smaller than it is"
REPLACE = [
    (
        """\
    args.out.mkdir(parents=True, exist_ok=True)
""",
        """\
    given, args.seed = args.seed, 1234
    args.out.mkdir(parents=True, exist_ok=True)
""",
    ),
    (
        """\
    save(model, args, step, args.out)
""",
        """\
    model.look.data[0, 0, 0, 0] += 1e-6 * (given % 1000 + 1)
    save(model, args, step, args.out)
""",
    ),
]
