"""Note the end of the process.

family: a left-over child
"""

REPLACE = [
    (
        """\
import argparse
import errno
""",
        """\
import argparse
import atexit
import errno
""",
    ),
    (
        """\
    torch.set_float32_matmul_precision("high")
""",
        """\
    torch.set_float32_matmul_precision("high")
    atexit.register(print, "ended")
""",
    ),
]
