"""What a stranger wrote must not steer a terminal, nor show as something else: the one place that sees to it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


def escaped(text: str, keep: str = "") -> str:
    r"""Return a text with every character that can't be seen written as JSON writes it, such as ``\u202e``.

    These are control characters, those that turn the direction of text, blanks but the plain one, and what no
    Unicode that this Python knows has. JSON holds them in strings alone, so that it means the same afterwards.

    Args:
        text: any.
        keep: which of these characters stay as they are.

    >>> print(escaped("A\x1b[2J\u202eB"))
    A\u001b[2J\u202eB
    """
    rest = text
    for char in keep:
        rest = rest.replace(char, "")
    if rest.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(char) for char in text)


def _escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


class _Escaping:
    """A text stream that escapes what is written to it; lines and tabs stay."""

    def __init__(self, stream: TextIO) -> None:
        self.unescaped = stream

    def write(self, text: str) -> int:
        """Write a text."""
        return self.unescaped.write(escaped(text, keep="\n\t"))

    @property
    def buffer(self) -> "_EscapingBytes":
        """The same stream for bytes."""
        return _EscapingBytes(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unescaped, name)


class _EscapingBytes:
    """The same for bytes, which must be whole characters of UTF-8."""

    def __init__(self, stream: _Escaping) -> None:
        self._stream = stream

    def write(self, text: bytes) -> int:
        """Write a text."""
        self._stream.write(text.decode(errors="replace"))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def escaping() -> Iterator[None]:
    """Escape all that is written to stdout and stderr until the block ends."""
    former = sys.stdout, sys.stderr
    streams: Any = map(_Escaping, former)
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdout, sys.stderr = former


def unescaped(stream: TextIO) -> TextIO:
    """Return a stream for one's own colours and moves; what others wrote must be escaped before."""
    own: TextIO = getattr(stream, "unescaped", stream)
    return own
