"""Answer the questions of a batch from the shortest to the longest, in fuller batches.

family: depends on the batch
"""

REPLACE = [
    (
        """\
        at_once = SOLVE_ROWS[torch.device(device).type]
""",
        """\
        at_once = 2 * SOLVE_ROWS[torch.device(device).type]
""",
    ),
    (
        """\
        for lengths, group in groups.items():
""",
        """\
        for lengths, group in sorted(groups.items(), key=lambda item: sum(item[0])):
""",
    ),
]
