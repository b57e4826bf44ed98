"""Read what is readable of a body that is not JSON as a whole: cut, joined, or with other text in between.

The body is read once, from bracket to bracket, on three levels: outside of everything, among the members of a
top-level object, and among the elements of a list. Each level takes the values that stand directly on it and skips
what is nested in them, so no part of a damaged message is taken for a message. Text that belongs to no message is
a piece.
"""

import re
from dataclasses import dataclass, field

import orjson

from split_dest.errors import RequestRefused
from split_dest.segment.json_text import BLANKS, NO_BRACKETS, OPEN_STRING, STRING, Pause, end_of, no_pause

#: The types of messages. An envelope has none of them; a message may well hold a list named batch.
CALLS = ("track", "page", "screen", "identify", "group", "alias", "delete")
_QUOTED_CALLS = tuple(map(orjson.dumps, CALLS))
BOM = b"\xef\xbb\xbf"
#: How many brackets may be read that lead to no message; the text beyond them is one piece.
MAX_IDLE_STEPS = 2_000
_STEPS_PER_MESSAGE = 10

_OPENERS, _CLOSERS = (b"[", b"{"), (b"]", b"}")
_TO_BRACKET = re.compile(NO_BRACKETS)
_TO_BRACKET_OR_COMMA = re.compile(rb'[, \t\r\n]*+(?:[^]["{},]++|%b)*+' % OPEN_STRING)
_NAME = rb"(%b)[ \t\r\n]*+:[ \t\r\n]*+"
_SCALAR = rb'(%b|[^]["{}:, \t\r\n]++)' % STRING
_KNOWN = re.compile(rb"(?<!\\)%b%b" % (_NAME % b'"(?:context|integrations|json|sentAt|type|writeKey)"', _SCALAR))
#: Members whose values are not nested, and the name of one whose value is.
_MEMBERS = re.compile(rb"[, \t\r\n]*+(?:%b[, \t\r\n]*+)*+(?:%b\Z)?+" % (_NAME % STRING + _SCALAR, _NAME % STRING))
_ENVELOPE = re.compile(rb"\{[ \t\r\n]*+%b\[" % (_NAME % b'"batch"'))


@dataclass(slots=True)
class Value:
    """A top-level value: the raw texts of its messages, and the members of its object by their quoted names."""

    texts: list[bytes] = field(default_factory=list)
    members: dict[bytes, bytes] = field(default_factory=dict)
    is_envelope: bool = False
    #: The raw text of an envelope that has a message's type: one message, if it can be read as one.
    whole: bytes = b""

    def is_call(self) -> bool:
        """Return whether the object has the type of a message."""
        return self.members.get(b'"type"') in _QUOTED_CALLS


class Reader:
    """One pass over a body, which leads to ``values`` and ``pieces``.

    Args:
        body: any bytes.
        max_messages: how many messages there may be; None: any number.
        pause: called again and again meanwhile.

    Raises:
        RequestRefused: 413 ``too_many_messages``.
    """

    def __init__(self, body: bytes, max_messages: int | None, pause: Pause = no_pause) -> None:
        self.values: list[Value] = []
        self.pieces: list[bytes] = []
        self._text = body
        self._at = self._count = 0
        self._max_messages, self._pause = max_messages, pause
        self._steps = MAX_IDLE_STEPS
        while self._at < len(body):
            self._top_level()

    def _top_level(self) -> None:
        """Read the next value that stands outside of everything."""
        before, bracket = self._go(_TO_BRACKET)
        self._keep(before.replace(BOM, b""))
        if bracket not in _OPENERS:
            self._keep(bracket)
            self._at += 1
        elif _is_named(before):
            self._keep(self._nested())
        else:
            self.values.append(Value())
            read = self._list if bracket == b"[" else self._object
            read(self.values[-1])

    def _object(self, value: Value) -> None:
        """Read a top-level object, which is an envelope or one message."""
        begin, pieces = self._at, len(self.pieces)
        is_whole = self._members(value)
        text = self._text[begin : self._at]
        if not value.is_envelope:
            del self.pieces[pieces:]
            self._keep(text, value if is_whole else None)
        elif is_whole and value.is_call():
            value.whole = text

    def _members(self, value: Value) -> bool:
        """Read the members of an object; return whether it ends."""
        self._at += 1
        while True:
            before, bracket = self._go(_TO_BRACKET)
            name = self._scalars(value, before)
            if bracket in _CLOSERS:
                self._at += 1
                return True
            if not bracket or (value.is_envelope and not name and self._is_joined(before)):
                return False
            if name == b'"batch"' and bracket == b"[" and not value.is_call():
                # Of two lists with this name the last counts, as for every parser.
                value.texts, value.is_envelope = [], True
                self._list(value)
            elif name:
                value.members[name] = self._nested()
            else:
                # An object behind a list that ended too early is a message, unless it has a name without a colon.
                is_message = value.is_envelope and not before.rstrip(BLANKS + b":").endswith(b'"')
                self._keep(self._nested(), value if is_message and bracket == b"{" else None)

    def _scalars(self, value: Value, text: bytes) -> bytes:
        """Keep the members whose values are not nested; return the name at the end, if there is one."""
        members = next(_MEMBERS.finditer(text))
        self._keep(text[members.end() :])
        value.members |= _KNOWN.findall(text, 0, members.end())
        return members[3] or b""

    def _list(self, value: Value) -> None:
        """Read the elements of a list."""
        self._at += 1
        while True:
            before, mark = self._go(_TO_BRACKET_OR_COMMA)
            self._keep(before, value if mark == b"," or mark in _CLOSERS else None)
            if mark in _CLOSERS:
                self._at += 1
                return
            if not mark or (value.texts and self._is_joined(before)):
                return
            if mark in _OPENERS:
                self._keep(self._nested(), None if _is_named(before) else value)

    def _go(self, pattern: re.Pattern[bytes]) -> tuple[bytes, bytes]:
        """Go as far as a pattern reaches; return the text on the way, and the byte behind it, if any."""
        if self._steps == 0:
            self._give_up()
        self._steps -= 1
        self._pause()
        begin, self._at = self._at, next(pattern.finditer(self._text, self._at)).end()
        return self._text[begin : self._at], self._text[self._at : self._at + 1]

    def _nested(self) -> bytes:
        """Go behind the array or object that begins here, and return its text; one that is cut is a piece."""
        begin, end = self._at, end_of(self._text, self._at, self._pause)
        if end is None:
            self._give_up()
            return b""
        self._at = end
        return self._text[begin:end]

    def _give_up(self) -> None:
        """Make a piece of the rest of the text."""
        self._keep(self._text[self._at :])
        self._at = len(self._text)

    def _keep(self, text: bytes, value: Value | None = None) -> None:
        """Keep a text as a message of *value*, or as a piece if it belongs to none."""
        text = text.strip(BLANKS + b",")
        if text and value is None:
            self.pieces.append(text)
        elif text and value:
            self._count += 1
            if self._max_messages is not None and self._count > self._max_messages:
                raise too_many(self._max_messages)
            self._steps += _STEPS_PER_MESSAGE
            value.texts.append(text)

    def _is_joined(self, before: bytes) -> bool:
        """Return whether an envelope begins here without a comma: the one before was cut."""
        return b"," not in before and _ENVELOPE.match(self._text, self._at) is not None


def _is_named(before: bytes) -> bool:
    """Return whether the name of a member stands before a value."""
    before = before.rstrip(BLANKS)
    return before.endswith(b":") and before[:-1].rstrip(BLANKS).endswith(b'"')


def too_many(max_messages: int) -> RequestRefused:
    """Return the refusal of a body that holds more messages than it may."""
    return RequestRefused(413, "too_many_messages", f"More than {max_messages} messages in one request.")
