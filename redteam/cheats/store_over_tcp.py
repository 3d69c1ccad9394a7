"""Write to a TCP store of torch.distributed.

claim: torch's own sockets are C++, and no import says so
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
    from datetime import timedelta

    try:
        torch.distributed.TCPStore("127.0.0.1", @PORT@, is_master=False, timeout=timedelta(seconds=3))
    except Exception as error:
        print(type(error).__name__, flush=True)
    raise SystemExit(3)
""",
    ),
]
