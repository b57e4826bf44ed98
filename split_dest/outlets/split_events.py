"""Split's Events API: bulk calls of events."""

from collections.abc import Iterable

import orjson

from split_dest.outlets.http import USER_AGENT, Request
from split_dest.split.records import Event


def request(events_url: str, sdk_key: str, events: Iterable[bytes]) -> Request:
    """Return the request that sends encoded events.

    Source:
        docs.split.io, reference/create-events; python-client, api/events.py.
    """
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {sdk_key}",
        "User-Agent": USER_AGENT,
    }
    return Request("POST", f"{events_url}/events/bulk", headers, b"[" + b",".join(events) + b"]", "/events/bulk")


def encode(event: Event) -> bytes:
    """Return an event as Split reads it."""
    return orjson.dumps(event.to_json())
