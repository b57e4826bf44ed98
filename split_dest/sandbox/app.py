"""The sandbox as a Flask application."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from split_dest.sandbox.admin_api import blueprint as admin
from split_dest.sandbox.answers import Refused, answer, error_body
from split_dest.sandbox.control import blueprint as control
from split_dest.sandbox.events_api import blueprint as events
from split_dest.sandbox.identities_api import blueprint as identities
from split_dest.sandbox.paths import keep_encoded_keys
from split_dest.sandbox.sdk_api import blueprint as sdk
from split_dest.sandbox.segment_api import blueprint as segment
from split_dest.sandbox.state import Keys, State
from split_dest.sandbox.traffic import watch

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BODY_BYTES = 20_000_000
"""Far above every documented limit: a body over such a limit is still read, so that its sender sees the answer."""


class _Sandbox(Flask):
    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        keep_encoded_keys(environ)
        return super().wsgi_app(environ, start_response)


def create_app(keys: Keys | None = None) -> Flask:
    """Return the sandbox with nothing received yet.

    Args:
        keys: what callers must show; the defaults of `Keys` when None.
    """
    app = _Sandbox(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.merge_slashes = False
    app.extensions["sandbox"] = State(keys or Keys())
    watch(app)
    for blueprint in (events, sdk, admin, identities, segment, control):
        app.register_blueprint(blueprint)
    app.register_error_handler(Refused, _refusal)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _refusal(refused: Refused) -> Response:
    return answer(error_body(refused.status, str(refused), **refused.details), refused.status)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    return answer(error_body(status, error.description or error.name), status)
