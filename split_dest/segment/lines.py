"""Lines of damaged JSON that were cut: whatever is open at their end does not go on in the next line."""

import re

from split_dest.segment.json_text import BLANKS, Brackets, without_strings

_END = re.compile(rb"[\r\n]")
_NEXT_LINE = re.compile(rb"[ \t\r\n]*+([{,\]])[^\r\n]*+")


class Lines:
    """The lines of a text, of which each question is about the same one as the question before, or a later one."""

    def __init__(self, text: bytes, brackets: Brackets) -> None:
        self._text = text
        self._brackets = brackets
        self._end = self._limit = self._object_limit = -1

    def limit(self, opener: int) -> int:
        """Return where a container ends at the latest: with its first line if that was cut, else with the text."""
        begin = self._brackets.place(opener)
        if begin > self._end:
            found = _END.search(self._text, begin)
            self._end = found.start() if found else len(self._text)
            self._limit = self._object_limit = len(self._text)
            next_line = _NEXT_LINE.match(self._text, self._end)
            if next_line and self._is_cut(begin, opener, next_line[1]):
                self._limit = self._end
                if b'"batch"' in next_line[0] or self._text.find(b'"batch"', begin, self._end) < 0:
                    self._object_limit = self._end
        return self._limit

    def object_limit(self, opener: int) -> int:
        """Return the same of a top-level object: a batch goes on in the next line, unless that holds another."""
        self.limit(opener)
        return self._object_limit

    def _is_cut(self, begin: int, opener: int, mark: bytes) -> bool:
        """True when the line ends within a string, or the next one opens an object where none may stand."""
        stop = self._brackets.first_from(self._end)
        if b'"' in without_strings(self._text[self._brackets.place(stop - 1) : self._end]):
            return True
        last = self._text[begin : self._end].rstrip(BLANKS)[-1:]
        if last == b"," and mark == b"{":
            return self._brackets.innermost(opener, stop) == ord("{")
        return mark == b"{" and last not in (b":", b"[")
