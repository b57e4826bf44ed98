"""Segment's Tracking API: batches of calls."""

import base64
from collections.abc import Iterable

import orjson

from split_dest import __version__
from split_dest.outlets.bulk import Limits
from split_dest.outlets.http import USER_AGENT, Request

#: Segment takes 2,500 messages and 500 KB a batch (segment-docs, sources/catalog/libraries/server/http-api); the
#: JSON around the messages needs a little room.
LIMITS = Limits(2500, 499_000)

# Without sentAt Segment leaves each timestamp as it is: Split's clock needs no correction.
_CONTEXT = orjson.dumps({"library": {"name": "split-dest", "version": __version__}})


def request(segment_url: str, write_key: str, calls: Iterable[bytes]) -> Request:
    """Return the request that sends encoded calls.

    Source:
        segment-docs, sources/catalog/libraries/server/http-api, "Batch" and "Authentication".
    """
    headers = {
        "Content-Type": "application/json",
        "Authorization": "Basic " + base64.b64encode(f"{write_key}:".encode()).decode(),
        "User-Agent": USER_AGENT,
    }
    body = b'{"context":' + _CONTEXT + b',"batch":[' + b",".join(calls) + b"]}"
    return Request("POST", f"{segment_url}/batch", headers, body, "/batch")
