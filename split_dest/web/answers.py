"""Answers: JSON that Segment's own clients and its Event Tester read."""

from collections.abc import Callable

from flask import Response, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from split_dest import logs
from split_dest.errors import REASONS, RequestRefused, StoreUnavailable
from split_dest.web import cors
from split_dest.web.attempts import Attempts

#: Segment retries 408, 423, 429 and 5xx but 501 for four hours and drops the rest, so a fault of ours is a 503
#: (action-destinations, core/errors.ts).
_OUR_FAULT = 503
RETRY_AFTER_SECONDS = 5

_TOO_MANY = 429
#: What whoever guesses a name, a secret or a write key is told.
_ATTEMPTS = ("unauthorized", "bad_signature", "unknown_destination", "unknown_source")

_HTTP_CODES = {
    400: "body_incomplete",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_incomplete",
    413: "body_too_large",
}


def error(status: int, code: str, detail: str = "") -> Response:
    """Return an error answer: ``code`` for machines; ``message`` and ``error``, which different clients read."""
    text = detail or REASONS[code]
    answer = jsonify(success=False, code=code, message=text, error=text)
    answer.status_code = status
    if status == _OUR_FAULT:
        # Segment's SDKs read the one or the other.
        answer.headers["Retry-After"] = answer.headers["X-RateLimit-Reset"] = str(RETRY_AFTER_SECONDS)
    return answer


def refused(raised: RequestRefused) -> Response:
    """Return the answer to a request that the sender must change."""
    return error(raised.status, raised.code, raised.detail)


def limit(
    attempts: Attempts, count_limited: Callable[[], None], count: Callable[[str], None], raised: RequestRefused
) -> Response:
    """Return the answer to a request that the sender must change; to one failed attempt too many: come later."""
    count(raised.code)
    seconds = attempts.failed(request.remote_addr or "") if raised.code in _ATTEMPTS else 0
    if not seconds:
        return refused(raised)
    count_limited()
    answer = error(_TOO_MANY, "too_many_attempts")
    answer.headers["Retry-After"] = answer.headers["X-RateLimit-Reset"] = str(seconds)
    return answer


def unavailable(raised: StoreUnavailable) -> Response:
    """Return the answer while Redis can't store: try again."""
    logs.often("store_unavailable", code=raised.code, detail=raised.detail)
    return error(_OUR_FAULT, raised.code, REASONS[raised.code])


def http_error(count: Callable[[str], None], raised: HTTPException) -> Response:
    """Return the answer to what Flask itself refuses: unknown addresses, methods, cut bodies."""
    status = raised.code or 500
    if status >= 500:
        return error(_OUR_FAULT, "internal_error")
    code = _HTTP_CODES.get(status, "not_found")
    count(code)
    answer = error(status, code)
    if isinstance(raised, MethodNotAllowed):
        # RFC 9110, 15.5.6, asks for it.
        answer.allow.update(raised.valid_methods or ())
    # An address that nobody serves belongs to no endpoint, so the Tracking API's own word would not come to it.
    return cors.allow(answer)


def fault(raised: Exception) -> Response:
    """Return the answer to an error that nobody expected: ours, so the sender should try again."""
    logs.often("internal_error", cause=raised)
    return error(_OUR_FAULT, "internal_error")
