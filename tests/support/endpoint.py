"""Posting to the application in the same process."""

import base64
from typing import Any

import orjson
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from split_dest.inbox.store import Store
from split_dest.segment import message
from split_dest.segment.message import Message

SECRET = "geheim-ü"
TRACK = {"type": "track", "event": "Tried", "userId": "u-1", "messageId": "m-1"}


def post(client: FlaskClient, body: Any, path: str = "/webhook/web", **options: Any) -> TestResponse:
    """Post a body with the secret, JSON unless it is bytes."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"Authorization": SECRET} | options.pop("headers", {})
    return client.open(path, method=options.pop("method", "POST"), data=data, headers=headers, **options)


def basic(user: str, password: str = "") -> str:
    """Return a Basic header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def call(client: FlaskClient, body: Any, path: str = "/v1/track", key: str = "wk", **options: Any) -> TestResponse:
    """Post a body to the Tracking API, JSON unless it is bytes, with a write key, if any, as SDKs show it."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = ({"Authorization": basic(key)} if key else {}) | options.pop("headers", {})
    return client.post(path, data=data, headers=headers, **options)


def stored(store: Store, destination: str = "web") -> list[Message]:
    """Return the messages that wait for a destination: those of the events lane, then those of identities."""
    streams = [store.key(destination, lane, "stream") for lane in ("events", "identities")]
    entries = [entry for stream in streams for entry in store.client.xrange(stream)]
    return [message.restore(fields[b"m"]) for _, fields in entries]
