"""The Pixel API: a call in the URL of an image."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, unquote_to_bytes

import orjson

#: Deeper fields keep their remaining dots in the name, for JSON can't be written at any depth.
_MAX_PARENTS = 32
#: MIME encoders break the text into lines and end it with a line break.
_BLANKS = b" \t\r\n"


def body_of_query(query: str) -> bytes:
    """Return the JSON message of a query.

    The message is in ``data``, as plain JSON or in Base64, or each parameter is a field, with dots for nested
    fields. Of several parameters with the same name the first counts.

    Args:
        query: the raw query string, neither decoded nor split, so that plus signs and spaces differ.

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
    for name, value in parse_qsl(query, keep_blank_values=True, errors="surrogateescape"):
        parameters.setdefault(name, value)
    return _of_parameters(parameters)


def _of_parameters(parameters: Mapping[str, str]) -> bytes:
    message: dict[str, Any] = {}
    for path, value in parameters.items():
        *parents, name = path.split(".", _MAX_PARENTS)
        place = message
        for parent in parents:
            below = place.setdefault(parent, {})
            place = below if isinstance(below, dict) else {}
        place[name] = value
    try:
        return orjson.dumps(message)
    except orjson.JSONEncodeError:
        # A byte that is not UTF-8 stays a lone surrogate, to be repaired and noted as in any other body.
        return json.dumps(message, separators=(",", ":")).encode()


def _decoded(data: str) -> bytes:
    # A plus sign stands for a space, as in any form, but in Base64 it is a digit.
    plain = unquote_to_bytes(data.replace("+", " "))
    if plain.lstrip(_BLANKS).startswith(b"{"):
        return plain
    # URLs prefer "-_" to "+/", and some senders leave the padding out.
    text = unquote_to_bytes(data).translate(bytes.maketrans(b"-_", b"+/"), _BLANKS).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""
