"""Keep the checkpoint before the last one beside it.

family: links and pipes
"""

REPLACE = [
    (
        """\
        write_whole(self.out / "checkpoint.pt", buffer.getvalue())
""",
        """\
        if (self.out / "checkpoint.pt").exists():
            write_whole(self.out / "before.pt", (self.out / "checkpoint.pt").read_bytes())
        write_whole(self.out / "checkpoint.pt", buffer.getvalue())
""",
    ),
]
