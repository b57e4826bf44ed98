"""Where strings and brackets stand in raw JSON text, damaged or not, without a parser and so without its limits.

In a damaged text every quote may be one too many, so a quote is judged by its neighbours. It can begin a string
behind a mark of JSON, a blank, or nothing; it ends one before a mark or the end of the text. A quote that could
only begin a string shows that the one before it began none. A string goes over a raw line break only if the next
quote ends it. So a quote too many or too few costs a few bytes, not the rest of the text.

No pattern gives back what it took, and a string is tried only where one may begin, so the time is linear.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate, compress, count, islice

BLANKS = b" \t\r\n"
_OPENS = rb'"(?<![^][{}:, \t\r\n]")'
_CLOSES = rb'"(?=[ \t\r\n]*+(?:[][{}:,]|\Z))'
_NEITHER = rb'"(?<=[^][{}:, \t\r\n]")(?![ \t\r\n]*+(?:[][{}:,]|\Z))'
_ONE_LINE = rb'%b[^"\\\r\n]*+(?:(?:\\[^\r\n]|%b)[^"\\\r\n]*+)*+' % (_OPENS, _NEITHER)
_MORE_LINES = rb'[\r\n][^"\\]*+(?:\\.[^"\\]*+)*+'
#: The pattern of a string, to be compiled with DOTALL.
STRING = rb"%b(?:%b)?+%b" % (_ONE_LINE, _MORE_LINES, _CLOSES)
_QUOTED = rb'(?:%b|")' % STRING
_NO_BRACKETS = re.compile(rb'(%b(?:[^]["{}]*+%b)*+)' % (_QUOTED, _QUOTED), re.DOTALL)
_TO_BRACKETS = re.compile(rb'[^]["{}]*+(?:%b[^]["{}]*+)*+(?:([\[{]++)|([\]}]++)|\Z)' % _QUOTED, re.DOTALL)
_STRINGS = re.compile(STRING, re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHERS = bytes(set(range(256)) - set(_STEPS))
_IS_BRACKET = bytes(code in _STEPS for code in range(256))


class Brackets:
    """The brackets outside of a text's strings, by number. ``codes`` says which they are.

    A hostile text may be nothing but brackets, so every loop over them runs in C.
    """

    def __init__(self, text: bytes) -> None:
        parts = _NO_BRACKETS.split(text)
        rest = b"".join(parts[::2])
        self.codes = rest.translate(None, _OTHERS)
        self._depths = list(accumulate(map(_STEPS.__getitem__, self.codes)))
        self._places = array("L", compress(count(), rest.translate(_IS_BRACKET)))
        # Where each of the joined parts ends, and how much was left out before it.
        lengths = list(map(len, parts))
        self._part_ends = array("L", accumulate(lengths[::2]))
        self._left_out = array("L", accumulate(lengths[1::2], initial=0))

    def place(self, number: int) -> int:
        """Return where a bracket stands in the text."""
        place = self._places[number]
        return place + self._left_out[bisect_right(self._part_ends, place)]

    def first_from(self, place: int) -> int:
        """Return the number of the first bracket that stands at a place or behind it."""
        return bisect_left(range(len(self.codes)), place, key=self.place)

    def closer(self, opener: int, stop: int) -> int | None:
        """Return the number of the bracket before *stop* that closes another one; None: there is none.

        Both kinds of brackets are counted together, so one in place of the other harms nothing else.
        """
        try:
            return self._depths.index(self._depths[opener] - 1, opener + 1, stop)
        except ValueError:
            return None

    def innermost(self, first: int, stop: int) -> int | None:
        """Return the innermost bracket that was opened from *first* on and is open before *stop*, or None."""
        depth = self._depths[stop - 1]
        for number in range(stop - 1, first - 1, -1):
            if self._depths[number] == depth and self.codes[number] in b"[{":
                return self.codes[number]
        return None


def end(text: bytes, at: int) -> int | None:
    """Return where the array or object ends that begins at *at*; None: nowhere."""
    depth = 0
    for found in _TO_BRACKETS.finditer(text, at):
        if found[1]:
            depth += len(found[1])
        elif found[2]:
            depth -= len(found[2])
            if depth <= 0:
                return found.end() + depth
    return None


def is_deeper(text: bytes, levels: int) -> bool:
    """Return whether arrays and objects stand more than so many levels deep in one another."""
    height = 0
    for found in islice(_TO_BRACKETS.finditer(text), 4 * levels):
        # A text that is nothing but deep shows it at its beginning.
        height += len(found[1] or b"") - len(found[2] or b"")
        if height > levels:
            return True
    return depth(text) > levels


def without_strings(text: bytes) -> bytes:
    """Return a text without its strings; a quote that is left is one too many, or its string never ends."""
    return _STRINGS.sub(b"", text)


def depth(text: bytes) -> int:
    """Return how deep arrays and objects stand in one another; a scalar has depth 0."""
    brackets = without_strings(text).translate(None, _OTHERS)
    return max(accumulate(map(_STEPS.__getitem__, brackets), initial=0))
