"""A request's body: received whole and in time, inflated, and never more of it than allowed."""

import zlib
from collections.abc import Iterator
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO

import gevent
from flask import Request
from werkzeug.wsgi import get_content_length

from split_dest.errors import RequestRefused
from split_dest.web import fairness

#: Tells in a request's environment how its body was received: WHOLE, or CUT, when it is not known where it ends.
RECEIVED, WHOLE, CUT = "split_dest.received", "whole", "cut"
#: From the end of the head to the last byte: longer than Segment's senders wait, and what Heroku's router gives.
REQUEST_SECONDS = 30.0
#: A larger body takes its turn, and waits for it in a file: senders that stall must cost no memory.
LARGE_BYTES = 65_536
#: gunicorn copies what it has read ahead, up to a megabyte, once for each piece.
_PIECE_BYTES = 131_072
#: gunicorn reads chunk by chunk, so many bytes may be as many chunks before others have their turn.
_CHUNKED_PIECE_BYTES = 4096
_GZIP = b"\x1f\x8b"
_WBITS = 16 + zlib.MAX_WBITS
#: How much is read of a gzip file at a time, for zlib copies what it leaves, and how much may come of it.
_DEFLATED_PIECE_BYTES, _INFLATED_PIECE_BYTES = 8192, 262_144
#: The one 4xx for a broken request after which Segment tries again (action-destinations, core/errors.ts).
_INCOMPLETE = 408


class Body:
    """A body as it came: in memory or, when it is large, in an unlinked file.

    Args:
        max_bytes: the limit, before and after inflation.
        length: as the head says it; None: it doesn't.
    """

    def __init__(self, max_bytes: int, length: int | None) -> None:
        self._max_bytes = max_bytes
        is_small = length is not None and length <= LARGE_BYTES
        self._kept: IO[bytes] = BytesIO() if is_small else SpooledTemporaryFile(LARGE_BYTES)  # noqa: SIM115
        self._size = 0

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the body."""
        self._kept.close()

    def add(self, piece: bytes) -> None:
        """Keep a piece.

        Raises:
            RequestRefused: 413 ``body_too_large``.
        """
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._kept.write(piece)

    @property
    def is_large(self) -> bool:
        """True when it is larger than some requests together should be, or would be when inflated."""
        if self._size > LARGE_BYTES:
            return True
        body = self._whole()
        try:
            return body.startswith(_GZIP) and len(_inflated(body, LARGE_BYTES)) > LARGE_BYTES
        except RequestRefused as refused:
            return refused.code == "body_too_large"

    def text(self) -> bytes:
        """Return the whole body, inflated if it is gzip, whatever the headers say.

        Raises:
            RequestRefused: 413 ``body_too_large`` or 400 ``invalid_gzip``.
        """
        body = self._whole()
        return _inflated(body, self._max_bytes) if body.startswith(_GZIP) else body

    def _whole(self) -> bytes:
        self._kept.seek(0)
        return self._kept.read()


def receive(request: Request, max_bytes: int) -> Body:
    """Receive a request's body.

    Flask's own limit would cut a chunked body silently, so the body is read here up to one byte too many.

    Args:
        request: whose body it is.
        max_bytes: the limit, before and after inflation.

    Raises:
        RequestRefused: 413 ``body_too_large``; 408 ``body_incomplete``: it was cut or took too long; or 400 where
            chunks are wrong, which no second try repairs.
    """
    # Each look at Flask's request goes through its context.
    environ = request.environ
    length = get_content_length(environ)
    if (length or 0) > max_bytes:
        raise _too_large(max_bytes)
    body = Body(max_bytes, length)
    try:
        _fill(body, environ["wsgi.input"], length)
        environ[RECEIVED] = WHOLE
    except RequestRefused as refused:
        body.close()
        if refused.code == "body_incomplete":
            environ[RECEIVED] = CUT
        raise
    return body


def _fill(body: Body, source: IO[bytes], length: int | None) -> None:
    try:
        with gevent.Timeout(REQUEST_SECONDS):
            for piece in _pieces(source, length):
                body.add(piece)
    except RequestRefused:
        raise
    except (OSError, gevent.Timeout) as error:
        raise RequestRefused(_INCOMPLETE, "body_incomplete") from error
    except Exception as error:
        # WSGI has no name for the errors of a body that can't be read.
        raise RequestRefused(400, "body_incomplete", "The chunks are not what they say.") from error


def _pieces(source: IO[bytes], length: int | None) -> Iterator[bytes]:
    """Yield a body piece by piece.

    Raises:
        OSError: it ended early. gunicorn returns what came of such a body as if it were all.
    """
    missing = length
    piece_bytes = _CHUNKED_PIECE_BYTES if length is None else _PIECE_BYTES
    while piece := source.read(piece_bytes if missing is None else min(missing, piece_bytes)):
        yield piece
        if missing is not None:
            missing -= len(piece)
        fairness.give_way()
    if missing:
        raise OSError("the body ended early")


def _inflated(body: bytes, max_bytes: int) -> bytes:
    """Return what all members of a gzip file hold.

    Source:
        RFC 1952, 2.2: members follow one another, with nothing before, between or after them.
    """
    text, left, member = bytearray(), memoryview(body), zlib.decompressobj(wbits=_WBITS)
    while left:
        piece = left[:_DEFLATED_PIECE_BYTES]
        if member.eof:
            member = zlib.decompressobj(wbits=_WBITS)
        try:
            text += member.decompress(piece, _INFLATED_PIECE_BYTES)
        except zlib.error as error:
            raise RequestRefused(400, "invalid_gzip") from error
        if len(text) > max_bytes:
            raise _too_large(max_bytes)
        left = left[len(piece) - len(member.unused_data or member.unconsumed_tail) :]
        fairness.give_way()
    if not member.eof:
        raise RequestRefused(400, "invalid_gzip")
    return bytes(text)


def _too_large(max_bytes: int) -> RequestRefused:
    return RequestRefused(413, "body_too_large", f"The body, inflated, is over {max_bytes} bytes.")
