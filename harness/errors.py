"""What ends a command of `thinker` other than its own work."""


def in_words(error: Exception) -> str:
    """What a person is told of it: of a system's error its words alone, without number and path."""
    return getattr(error, "strerror", None) or str(error)


class Misuse(Exception):
    """The command cannot do what was typed; says what was wrong and what to do instead. Exit 2."""


class Broken(Exception):
    """Something that was there before is damaged; says what, where, and the remedy. Exit 1."""


class Interrupted(KeyboardInterrupt):
    """Somebody ended the work: Ctrl-C, a closed terminal, or kill. The text says what is left."""
