"""A request's body: read whole, inflated, and never more of it than allowed."""

import zlib
from collections.abc import Callable, Mapping
from typing import IO, Any

from flask import Request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_content_length

from split_dest.errors import RequestRefused
from split_dest.web.incoming import LARGE_BYTES, Incoming

_GZIP = b"\x1f\x8b"
_WBITS = 16 + zlib.MAX_WBITS
_PIECE_BYTES = 65_536
#: The one 4xx for a broken request that Segment tries again (action-destinations, core/errors.ts).
_INCOMPLETE = 408


def read(request: Request, most_bytes: int) -> bytes:
    """Gives the body, inflated if it is gzip, whatever the headers say.

    Flask's own limit would cut a chunked body silently, so the body is read here up to one byte too many.

    Args:
        request: whose body it is.
        most_bytes: the limit, before and after inflation.

    Raises:
        RequestRefused: 413 ``body_too_large``, 400 ``invalid_gzip``, 408 ``body_incomplete``, or 400 where chunks
            are wrong, which no second try mends.
    """
    # Each look at Flask's request goes through its context.
    environ = request.environ
    length = get_content_length(environ)
    if (length or 0) > most_bytes:
        raise _too_large(most_bytes)
    incoming = _incoming(environ)
    if incoming is not None:
        incoming.await_body(most_bytes)
        if incoming.is_over(most_bytes):
            raise _too_large(most_bytes)
    source = environ["wsgi.input"] if length is not None else request.stream
    body = _read_up_to(source, length, most_bytes)
    if not body.startswith(_GZIP):
        return body
    if incoming is not None and len(_begun(body)) > LARGE_BYTES:
        incoming.queue()
    return _inflated(body, most_bytes)


def note_known(request: Request) -> None:
    """Notes that a request's sender has shown a secret or key that opens its door.

    A large body that comes next on the connection need not wait until the door is asked whether it wants it.
    """
    incoming = _incoming(request.environ)
    if incoming is not None:
        incoming.is_known = True


def meanwhile(request: Request) -> Callable[[], bool] | None:
    """Gives what answers other requests while this one can wait; None: it holds up nobody."""
    incoming = _incoming(request.environ)
    return None if incoming is None else incoming.meanwhile


def _incoming(environ: Mapping[str, Any]) -> Incoming | None:
    return getattr(environ["wsgi.input"], "incoming", None)


def _read_up_to(source: IO[bytes], length: int | None, most_bytes: int) -> bytes:
    try:
        body = _pieces(source, most_bytes) if length is None else source.read(length)
    except (ClientDisconnected, OSError) as error:
        raise RequestRefused(_INCOMPLETE, "body_incomplete") from error
    except ParseException as error:
        raise RequestRefused(400, "body_incomplete", "The chunks are not what they say.") from error
    # gunicorn gives what came of a body that ends early as if it were all.
    if len(body) < (length or 0):
        raise RequestRefused(_INCOMPLETE, "body_incomplete")
    return body


def _pieces(source: IO[bytes], most_bytes: int) -> bytes:
    pieces, size = [], 0
    while piece := source.read(_PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            raise _too_large(most_bytes)
    return b"".join(pieces)


def _begun(body: bytes) -> bytes:
    """Gives the beginning of what a body holds, enough to tell a large one."""
    try:
        return zlib.decompressobj(wbits=_WBITS).decompress(body, LARGE_BYTES + 1)
    except zlib.error:
        return b""


def _inflated(body: bytes, most_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=_WBITS)
    try:
        inflated = inflater.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise RequestRefused(400, "invalid_gzip") from error
    if len(inflated) > most_bytes:
        raise _too_large(most_bytes)
    if not inflater.eof:
        raise RequestRefused(400, "invalid_gzip")
    return inflated


def _too_large(most_bytes: int) -> RequestRefused:
    return RequestRefused(413, "body_too_large", f"The body, inflated, is over {most_bytes} bytes.")
