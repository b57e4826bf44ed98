"""Who may call: the keys that Split's APIs ask for."""

from flask import request

from split_dest.sandbox.answers import Refused
from split_dest.sandbox.state import current


def require_sdk_key() -> None:
    """Let the call through when it shows the SDK key as a Bearer token.

    Raises:
        Refused: 401.
    """
    if _bearer() != current().keys.sdk_key:
        raise Refused(401, "the SDK key is missing or wrong")


def require_admin_key() -> None:
    """Let the call through when it shows the Admin API key, as a Bearer token or in ``x-api-key``.

    Raises:
        Refused: 401.
    """
    if current().keys.admin_key not in (_bearer(), request.headers.get("x-api-key")):
        raise Refused(401, "the Admin API key is missing or wrong")


def _bearer() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
