"""The sandbox as a Flask application, and its server."""

import signal
import socket
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException

from split_dest.sandbox.admin_api import blueprint as admin
from split_dest.sandbox.api import ApiError, answer, error_body
from split_dest.sandbox.control import blueprint as control
from split_dest.sandbox.faults import ApiCall, Fault
from split_dest.sandbox.sdk_api import blueprint as sdk
from split_dest.sandbox.segment_api import blueprint as segment
from split_dest.sandbox.state import Keys, State, current

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BODY_BYTES = 20_000_000
"""Far above every documented limit: a body over such a limit is still read, so that its sender sees the answer."""

IDENTITIES = "/internal/api/v2/trafficTypes/"
PREFIXES = (
    ("/api/events", "events"),
    ("/api/testImpressions/bulk", "impressions"),
    ("/api/", "sdk"),
    (IDENTITIES + "ws/", "admin"),
    (IDENTITIES, "identities"),
    ("/internal/api/v2/", "admin"),
    ("/v1/", "tracks"),
)


class _Sandbox(Flask):
    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        # WSGI decodes the path. Below the identities the routes see it as it was sent: so %2F stays part of a
        # key, and a bare slash in a key leads nowhere, as at Split.
        path = urlsplit(_target(environ)).path
        if path.startswith(IDENTITIES):
            environ["PATH_INFO"] = path
        return super().wsgi_app(environ, start_response)


def _target(environ: "WSGIEnvironment") -> str:
    """Return path and query as they were sent; gunicorn and Flask's test client keep them."""
    return str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ.get("PATH_INFO", ""))


def create_app(keys: Keys | None = None) -> Flask:
    """Return the sandbox with nothing received yet.

    Args:
        keys: what callers must show; the defaults of `Keys` when None.
    """
    app = _Sandbox(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False
    app.extensions["sandbox"] = State(keys or Keys())
    app.before_request(_apply_fault)
    app.after_request(_finish_call)
    for blueprint in (sdk, admin, segment, control):
        app.register_blueprint(blueprint)
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _apply_fault() -> Response | None:
    fault: Fault | None = None
    g.api = next((api for prefix, api in PREFIXES if request.path.startswith(prefix)), None)
    g.fault, g.received_ms = fault, time.time_ns() // 1_000_000
    if g.api is not None:
        g.fault = fault = current().faults.take(ApiCall(g.api, _target(request.environ), request.get_data()))
    return fault.answer_early() if fault else None


def _finish_call(response: Response) -> Response:
    if g.api is None:
        return response
    fault: Fault | None = g.fault
    outcome = "dropped" if fault and fault.drop else str(response.status_code)
    current().received.add_call(g.api, outcome, g.received_ms, fault.containing if fault else None)
    return fault.finish(response) if fault else response


def _api_error(error: ApiError) -> Response:
    return answer(error_body(error.status, str(error), **error.details), error.status)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    return answer(error_body(status, error.description or error.name), status)


def listen(port: int) -> socket.socket:
    """Return a socket on *port* of the loopback address: the sandbox takes anything from anybody.

    Raises:
        OSError: the port is in use, or not allowed.
    """
    return socket.create_server(("127.0.0.1", port), backlog=2048)


def serve(listener: socket.socket, keys: Keys | None = None) -> None:
    """Run the sandbox until SIGTERM, SIGINT or SIGHUP; then the process exits.

    Errors go to stderr; nothing else is written.

    Args:
        listener: where to take connections; it is closed at the end.
        keys: what callers must show; the defaults of `Keys` when None.

    Raises:
        SystemExit: always.
    """
    _Server(listener, keys or Keys()).run()


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, listener: socket.socket, keys: Keys) -> None:
        self._listener = listener.detach()
        self._keys = keys
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"fd://{self._listener}",
            "worker_class": "gthread",
            "workers": 1,  # the state is in the memory of one process
            "threads": 32,
            "keepalive": 75,
            "graceful_timeout": 4,  # longer than gunicorn keeps idle connections open at the end
            "loglevel": "error",
            "control_socket_disable": True,  # otherwise gunicorn leaves a socket in the user's home directory
            "on_reload": _stop,
            "worker_int": _ignore_more,
        }
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup does, and gunicorn undoes
            settings |= {"when_ready": _ignore_hangup, "post_worker_init": _ignore_hangup}
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._keys)


def _stop(_arbiter: object) -> None:
    """End the server where gunicorn would reload: on SIGHUP, which says that the terminal was closed."""
    raise KeyboardInterrupt


def _ignore_more(_worker: object) -> None:
    """Let the end that began with SIGINT or SIGQUIT be: one more would raise SystemExit amid it.

    Ctrl-C reaches the whole process group, and the master then sends SIGQUIT besides.
    """
    # Not SIG_IGN: Python complains of a signal that came just before that.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGQUIT, lambda *_: None)


def _ignore_hangup(_process: object) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
