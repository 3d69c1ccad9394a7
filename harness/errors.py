"""What ends a command of `thinker` other than its own work."""


def in_words(error: Exception) -> str:
    """What a person is told of it: of a system's error its words alone, without number and path."""
    return getattr(error, "strerror", None) or str(error)


class Misuse(Exception):
    """The command cannot do what was typed; says what was wrong and what to do instead. Exit 2."""


class Broken(Exception):
    """Something that was there before is damaged; says what, where, and the remedy. Exit 1."""


class Contradiction(Broken):
    """An event that cannot follow those before it; `line` is its number in the ledger."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"ledger line {line}: {what}")
        self.line = line


class Interrupted(KeyboardInterrupt):
    """Somebody ended the work: Ctrl-C, a closed terminal, or kill. The text says what is left."""
