"""Strings and brackets of raw JSON text, damaged or not, found without a parser and so without its limits.

A string that never ends reaches to the end of the text. No pattern backtracks, so the time is linear.
"""

import re
from collections.abc import Callable
from itertools import accumulate

#: Called again and again in long work, so that its caller can do something else in between.
Pause = Callable[[], object]
#: How many runs of brackets are read, in about 0.2 ms, before a pause.
_RUNS = 1000
#: What is deeper is left out: real messages have under ten levels, and every later step may then recurse.
MAX_DEPTH = 64
BLANKS = b" \t\r\n"
#: Patterns of a string, of one that may have no end, and of text without brackets but for those in its strings.
STRING = rb'"[^"\\]*+(?:\\(?s:.)[^"\\]*+)*+"'
OPEN_STRING = rb'(?:%b|"(?s:.*+))' % STRING
NO_BRACKETS = rb'[^]["{}]*+(?:%b[^]["{}]*+)*+' % OPEN_STRING

_BRACKETS = re.compile(rb"%b([\[{]*+)([\]}]*+)" % NO_BRACKETS)
_STRINGS = re.compile(OPEN_STRING)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHERS = bytes(set(range(256)) - set(_STEPS))


def no_pause() -> None:
    """Go on at once."""


def end_of(text: bytes, begin: int, pause: Pause = no_pause) -> int | None:
    """Return where the array or object ends that begins at *begin*; None: nowhere.

    Both kinds of brackets are counted together, so one in place of the other harms nothing else.
    """
    depth = 0
    for number, run in enumerate(_BRACKETS.finditer(text, begin), 1):
        if number % _RUNS == 0:
            pause()
        # Each opening bracket of the run adds one level, each closing bracket behind them ends one.
        depth += 2 * run.end(1) - run.start(1) - run.end()
        if depth <= 0:
            return run.end() + depth
    return None


def is_deep(text: bytes) -> bool:
    """Return whether arrays and objects are nested more than ``MAX_DEPTH`` levels deep."""
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return False
    brackets = _STRINGS.sub(b"", text).translate(None, _OTHERS)
    return any(depth > MAX_DEPTH for depth in accumulate(map(_STEPS.__getitem__, brackets)))


def pruned(text: bytes) -> bytes:
    """Return JSON text with null in place of each array or object that is nested too deep."""
    pieces, begin, depth = [], 0, 0
    for run in _BRACKETS.finditer(text):
        for at in range(run.start(1), run.end()):
            depth += _STEPS[text[at]]
            if depth == MAX_DEPTH + 1 and at < run.end(1):
                pieces.append(text[begin:at] + b"null")
            elif depth == MAX_DEPTH and at >= run.start(2):
                begin = at + 1
    return b"".join([*pieces, text[begin:]])
