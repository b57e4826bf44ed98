"""One HTTP call and what its answer means; whether a retry can help is decided here, once."""

import copy
import email.utils
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import urllib3

from split_dest import __version__
from split_dest.errors import Refused, Remedy
from split_dest.outlets import deadline

USER_AGENT = f"split-dest/{__version__}"

#: What Split's documents ask for (docs.split.io, reference/error-codes): 402 and 403 speak of the key's rights.
_KEY_REFUSED = frozenset({401, 402, 403})
_RECORD_REFUSED = frozenset({400, 413, 422})
#: Retry-After (RFC 9110) and Split's Admin API (docs.split.io, reference/rate-limiting: the larger one counts).
_WAIT_HEADERS = ("Retry-After", "X-RateLimit-Reset-Seconds-Org", "X-RateLimit-Reset-Seconds-IP")
#: Segment's Tracking API sends seconds in it (segment-docs, sources/catalog/libraries/server/http-api).
_RESET_HEADER = "X-RateLimit-Reset"
_WAIT_MAX_SECONDS = 86_400.0
#: Makes a context that holds for as long as a call takes.
Watch = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, ready to be sent. ``place`` is its path without any user's data, for logs and errors."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    place: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx or 404 answer."""

    status: int
    body: bytes


class Http:
    """Pooled connections, kept alive between calls."""

    def __init__(self, timeout_seconds: float, connections: int = 16) -> None:
        self._pool = deadline.pools(timeout_seconds, connections)
        self._watch: Watch = nullcontext

    def watched(self, watch: Watch) -> "Http":
        """Gives the same connections, each of whose calls is made within a context of *watch*."""
        same = copy.copy(self)
        same._watch = watch
        return same

    def send(self, request: Request, *, not_found_is_answer: bool = False) -> Answer:
        """Sends the request and gives the answer.

        Args:
            request: what to send.
            not_found_is_answer: True gives a 404 to the caller, who knows what it means.

        Raises:
            Refused: anything but a 2xx, or no answer at all.
        """
        said = f"{request.method} {request.place}"
        try:
            with self._watch():
                answer = self._pool.request(
                    request.method,
                    request.url,
                    body=request.body or None,
                    headers=dict(request.headers),
                    redirect=False,  # a key must not follow to another host
                )
        except urllib3.exceptions.NewConnectionError as error:
            raise Refused("upstream_unreachable", f"{said}: no connection", Remedy.WAIT) from error
        except urllib3.exceptions.TimeoutError as error:
            raise Refused("upstream_timeout", said, Remedy.WAIT) from error
        except urllib3.exceptions.HTTPError as error:
            raise Refused("upstream_unreachable", f"{said}: {type(error).__name__}", Remedy.WAIT) from error
        if 200 <= answer.status < 300 or (answer.status == 404 and not_found_is_answer):
            return Answer(answer.status, answer.data)
        raise _refused(said, answer.status, answer.headers)


def _refused(said: str, status: int, headers: Mapping[str, str]) -> Refused:
    code, remedy = _meaning(status)
    sent = _date(headers.get("Date", "")) or time.time()
    reset = _seconds(headers.get(_RESET_HEADER, ""), sent)
    # Many proxies write the moment itself here, as seconds since 1970.
    waits = [reset if reset <= _WAIT_MAX_SECONDS else 0.0]
    waits += [_seconds(headers.get(name, ""), sent) for name in _WAIT_HEADERS]
    # A wait that is over when it is given is none: the lane backs off as it does without one.
    wait_seconds = min(max(waits), _WAIT_MAX_SECONDS) or None
    return Refused(code, f"{said}: {status}", remedy, wait_seconds=wait_seconds)


def _meaning(status: int) -> tuple[str, Remedy]:
    if status in _KEY_REFUSED:
        return "key_refused", Remedy.MEND
    if status in _RECORD_REFUSED:
        return "record_refused", Remedy.HALVE
    return "rate_limited" if status == 429 else "upstream_error", Remedy.WAIT


def _seconds(header: str, sent: float) -> float:
    """Gives the seconds that a header asks to wait: a number of them, or a date; 0.0: none, or unreadable.

    *sent* is when the answer says that it was sent, in seconds since 1970: a date means the sender's clock.
    """
    try:
        seconds = float(header)
    except ValueError:
        moment = _date(header)
        seconds = 0.0 if moment is None else moment - sent
    return seconds if seconds > 0 else 0.0


def _date(header: str) -> float | None:
    """Gives a date in seconds since 1970; None: unreadable."""
    try:
        return email.utils.parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return None
