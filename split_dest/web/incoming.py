"""One request while it comes in: how much of it is there, and when it is worth an answer.

What is read here only says when; where a request ends, and whether it is one, gunicorn's parser alone decides.
"""

import re
import time
from collections.abc import Callable, Iterator

from gunicorn.http.body import Body  # type: ignore[import-untyped]

from split_dest.segment.tracking import MAX_BODY_BYTES
from split_dest.web.kept import Kept, Room

#: From its first byte to its last: longer than any sender of Segment waits, and what Heroku's router gives.
REQUEST_SECONDS = 30.0
#: A larger body is answered after the other large ones. The application is asked first whether it wants it, which
#: means to answer twice, unless it is no larger than a batch of Segment's SDKs and there is room to collect it.
LARGE_BYTES = 65_536
#: More than a hundred headers of usual length; gunicorn takes a hundred.
_HEAD_BYTES = 65_536
_LINE_BYTES = 8190
#: What a chunk counts beside its bytes, so that a body of tiny chunks, which is slow to read, ends soon.
_CHUNK_COSTS_BYTES = 64

_END = b"\r\n\r\n"
#: Of a head in small letters.
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*(\d+)[ \t]*\r\n")
#: A length of more digits is over every limit.
_DIGITS = 18
#: Any other coding the parser refuses, so nothing more is awaited.
_CODING = b"\r\ntransfer-encoding:"
_CHUNKED = re.compile(_CODING + rb"[^\r\n]*chunked")
_CONTINUE = b"\r\nexpect:"


class BodyAwaited(BaseException):
    """The application wants a body that has not come yet; it is asked again when it has.

    Not an ``Exception``, for it is nobody's fault and no handler of errors shall answer it.
    """


class _Length:
    """A body whose head tells its length in bytes."""

    def __init__(self, length: int) -> None:
        self.least = length
        self._left = length

    @property
    def is_whole(self) -> bool:
        return self._left <= 0

    def add(self, data: bytes) -> None:
        self._left -= len(data)

    def is_over(self, most_bytes: int) -> bool:
        return self.least > most_bytes


class _Chunks:
    """A body in chunks, of any length."""

    def __init__(self) -> None:
        self.is_whole = False
        self._size = 0
        self._left = 0
        self._line = b""

    def is_over(self, most_bytes: int) -> bool:
        # Beside a chunk's bytes stand its length and two ends of lines.
        return self._size > most_bytes + most_bytes // 4

    def add(self, data: bytes) -> None:
        self._size += len(data)
        text, at = self._line + data, 0
        while not self.is_whole and at < len(text):
            skipped = min(self._left, len(text) - at)
            self._left -= skipped
            at += skipped
            if self._left or (end := text.find(b"\r\n", at)) < 0 or not self._begin(text, at, end):
                break
            at = end + 2
        self._line = text[at:]
        # Such a line the parser refuses.
        self.is_whole = self.is_whole or len(self._line) > _LINE_BYTES

    def _begin(self, text: bytes, at: int, end: int) -> bool:
        """Begins the chunk whose line stands there; False: it is the last one, or none."""
        self._size += _CHUNK_COSTS_BYTES
        try:
            length = int(text[at:end].partition(b";")[0], 16)
        except ValueError:
            length = -1
        if length <= 0:
            self.is_whole = length < 0 or text.find(_END, end) >= 0
            return False
        self._left = length + 2
        return True


class Incoming:
    """One request while it comes in.

    ``is_cut``: no more of it will come. ``is_awaited``: the application wants its body. ``ends_seconds``: when it
    must be whole, by the monotonic clock; 0.0 before its first byte. ``is_large``: it takes its turn.
    ``is_known``: the application knows who sent it.
    ``meanwhile``: answers another one that came, if there is one, and says whether; None where a thread answers.

    Args:
        room: where a batch is collected before the application is asked; None: it is asked first.
    """

    def __init__(self, room: Room | None) -> None:
        self._room = room
        self._room_bytes = 0
        self.is_cut = False
        self.is_awaited = False
        self.is_large = False
        self.is_known = False
        self.is_post = False
        self.meanwhile: Callable[[], bool] | None = None
        self.ends_seconds = 0.0
        self._kept = Kept()
        self._head = b""
        self._is_bare = False
        self._body: _Length | _Chunks | None = None
        self._most_bytes = LARGE_BYTES

    @property
    def is_whole(self) -> bool:
        """True when nothing of it is missing."""
        return self._body is not None and self._body.is_whole

    @property
    def is_ready(self) -> bool:
        """True when it shall be answered: it is whole, will never be, or the application must be asked."""
        if self.is_cut or self._body is None:
            return self.is_cut or len(self._head) > _HEAD_BYTES or self._is_bare
        return self.is_whole or self._body.is_over(self._most_bytes)

    @property
    def refusal(self) -> tuple[int, str] | None:
        """The status and the words for a head that never ends; None: gunicorn's parser knows better."""
        if self._body is not None or self._is_bare:
            return None
        if self.is_cut:
            return 408, "Request Timeout"
        # A first line that never ends has a status of its own.
        return (431, "Request Header Fields Too Large") if b"\r\n" in self._head[:_LINE_BYTES] else None

    def add(self, data: bytes) -> None:
        """Takes what came; nothing: the sender has ended."""
        self.is_cut = self.is_cut or not data
        self.ends_seconds = self.ends_seconds or time.monotonic() + REQUEST_SECONDS
        if self._body is not None:
            self._kept.write(data)
            self._body.add(data)
            return
        before = self._head
        self._head += data
        end = self._head.find(_END, max(0, len(before) - len(_END)))
        lines = data if end < 0 else data[: max(0, end - len(before))]
        is_split = before.endswith(b"\r") and lines.startswith(b"\n")
        self._is_bare = self._is_bare or lines.count(b"\n") > lines.count(b"\r\n") + is_split
        if end >= 0:
            self._begin_body(self._head[: end + 2].lower(), self._head[end + len(_END) :])

    def _begin_body(self, head: bytes, start: bytes) -> None:
        found = _LENGTH.search(head)
        length = int(found[1][:_DIGITS]) if found else 0
        is_chunked = _CODING in head and _CHUNKED.search(head)
        self._body = _Chunks() if is_chunked else _Length(length)
        self._body.add(start)
        self.is_post = head.startswith(b"post ")
        if _CONTINUE in head:
            # The sender waits for a word before it sends the body.
            self._most_bytes = -1
        elif _CODING not in head and LARGE_BYTES < length <= MAX_BODY_BYTES:
            self._collect(length)
        self._kept.write(self._head)
        self._head = b""

    def _collect(self, length: int) -> None:
        """Lets a batch be collected in memory, if there is room, before the application is asked."""
        if self._room is not None and self._room.take(length):
            # Beside it comes its head, and a pipelined request whose beginning came with its end.
            self._kept.in_memory_bytes += length
            self._room_bytes = self._most_bytes = length
            self.is_large = True

    def pieces(self) -> Iterator[bytes]:
        """Gives all that came, from its beginning."""
        if self._head:
            self._kept.write(self._head)
            self._head = b""
        return self._kept.read()

    def await_body(self, most_bytes: int) -> None:
        """Makes sure that the body is there, or as much of it as will ever come, or more of it than *most_bytes*.

        Raises:
            BodyAwaited: it is not, or it is large and must wait for its turn.
        """
        if not (self.is_whole or self.is_cut or self.is_over(most_bytes)):
            self._most_bytes, self.is_awaited = most_bytes, True
            self.is_large = self.is_over(LARGE_BYTES)
            raise BodyAwaited
        if self.is_over(LARGE_BYTES) and not self.is_over(most_bytes):
            self.queue()

    def queue(self) -> None:
        """Makes sure that a large body is answered after the other large ones, not beside them.

        Raises:
            BodyAwaited: it must wait for its turn.
        """
        if not self.is_large:
            self.is_large = self.is_awaited = True
            raise BodyAwaited

    def is_over(self, most_bytes: int) -> bool:
        """True when the body is larger than that, or when reading it would cost as much."""
        return self._body is not None and self._body.is_over(most_bytes)

    def close(self) -> None:
        """Forgets what came, and gives its room to others."""
        self._kept.close()
        if self._room is not None:
            self._room.give_back(self._room_bytes)
            self._room_bytes = 0


class AwaitedBody(Body):  # type: ignore[misc]
    """gunicorn's body of a request that may not have come yet."""

    def __init__(self, reader: object, incoming: Incoming) -> None:
        super().__init__(reader)
        self.incoming = incoming
