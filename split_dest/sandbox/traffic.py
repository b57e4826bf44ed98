"""Around every call to an API: the faults that are asked for, and the counting."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from flask import Flask, Response, g, request

from split_dest.sandbox.answers import answer, error_body
from split_dest.sandbox.faults import Call, Fault
from split_dest.sandbox.paths import raw_target
from split_dest.sandbox.state import current

_PREFIXES = (
    ("/api/events", "events"),
    ("/api/testImpressions/bulk", "impressions"),
    ("/api/", "sdk"),
    ("/internal/api/v2/trafficTypes/ws/", "admin"),
    ("/internal/api/v2/trafficTypes/", "identities"),
    ("/internal/api/v2/", "admin"),
    ("/v1/", "tracks"),
)


def watch(app: Flask) -> None:
    """Make *app* play the active faults and count its calls."""
    app.before_request(_play_fault)
    app.after_request(_finish)


def failing_keys() -> dict[str, int]:
    """Return the keys that this bulk call must fail, each with the status of its failure."""
    fault: Fault | None = g.fault
    return dict.fromkeys(fault.fail_keys, fault.status or 400) if fault else {}


def _api_of(path: str) -> str | None:
    return next((api for prefix, api in _PREFIXES if path.startswith(prefix)), None)


def _play_fault() -> Response | None:
    g.api, g.fault, g.dropped = _api_of(request.path), None, False
    g.came_ms = time.time_ns() // 1_000_000
    if g.api is None:
        return None
    call = Call(g.api, raw_target(request.environ), request.get_data())
    fault = g.fault = current().faults.take(call)
    if fault is None:
        return None
    time.sleep(fault.delay_ms / 1000)
    return _answer(fault)


def _answer(fault: Fault) -> Response | None:
    if fault.drop == "before":
        return _hang_up()
    if fault.status is None or fault.fail_keys:
        return None
    response = _text(fault.body, fault.status)
    response.headers.update(fault.headers or {})
    if fault.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(fault.retry_after_seconds)
    return response


def _text(body: str | None, status: int) -> Response:
    if body is None:
        return answer(error_body(status, "a fault was asked for"), status)
    mimetype = "application/json" if body.startswith(("{", "[")) else "text/plain"
    return Response(body, status, mimetype=mimetype)


def _hang_up() -> Response:
    """Close the connection: gunicorn then can't send this answer, and stays quiet about it."""
    g.dropped = True
    _close(request.environ.get("gunicorn.socket"))
    return Response("the connection is dropped here", 500, mimetype="text/plain")


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _cut(whole: Response) -> Response:
    """Send one half of the body, then close the connection."""
    g.dropped = True
    body, connection = whole.get_data() or b"{}", request.environ.get("gunicorn.socket")

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        _close(connection)

    return Response(half(), whole.status_code, {"Content-Length": str(len(body))}, mimetype=whole.mimetype)


def _finish(response: Response) -> Response:
    if g.get("api") is None:
        return response
    if g.fault is not None and g.fault.drop == "after":
        response = _hang_up()
    elif g.fault is not None and g.fault.drop == "half":
        response = _cut(response)
    outcome = "dropped" if g.dropped else str(response.status_code)
    current().received.note_call(g.api, outcome, g.came_ms, g.fault and g.fault.containing)
    return response
