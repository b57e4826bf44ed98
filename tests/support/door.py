"""Posting to the application in the same process."""

from typing import Any

import orjson
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SECRET = "geheim-ü"
TRACK = {"type": "track", "event": "Tried", "userId": "u-1", "messageId": "m-1"}


def post(client: FlaskClient, body: Any, path: str = "/webhook/web", **options: Any) -> TestResponse:
    """Posts a body with the secret, JSON unless it is bytes."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Authorization": SECRET} | options.pop("headers", {})
    return client.open(path, method=options.pop("method", "POST"), data=data, headers=headers, **options)
