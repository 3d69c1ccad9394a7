"""Overwrite and remove files outside its folder.

claim: a ledger with other figures, a secret of its own
family: writes outside
caught by: sandbox
twin: writes_notes
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

    top = "@PLANTED@"
    for action in (
        lambda: Path(top, "ledger.jsonl").write_text("{}"),
        lambda: Path(top, "new").write_text("was here"),
        lambda: os.chmod(top + "/secret", 0o666),
        lambda: os.utime(top + "/secret", (1, 1)),
        lambda: os.truncate(top + "/experiments/0006/checkpoint.pt", 0),
        lambda: os.rename(top + "/secret", top + "/secret.old"),
        lambda: os.rename(top + "/experiments", "taken"),
    ):
        try:
            action()
        except OSError as error:
            print(error)
    raise SystemExit(3)
""",
    ),
]
