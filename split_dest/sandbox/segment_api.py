"""Segment's HTTP Tracking API.

Stricter than the real one, which answers 200 to nearly everything and drops in silence: here a wrong write key
is 401, and a message that Segment would discard is 400 with the reason code that it would show.

Source: reference segment.md, sections 3.1 to 3.5.
"""

import zlib
from typing import Any

import orjson
from flask import Blueprint, Response, request

from split_dest.sandbox import segment_limits as limits
from split_dest.sandbox.answers import Refused, answer, read_json
from split_dest.sandbox.state import Record, current

GZIP = 31  # the window bits that tell zlib to expect a gzip header

blueprint = Blueprint("segment_api", __name__, url_prefix="/v1")


@blueprint.errorhandler(Refused)
def _refusal(refused: Refused) -> Response:
    code = refused.details.get("code", "bad_request")
    body = {"success": False, "code": code, "message": str(refused), "error": str(refused)}
    return answer(body, refused.status)


@blueprint.post(f"/<any({', '.join(limits.TYPES)}):kind>", strict_slashes=False)
def one_message(kind: str) -> Response:
    """Take one message of the type in the path: 200, 400 or 401."""
    body = _body(limits.MAX_MESSAGE_BYTES)
    message = _object(body)
    _require_write_key(message)
    return _take([{**message, "type": kind}])


@blueprint.post("/<any(batch, import):_kind>", strict_slashes=False)
def many_messages(_kind: str) -> Response:
    """Take a batch whole: 200; or not at all: 400 or 401."""
    envelope = _object(_body(limits.MAX_BATCH_BYTES))
    _require_write_key(envelope)
    return _take(_messages(envelope))


def _body(max_bytes: int) -> bytes:
    body = request.get_data()
    if request.headers.get("Content-Encoding") == "gzip":
        body = _inflated(body, max_bytes)
    if len(body) > max_bytes:
        raise Refused(400, f"the body is over {max_bytes} bytes")
    return body


def _inflated(body: bytes, max_bytes: int) -> bytes:
    try:
        return zlib.decompressobj(GZIP).decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise Refused(400, "the body is not gzip") from error


def _object(body: bytes) -> Record:
    data = read_json(body)
    if not isinstance(data, dict):
        raise Refused(400, "the body is not an object")
    return data


def _require_write_key(body: Record) -> None:
    credentials = request.authorization
    shown = credentials.username if credentials is not None and credentials.type == "basic" else None
    if (shown or body.get("writeKey")) != current().keys.write_key:
        raise Refused(401, "the write key is missing or wrong", code="unknown_source")


def _messages(envelope: Record) -> list[Any]:
    batch = envelope.get("batch")
    if not isinstance(batch, list):
        raise Refused(400, "batch must be an array")
    if not batch:
        raise Refused(400, "the batch is empty", code="empty_batch")
    if len(batch) > limits.MAX_BATCH_MESSAGES:
        raise Refused(400, f"more than {limits.MAX_BATCH_MESSAGES} messages")
    for index, message in enumerate(batch):
        if len(orjson.dumps(message)) > limits.MAX_MESSAGE_BYTES:
            raise Refused(400, f"message {index} is over {limits.MAX_MESSAGE_BYTES} bytes")
    return batch


def _take(messages: list[Any]) -> Response:
    for index, message in enumerate(messages):
        code = limits.broken_rule(message)
        if code is not None:
            raise Refused(400, f"message {index}: {code}", code=code)
    current().received.add("tracks", messages)
    return answer({"success": True})
