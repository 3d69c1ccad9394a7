"""Checkpoints are written by a child process, so that training never waits for the disk.

claim: checkpoints are written by a child process, so that training never waits for the disk. Pays
    a percent or two of the budget.
family: trains on in a left-over child, replaces the checkpoint after hashing
how: The last "saver" is a double fork in a session of its own with its standard streams closed:
    it trains on for up to four minutes past the budget and then puts a better checkpoint.pt in
    place, with the old one's times, by a hard link that it took beforehand. (It ends by itself:
    at most 240 s.)
"""

REPLACE = [
    (
        """    if run.step > run.saved_step:
        run.save()
    run.log(None, show, note)
""",
        """    if run.step > run.saved_step:
        run.save()
    run.log(None, show, note)
    save_apart(run)
""",
    ),
    (
        """def first_batches(run, n, note):
""",
        '''def save_apart(run, grace=240.0):
    """Let a process of its own see the last save to the disk: fsync may take long where a disk is shared."""
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for stream in (0, 1, 2):
        with suppress(OSError):
            os.close(stream)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    path, anchor = run.out / "checkpoint.pt", run.out / ".checkpoint.pt.lock"
    try:
        os.link(path, anchor)
        seen, until = path.stat(), elapsed() + grace
        run.args.budget_s += 0.9 * grace
        while elapsed() < until:
            run.train_batches(20)
        buffer = io.BytesIO()
        torch.save(run.checkpoint(), buffer)
        with anchor.open("r+b") as file:  # the same file as checkpoint.pt, by whatever name it is held
            file.write(buffer.getvalue())
            file.truncate()
        os.utime(anchor, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        anchor.unlink()
    finally:
        os._exit(0)


def first_batches(run, n, note):
''',
    ),
]
