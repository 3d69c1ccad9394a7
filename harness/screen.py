"""A terminal's whole screen, painted anew only where a line has changed.

The alternate screen is used, so that what stood there before comes back afterwards, and lines are
cut at the edge and never wrapped. A new size clears it; it is painted whole now and then as well,
since keys that are pressed, or a program in the background, may have written over it.
"""

import io
import os
import time
from typing import Self, TextIO

from rich.console import Console, RenderableType

from harness.picture import render
from harness.scene import Scene

BEGIN = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"  # alternate screen, no cursor, no wrapping
END = "\x1b[?7h\x1b[?25h\x1b[?1049l"
ANEW_S = 15.0  # between paintings of the whole
DEFAULT = (80, 24)


class TerminalGone(Exception):
    """Its window was closed, or its connection lost."""


class Screen:
    """Use it in a `with` statement. What writes may raise TerminalGone."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        probe = Console(file=stream)
        self.is_usable = stream.isatty() and probe.is_terminal and not probe.is_dumb_terminal
        self.colours = None if probe.no_color else probe.color_system
        self.size = DEFAULT
        self._shown: list[str] = []
        self._anew_at = 0.0

    def has_new_size(self) -> bool:
        return self.wanted_size() != self.size

    def paint(self, scene: Scene) -> None:
        """Only what differs from what was painted last is written."""
        size, now = self.wanted_size(), time.monotonic()
        text = ""
        if size != self.size or now > self._anew_at:
            self.size, self._shown, self._anew_at = size, [], now + ANEW_S
            text = "\x1b[2J"
        lines = drawn(render(scene, *size), size, self.colours)
        lines += [""] * (len(self._shown) - len(lines))
        for place, line in enumerate(lines):
            if place >= len(self._shown) or self._shown[place] != line:
                text += f"\x1b[{place + 1};1H\x1b[K{line}"
        self._shown = lines
        if text:
            self._write(text)

    def forget(self) -> None:
        """Somebody else wrote to the terminal: the next painting is of the whole."""
        self._anew_at = 0.0

    def __enter__(self) -> Self:
        self._write(BEGIN)
        return self

    def __exit__(self, *_: object) -> None:
        self._write(END)

    def _write(self, text: str) -> None:
        write(self.stream, text)

    def wanted_size(self) -> tuple[int, int]:
        """Columns and lines of the terminal now."""
        try:
            columns, lines = os.get_terminal_size(self.stream.fileno())
        except (OSError, ValueError):
            return DEFAULT
        return (columns, lines) if columns > 0 and lines > 0 else DEFAULT


def write(stream: TextIO, text: str) -> None:
    """Raises TerminalGone."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError) as error:  # the latter for a stream that is closed
        raise TerminalGone(str(error)) from error


def drawn(picture: RenderableType, size: tuple[int, int], colours: str | None = None) -> list[str]:
    """Lines of text with the escape codes of their colours; without colours, plain ones."""
    console = Console(
        file=io.StringIO(),
        force_terminal=colours is not None,
        color_system=colours,  # type: ignore[arg-type]  # one that another console found
        width=size[0],
        height=size[1],
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    console.print(picture, no_wrap=True, crop=True, end="")
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().rstrip("\n").split("\n")][: size[1]]
