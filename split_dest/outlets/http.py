"""One HTTP call and what its answer means; the only place that decides whether a retry can help."""

import copy
import email.utils
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass

import urllib3

from split_dest import __version__
from split_dest.errors import Refused, Remedy
from split_dest.outlets import deadline
from split_dest.outlets.words import words_of

USER_AGENT = f"split-dest/{__version__}"

#: docs.split.io, reference/error-codes: 402 and 403 concern the key's rights.
_KEY_REFUSED = frozenset({401, 402, 403})
_RECORD_REFUSED = frozenset({400, 413, 422})
#: Retry-After (RFC 9110) and Split's Admin API (docs.split.io, reference/rate-limiting: the larger one counts).
_WAIT_HEADERS = ("Retry-After", "X-RateLimit-Reset-Seconds-Org", "X-RateLimit-Reset-Seconds-IP")
#: Segment's Tracking API sends seconds in this header (segment-docs, sources/catalog/libraries/server/http-api).
_RESET_HEADER = "X-RateLimit-Reset"
#: A larger reset is a time: many proxies write it as seconds since 1970.
_RESET_MAX_SECONDS = 86_400.0
#: Longer than any pause that helps; an answer may ask for years.
_WAIT_MAX_SECONDS = 3_600.0
#: The longest answer that is read, inflated; the largest that is needed is a page of 50 flags, of about 1 KB each.
_ANSWER_MAX_BYTES = 1_000_000
#: How much is inflated at once: between two pieces the deadline counts.
_PIECE_BYTES = 16_384
#: Returns a context within which a call is made.
CallContext = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, ready to be sent. ``place`` is its path without a user's data, for logs and errors."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    place: str


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A 2xx or 404 answer."""

    status: int
    body: bytes


class HttpClient:
    """Pooled connections, kept alive between calls."""

    def __init__(self, timeout_seconds: float, connections: int = 16) -> None:
        self._pool = deadline.pools(timeout_seconds, connections)
        self._context: CallContext = nullcontext

    def within(self, context: CallContext) -> "HttpClient":
        """Return the same connections; each call is made within a new context of this kind."""
        same = copy.copy(self)
        same._context = context
        return same

    def send(self, request: Request, *, not_found_is_answer: bool = False) -> HttpResponse:
        """Send the request and return the answer.

        Args:
            request: what to send.
            not_found_is_answer: True returns a 404 to the caller, which knows what it means.

        Raises:
            Refused: anything but a 2xx, an answer of more than 1 MB, or no answer at all.
        """
        call = f"{request.method} {request.place}"
        with self._context(), _refusing(call):
            answer = self._pool.request(
                request.method,
                request.url,
                body=request.body or None,
                headers=dict(request.headers),
                redirect=False,  # a key must not follow to another host
                preload_content=False,
            )
            body = bytearray()
            try:
                if 200 <= answer.status < 300 or (answer.status == 404 and not_found_is_answer):
                    _read(answer, body)
                    return HttpResponse(answer.status, bytes(body))
                # A refusal counts even if its words can't be read.
                with suppress(urllib3.exceptions.HTTPError, _TooLong):
                    _read(answer, body)
            finally:
                # What is not read to its end must not be taken for the next call's answer.
                answer.close()
                answer.release_conn()
        raise _refused(call, answer.status, answer.headers, words_of(bytes(body), request.headers))


class _TooLong(Exception):
    """An answer has more bytes than are read."""


def _read(answer: urllib3.BaseHTTPResponse, body: bytearray) -> None:
    """Append an answer's body, inflated, to *body*.

    Raises:
        urllib3.exceptions.HTTPError: it did not come as a whole and in time, or can't be inflated.
        _TooLong: it is longer than an answer may be; *body* has its beginning.
    """
    if "," in answer.headers.get("Content-Encoding", ""):
        # A few hundred bytes that were packed twice are half a gigabyte on the way.
        raise urllib3.exceptions.DecodeError("packed more than once")
    # Of what comes slowly, all that has come counts.
    while piece := answer.read1(_PIECE_BYTES):
        body += piece
        if len(body) > _ANSWER_MAX_BYTES:
            raise _TooLong


@contextmanager
def _refusing(call: str) -> Iterator[None]:
    """Turn what prevents an answer into a refusal."""
    try:
        yield
    except urllib3.exceptions.NewConnectionError as error:
        raise Refused("upstream_unreachable", f"{call}: no connection", Remedy.WAIT) from error
    except urllib3.exceptions.TimeoutError as error:
        raise Refused("upstream_timeout", call, Remedy.WAIT) from error
    except urllib3.exceptions.DecodeError as error:
        raise Refused("upstream_error", f"{call}: an answer that can't be inflated", Remedy.WAIT) from error
    except urllib3.exceptions.HTTPError as error:
        raise Refused("upstream_unreachable", f"{call}: {type(error).__name__}", Remedy.WAIT) from error
    except _TooLong as error:
        raise Refused("upstream_error", f"{call}: an answer of more than 1 MB", Remedy.WAIT) from error


def _refused(call: str, status: int, headers: Mapping[str, str], words: str) -> Refused:
    code, remedy = _meaning(status)
    sent = _date(headers.get("Date", "")) or time.time()
    reset = _seconds(headers.get(_RESET_HEADER, ""), sent)
    waits = [reset if reset <= _RESET_MAX_SECONDS else 0.0]
    waits += [_seconds(headers.get(name, ""), sent) for name in _WAIT_HEADERS]
    asked_seconds = max(waits)
    capped = (
        "; asked to wait for more than an hour, which is the most" if asked_seconds > _WAIT_MAX_SECONDS else ""
    )
    # A wait of zero counts as none: the lane backs off as it does without one.
    wait_seconds = min(asked_seconds, _WAIT_MAX_SECONDS) or None
    detail = f"{call}: {status}{capped}"
    return Refused(code, detail, remedy, wait_seconds=wait_seconds, words=words, status=status)


def _meaning(status: int) -> tuple[str, Remedy]:
    if status in _KEY_REFUSED:
        return "key_refused", Remedy.FIX
    if status in _RECORD_REFUSED:
        return "record_refused", Remedy.HALVE
    return "rate_limited" if status == 429 else "upstream_error", Remedy.WAIT


def _seconds(header: str, sent: float) -> float:
    """Return the seconds that a header asks to wait: a number of them, or a date; 0.0: none, or unreadable.

    *sent* is the time of the answer's ``Date`` in seconds since 1970, because a date refers to the sender's clock.
    """
    try:
        seconds = float(header)
    except ValueError:
        moment = _date(header)
        seconds = 0.0 if moment is None else moment - sent
    return seconds if seconds > 0 else 0.0


def _date(header: str) -> float | None:
    """Return a date in seconds since 1970; None: unreadable."""
    try:
        return email.utils.parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return None
