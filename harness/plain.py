"""Text of others, made harmless to show and to store."""


def plain(text: str) -> str:
    """One line without control characters, so that no escape code reaches a terminal or git."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in storable(text))
    return " ".join(text.split())


def storable(text: str) -> str:
    """As UTF-8 can hold it: half a surrogate pair becomes a question mark."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def plain_lines(text: str) -> list[str]:
    """The same of several lines, whose tabs and spaces stay."""
    lines = storable(text).split("\n")
    return ["".join(c if c.isprintable() or c == "\t" else " " for c in line) for line in lines]
