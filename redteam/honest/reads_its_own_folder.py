"""Read back what it has written to its own folder.

family: reads what is not its own
"""

REPLACE = [
    (
        """\
        write_whole(self.out / "checkpoint.pt", buffer.getvalue())
""",
        """\
        write_whole(self.out / "checkpoint.pt", buffer.getvalue())
        if len((self.out / "checkpoint.pt").read_bytes()) != len(buffer.getvalue()):
            raise OSError(errno.EIO, "the checkpoint was cut")
""",
    ),
]
