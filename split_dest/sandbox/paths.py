"""Percent-encoded keys in a path, which WSGI would decode before the routes see them."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ENCODED_BELOW = "/internal/api/v2/trafficTypes/"


def raw_target(environ: "WSGIEnvironment") -> str:
    """Return path and query as they stood in the request line; gunicorn and Flask's test client keep them."""
    return str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ.get("PATH_INFO", ""))


def keep_encoded_keys(environ: "WSGIEnvironment") -> None:
    """Let the routes below the identities' path see the path as it was sent.

    So ``%2F`` stays part of a key, and a bare ``/`` in a key leads nowhere (reference split.md, section 2.1).
    """
    path = urlsplit(raw_target(environ)).path
    if path.startswith(ENCODED_BELOW):
        environ["PATH_INFO"] = path
