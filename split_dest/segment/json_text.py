"""Cuts raw JSON text into the raw texts of its parts, without parsing and so without any limit of a parser.

Needed where parsing is not enough: Segment signs the raw bytes of an array's first element, and a batch with one
unreadable message must still give up its readable ones.
"""

import re
from collections.abc import Iterator
from itertools import accumulate

#: A string that never ends takes the rest of the text, so that nothing is scanned twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
#: All up to the next bracket or comma outside of strings, and up to the next brackets side by side.
_TO_MARK = re.compile(rb'[^"\[\]{},]*+(?:%b[^"\[\]{},]*+)*+([\[\]{},])' % _STRING.pattern, re.DOTALL)
_TO_BRACKETS = re.compile(rb'[^"\[\]{}]*+(?:%b[^"\[\]{}]*+)*+([\[{]++|[\]}]++|\Z)' % _STRING.pattern, re.DOTALL)
_CLOSER = {b"[": b"]", b"{": b"}"}
_STEPS = dict(zip(b"[{]}", (1, 1, -1, -1), strict=True))
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))
_BLANK = b" \t\r\n"


def parts(text: bytes) -> Iterator[bytes]:
    """Gives the raw text of each element of an array, or of each member (``"name":value``) of an object.

    Raises:
        ValueError: *text* is not one whole array or object, or a part of it is missing.
    """
    text = text.strip(_BLANK)
    closer = _CLOSER.get(text[:1])
    at = start = 1
    while found := _TO_MARK.match(text, at):
        mark, at = found[1], found.end()
        if mark in _CLOSER:
            at = _end(text, at - 1)
        elif mark == b",":
            yield _part(text[start : at - 1])
            start = at
        elif mark != closer or at != len(text):
            break
        else:
            if text[1:-1].strip(_BLANK):
                yield _part(text[start:-1])
            return
    raise ValueError("not one whole array or object")


def _end(text: bytes, at: int) -> int:
    """Gives where the array or object ends that begins at *at*."""
    depth = 0
    for found in _TO_BRACKETS.finditer(text, at):
        first, end = found.span(1)
        depth += end - first if text[end - 1] in b"[{" else first - end
        if depth <= 0:
            return end + depth
    raise ValueError("an array or object never ends")


def _part(text: bytes) -> bytes:
    part = text.strip(_BLANK)
    if not part:
        raise ValueError("a part is missing")
    return part


def member(text: bytes, name: bytes) -> bytes | None:
    """Gives the raw value of an object's member; of several with the name, the last; None: there is none.

    Raises:
        ValueError: as ``parts``.
    """
    found = None
    for part in parts(text):
        key = _STRING.match(part)
        if key and key[0] == b'"' + name + b'"':
            found = part[key.end() :].lstrip(_BLANK).removeprefix(b":").lstrip(_BLANK)
    return found


def depth(text: bytes) -> int:
    """Gives how deep arrays and objects stand in one another; a scalar has depth 0."""
    brackets = _STRING.sub(b"", text).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets), initial=0))
