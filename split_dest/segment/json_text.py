"""Cuts raw JSON text into the raw texts of its parts, without parsing and so without any limit of a parser.

Needed where parsing is not enough: Segment signs the raw bytes of an array's first element, and a batch with one
unreadable message must still give up its readable ones.
"""

import re
from collections.abc import Iterator

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},:]', re.DOTALL)
_CLOSER = {b"[": b"]", b"{": b"}"}
_BLANK = b" \t\r\n"


def parts(text: bytes) -> Iterator[bytes]:
    """Gives the raw text of each element of an array, or of each member (``"name":value``) of an object.

    Raises:
        ValueError: the container that *text* begins with never ends, or something follows it.
    """
    text = text.strip(_BLANK)
    depth, start = 0, 1
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in (b"[", b"{"):
            depth += 1
        elif mark in (b"]", b"}"):
            depth -= 1
        if depth == 1 and mark == b",":
            yield text[start : token.start()].strip(_BLANK)
            start = token.end()
        if depth == 0:
            yield from _last(text, start, token)
            return
    raise ValueError("the text ends inside an array or object")


def _last(text: bytes, start: int, token: re.Match[bytes]) -> Iterator[bytes]:
    if token[0] != _CLOSER.get(text[:1]) or token.end() != len(text):
        raise ValueError("the text goes on behind its array or object")
    last = text[start : token.start()].strip(_BLANK)
    if last or start > 1:
        yield last


def member(text: bytes, name: bytes) -> bytes | None:
    """Gives the raw value of an object's member; of several with the name, the last; None: there is none.

    Raises:
        ValueError: as ``parts``.
    """
    found = None
    for part in parts(text):
        key = _TOKEN.match(part)
        if key and key[0] == b'"' + name + b'"':
            found = part[key.end() :].lstrip(_BLANK).removeprefix(b":").lstrip(_BLANK)
    return found


def depth(text: bytes) -> int:
    """Gives how deep arrays and objects stand in one another; a scalar has depth 0."""
    deepest = level = 0
    for token in _TOKEN.finditer(text):
        if token[0] in (b"[", b"{"):
            level += 1
            deepest = max(deepest, level)
        elif token[0] in (b"]", b"}"):
            level -= 1
    return deepest
