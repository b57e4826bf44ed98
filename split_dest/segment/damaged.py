"""What is readable of a body that is not JSON as a whole: cut, joined, or with something else in between.

The body is walked once, from bracket to bracket, on three levels: outside of everything, among the members of a
top-level object, and among the elements of a list. Each level takes what stands directly on it and passes over
what is below as a whole, so no part of a damaged message is taken for a message. What belongs nowhere is a piece.
"""

import re
from dataclasses import dataclass, field

import orjson

from split_dest.errors import RequestRefused
from split_dest.segment.json_text import BLANKS, STRING, Brackets
from split_dest.segment.lines import Lines

#: What a message says that it is. An envelope says none of these; a message may well hold a list named batch.
CALLS = ("track", "page", "screen", "identify", "group", "alias", "delete")
_QUOTED_CALLS = tuple(map(orjson.dumps, CALLS))
BOM = b"\xef\xbb\xbf"
#: How many steps a body may take that lead to no message; what is beyond them is one piece.
MOST_IDLE_STEPS = 2_000
_STEPS_FOR_A_MESSAGE = 10

_BLANK = rb"[ \t\r\n]*+"
_PLAIN = rb'[^]["{}:, \t\r\n]++'
_BRACE, _CLOSING_BRACE, _BRACKET, _CLOSING_BRACKET = b"{}[]"
_OPENERS = b"[{"
_OPENER = re.compile(rb"[\[{]")
_ENVELOPE = re.compile(rb'\{%b"batch"%b:%b\[' % (_BLANK, _BLANK, _BLANK))
_KNOWN = re.compile(rb'(?<!\\)"(batch|context|integrations|json|sentAt|type|writeKey)"%b:%b' % (_BLANK, _BLANK))
_BESIDE = re.compile(rb'(?<!\\)"(?:context|integrations|sentAt|writeKey)"%b:' % _BLANK)
_SCALAR = re.compile(rb"%b|%b" % (STRING, _PLAIN), re.DOTALL)
_CELL = re.compile(rb'(?:[^",]++|%b|")++' % STRING, re.DOTALL)
_MEMBERS = re.compile(
    rb"[, \t\r\n]*+(?:%b%b:%b(?:%b|%b)?+[, \t\r\n]*+)*+" % (STRING, _BLANK, _BLANK, STRING, _PLAIN), re.DOTALL
)
#: Behind a brace: it closes nothing, for the list goes on.
_GOES_ON = re.compile(rb"%b[,\]]" % _BLANK)


@dataclass(slots=True)
class Found:
    """One top-level value: the raw texts of its messages and, by their names, of its object's members."""

    texts: list[bytes] = field(default_factory=list)
    members: dict[bytes, bytes] = field(default_factory=dict)
    is_envelope: bool = False
    #: The members before the end of the list of messages; and whether it ended with a bracket.
    members_before: dict[bytes, bytes] = field(default_factory=dict)
    is_closed: bool = False

    def is_call(self) -> bool:
        """True when the object says that it is a call itself."""
        return self.members.get(b"type") in _QUOTED_CALLS


class Reader:
    """The walk over one body; ``found`` and ``pieces`` are what it leads to.

    Args:
        body: any bytes.
        most: how many messages there may be; None: any number.

    Raises:
        RequestRefused: 413 ``too_many_messages``.
    """

    def __init__(self, body: bytes, most: int | None) -> None:
        self.found: list[Found] = []
        self.pieces: list[bytes] = []
        self._text = body
        self._most = most
        self._brackets = Brackets(body)
        self._lines = Lines(body, self._brackets)
        # Where the walk stands, and the number of the next bracket.
        self._at = self._next = 0
        self._count = 0
        self._steps = MOST_IDLE_STEPS
        self._walk()

    def _walk(self) -> None:
        while self._steps > 0 and (opener := _OPENER.search(self._brackets.codes, self._next)):
            self._next = opener.start()
            before, code = self._gap(len(self._text))
            self._piece(before)
            if _is_named(before):
                self._piece(self._container() or b"")
                continue
            self.found.append(Found())
            if code == _BRACE:
                self._object(self.found[-1])
            else:
                self._enter()
                self._list(self.found[-1], len(self._text))
        self._piece(self._text[self._at :])

    def _gap(self, stop: int) -> tuple[bytes, int]:
        """Go to the next bracket before *stop*, or there; return the text on the way, and the bracket or zero."""
        self._steps -= 1
        begin, code = self._at, 0
        if self._next < len(self._brackets.codes):
            self._at = self._brackets.place(self._next)
            code = self._brackets.codes[self._next] if self._at < stop else 0
        if not code:
            self._at = stop
        return self._text[begin : self._at], code

    def _enter(self) -> None:
        """Go behind the next bracket."""
        self._at = self._brackets.place(self._next) + 1
        self._next += 1

    def _container(self) -> bytes | None:
        """Go behind the array or object that begins here, and return its text; None: it is cut, and so a piece."""
        begin, limit = self._at, self._lines.limit(self._next)
        stop = len(self._brackets.codes)
        if limit < len(self._text):
            stop = self._brackets.first_from(limit)
        closer = self._brackets.closer(self._next, stop)
        if closer is None:
            self._at, self._next = limit, stop
            self._piece(self._text[begin:limit])
            return None
        self._next = closer
        self._enter()
        return self._text[begin : self._at]

    def _object(self, found: Found) -> None:
        """Walk over a top-level object, which is an envelope or one message."""
        begin, pieces = self._at, len(self.pieces)
        limit = self._lines.object_limit(self._next)
        self._enter()
        is_whole = self._members(found, limit)
        if found.is_envelope and not (is_whole and found.is_call()):
            return
        del self.pieces[pieces:]
        self._count -= len(found.texts)
        found.texts, found.is_envelope = [], False
        text = self._text[begin : self._at]
        if is_whole:
            self._add(found, text)
        else:
            self._piece(text)

    def _members(self, found: Found, stop: int) -> bool:
        """Walk over the members of an object; return whether it ends before *stop*."""
        while self._steps > 0:
            before, code = self._gap(stop)
            name = self._read_members(found, before)
            if not code or (not name and found.is_envelope and self._is_next_envelope(before)):
                return False
            if code in _OPENERS:
                self._member(found, name, before, stop)
                continue
            self._enter()
            if code != _CLOSING_BRACE:
                continue
            is_list_over = not found.is_envelope or (found.is_closed and not found.is_call())
            if is_list_over or not _GOES_ON.match(self._text, self._at):
                return True
            # Not the envelope has ended, but a message that had lost its beginning: its members are nobody's.
            found.members = found.members_before
            self._list(found, stop)
        return False

    def _read_members(self, found: Found, text: bytes) -> bytes:
        """Read the known members whose values are no containers; return the name at the text's end, if any.

        The name is a colon where it is none of the known ones.
        """
        if not _MEMBERS.fullmatch(text):
            self._piece(text)
        for known in _KNOWN.finditer(text):
            if known.end() == len(text):
                return known[1]
            if value := _SCALAR.match(text, known.end()):
                found.members[known[1]] = value[0]
        return b":" if _is_named(text) else b""

    def _member(self, found: Found, name: bytes, before: bytes, stop: int) -> None:
        """Read the member whose container begins here, or what stands among the members without a name."""
        is_list = self._brackets.codes[self._next] == _BRACKET
        if name == b"batch" and is_list and not found.is_call():
            # Of two lists with this name the last counts, as for every parser.
            self._count -= len(found.texts)
            found.texts, found.is_envelope = [], True
            self._enter()
            self._list(found, stop)
        elif (text := self._container()) and name:
            found.members[name] = text
        elif text and found.is_envelope and not is_list and not before.rstrip(BLANKS).endswith(b'"'):
            # The list's end came too early.
            self._add(found, text)
        else:
            self._piece(text or b"")

    def _list(self, found: Found, stop: int) -> None:
        """Walk over the elements of a list, and behind its end if it has one."""
        is_first = True
        while self._steps > 0:
            before, code = self._gap(stop)
            if found.is_envelope and (beside := _BESIDE.search(before)):
                self._at -= len(before) - beside.start()
                self._elements(found, before[: beside.start()], code)
                self._end_list(found, is_closed=False)
                return
            last = self._elements(found, before, code)
            if not code or (not is_first and self._is_next_envelope(before)):
                return
            is_first = False
            if code in _OPENERS:
                self._element(found, last)
            elif code == _CLOSING_BRACE and not _GOES_ON.match(self._text, self._at + 1):
                return
            else:
                self._enter()
                if code == _CLOSING_BRACKET:
                    self._end_list(found, is_closed=True)
                    return
                self._piece(b"}")

    def _end_list(self, found: Found, *, is_closed: bool) -> None:
        found.members_before, found.is_closed = dict(found.members), is_closed

    def _elements(self, found: Found, text: bytes, code: int) -> bytes:
        """Take the elements that are no containers; return what stands before the bracket without a comma."""
        last = b""
        for cell in _CELL.finditer(text):
            self._add(found, last)
            last = cell[0]
        if code == _CLOSING_BRACKET or text.rstrip(BLANKS).endswith(b","):
            self._add(found, last)
            return b""
        self._piece(last)
        return last

    def _element(self, found: Found, last: bytes) -> None:
        text = self._container() or b""
        if _is_named(last):
            self._piece(text)
        else:
            self._add(found, text)

    def _add(self, found: Found, text: bytes) -> None:
        text = text.strip(BLANKS)
        if not text:
            return
        self._count += 1
        if self._most is not None and self._count > self._most:
            raise too_many(self._most)
        self._steps += _STEPS_FOR_A_MESSAGE
        found.texts.append(text)

    def _piece(self, text: bytes) -> None:
        text = text.replace(BOM, b"").strip(BLANKS + b",")
        if text:
            self.pieces.append(text)

    def _is_next_envelope(self, before: bytes) -> bool:
        """True when an envelope begins here without a comma: the one before was cut."""
        return b"," not in before and _ENVELOPE.match(self._text, self._at) is not None


def _is_named(before: bytes) -> bool:
    """True when the name of a member stands before a value."""
    before = before.rstrip(BLANKS)
    return before.endswith(b":") and before[:-1].rstrip(BLANKS).endswith(b'"')


def too_many(most: int) -> RequestRefused:
    """Return the refusal of a body that holds more messages than it may."""
    return RequestRefused(413, "too_many_messages", f"More than {most} messages in one request.")
