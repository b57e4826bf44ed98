"""Receive a request's body whole, in time and within its limit, and inflate it."""

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

#: How a request's body was received, in its WSGI environment: WHOLE, or CUT if nobody knows where it ends.
RECEIVED, WHOLE, CUT = "split_dest.received", "whole", "cut"
#: Time from the end of the head to the last byte: longer than Segment waits, and as long as Heroku's router does.
REQUEST_SECONDS = 30.0
#: A larger body takes turns, and waits in a file, so that stalled senders cost no memory.
LARGE_BYTES = 65_536
#: gunicorn copies its read-ahead buffer, up to a megabyte, once a piece.
_PIECE_BYTES = 131_072
#: gunicorn reads chunk by chunk, and a chunk may be one byte: this bounds the chunks before others get their turn.
_CHUNKED_PIECE_BYTES = 4096
_GZIP = b"\x1f\x8b"
_WBITS = 16 + zlib.MAX_WBITS
#: How many bytes are inflated at a time (zlib copies the rest), and into how many at most.
_DEFLATED_PIECE_BYTES, _INFLATED_PIECE_BYTES = 8192, 262_144
#: The only 4xx for a broken request that Segment retries (action-destinations, core/errors.ts).
_INCOMPLETE = 408


class Body:
    """A body as it came: in memory or, when it is large, in an unlinked file.

    Args:
        max_bytes: the limit, before and after inflation.
        length: as the head says it; None: it doesn't.
    """

    def __init__(self, max_bytes: int, length: int | None = None) -> None:
        self._max_bytes = max_bytes
        is_small = length is not None and length <= LARGE_BYTES
        self._kept: IO[bytes] = BytesIO() if is_small else SpooledTemporaryFile(LARGE_BYTES)  # noqa: SIM115
        self._size = 0

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Discard the body."""
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
        """Return whether it is large, or becomes large when inflated."""
        if self._size > LARGE_BYTES:
            return True
        body = self._whole()
        try:
            return body.startswith(_GZIP) and len(_inflated(body, LARGE_BYTES)) > LARGE_BYTES
        except RequestRefused as refused:
            return refused.code == "body_too_large"

    def text(self) -> bytes:
        """Return the body, inflated if it is gzip. The headers don't matter: senders get them wrong.

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

    Flask's own limit would truncate a chunked body silently.

    Args:
        request: the request.
        max_bytes: the limit, before and after inflation.

    Raises:
        RequestRefused: 413 ``body_too_large``; 408 ``body_incomplete`` if it was cut or took too long, 400 if its
            chunks are malformed, which a retry does not repair.
    """
    # Each access to Flask's request goes through its context.
    environ = request.environ
    length = get_content_length(environ)
    if (length or 0) > max_bytes:
        raise _too_large(max_bytes)
    body = Body(max_bytes, length)
    environ[RECEIVED] = CUT
    try:
        with gevent.Timeout(REQUEST_SECONDS):
            for piece in _pieces(environ["wsgi.input"], length):
                body.add(piece)
    except gevent.Timeout as error:
        body.close()
        raise RequestRefused(_INCOMPLETE, "body_incomplete") from error
    except BaseException:
        body.close()
        raise
    environ[RECEIVED] = WHOLE
    return body


def _pieces(source: IO[bytes], length: int | None) -> Iterator[bytes]:
    """Yield a body piece by piece.

    Raises:
        RequestRefused: ``body_incomplete``. gunicorn returns a body that ended early as if it were complete.
    """
    missing = length
    piece_bytes = _CHUNKED_PIECE_BYTES if length is None else _PIECE_BYTES
    while piece := _read(source, piece_bytes if missing is None else min(missing, piece_bytes)):
        yield piece
        if missing is not None:
            missing -= len(piece)
        fairness.give_way()
    if missing:
        raise RequestRefused(_INCOMPLETE, "body_incomplete")


def _read(source: IO[bytes], size: int) -> bytes:
    try:
        return source.read(size)
    except OSError as error:
        raise RequestRefused(_INCOMPLETE, "body_incomplete") from error
    except Exception as error:
        # WSGI does not define which errors a body raises.
        raise RequestRefused(400, "body_incomplete", "The chunked encoding is malformed.") from error


def _inflated(body: bytes, max_bytes: int) -> bytes:
    """Return the content of all members of a gzip file.

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
    return RequestRefused(413, "body_too_large", f"The body, as it came or inflated, is over {max_bytes} bytes.")
