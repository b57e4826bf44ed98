"""The Pixel API: a call written into the address of a picture."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson

#: Deeper fields keep the rest of their dots as a name: JSON can't be written at any depth.
_MOST_PARENTS = 32


def body_of_query(query: Mapping[str, str]) -> bytes:
    """Gives the JSON message that a query stands for.

    It stands in ``data`` as JSON in Base64, or each parameter is a field, with dots for fields within fields.

    Source:
        segment-docs, sources/catalog/libraries/server/pixel-tracking-api.

    >>> body_of_query({"event": "Opened", "properties.subject": "Hi"})
    b'{"event":"Opened","properties":{"subject":"Hi"}}'
    """
    if "data" in query:
        return _decoded(query["data"])
    message: dict[str, Any] = {}
    for path, value in query.items():
        *parents, name = path.split(".", _MOST_PARENTS)
        place = message
        for parent in parents:
            below = place.setdefault(parent, {})
            place = below if isinstance(below, dict) else {}
        place[name] = value
    return orjson.dumps(message)


def _decoded(data: str) -> bytes:
    # "+" comes as a space, addresses prefer "-_", and some senders leave the padding out.
    text = data.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""
