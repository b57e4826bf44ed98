"""The Pixel API: a call written into the address of a picture."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, unquote_to_bytes

import orjson

#: Deeper fields keep the rest of their dots as a name: JSON can't be written at any depth.
_MOST_PARENTS = 32
#: Encoders of MIME break their lines and end with a line break.
_BLANKS = b" \t\r\n"


def body_of_query(query: str) -> bytes:
    """Return the JSON message that a query stands for.

    The message stands in ``data``, as JSON in Base64 or plain, or each parameter is a field, with dots for fields
    within fields. Of several parameters with one name the first counts.

    Args:
        query: the raw query string, neither decoded nor split, so that a plus sign and a blank differ.

    Source:
        segment-docs, sources/catalog/libraries/server/pixel-tracking-api.

    >>> body_of_query("event=Opened&properties.subject=Hi")
    b'{"event":"Opened","properties":{"subject":"Hi"}}'
    >>> body_of_query("data=eyJldmVudCI6%0AIk9wZW5lZCJ9")
    b'{"event":"Opened"}'
    """
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if unquote_plus(name) == "data":
            return _decoded(value)
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters.setdefault(name, value)
    return _of_parameters(parameters)


def _of_parameters(parameters: Mapping[str, str]) -> bytes:
    message: dict[str, Any] = {}
    for path, value in parameters.items():
        *parents, name = path.split(".", _MOST_PARENTS)
        place = message
        for parent in parents:
            below = place.setdefault(parent, {})
            place = below if isinstance(below, dict) else {}
        place[name] = value
    return orjson.dumps(message)


def _decoded(data: str) -> bytes:
    # As in any form a plus sign stands for a blank, but in Base64 it is a digit.
    plain = unquote_to_bytes(data.replace("+", " "))
    if plain.lstrip(_BLANKS).startswith(b"{"):
        return plain
    # Addresses prefer "-_" to "+/", and some senders leave the padding out.
    text = unquote_to_bytes(data).translate(bytes.maketrans(b"-_", b"+/"), _BLANKS).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""
