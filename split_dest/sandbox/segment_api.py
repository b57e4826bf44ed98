"""Segment's HTTP Tracking API.

It is stricter than the real one, which answers 200 to nearly everything and discards in silence: a wrong write
key is 401, and a message that Segment would discard is 400 with the reason code that Segment would show.

Source:
    segment-docs, sources/catalog/libraries/server/http-api (paths, keys, limits);
    _includes/content/delivery-overview-discards (reason codes).
"""

import zlib
from typing import Any

import orjson
from flask import Blueprint, Response, request
from marshmallow import INCLUDE, Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from split_dest.sandbox.api import ApiError, Record, answer, broken_rules, read_json
from split_dest.sandbox.state import current

MAX_MESSAGE_BYTES = 32_768
MAX_BATCH_BYTES = 512_000
MAX_BATCH_MESSAGES = 2500
MAX_MESSAGE_ID_CHARS = 100
TYPES = ("track", "identify", "page", "screen", "group", "alias")
GZIP = 31  # the window bits that tell zlib to expect a gzip header

blueprint = Blueprint("segment_api", __name__, url_prefix="/v1")


@blueprint.errorhandler(ApiError)
def _api_error(error: ApiError) -> Response:
    code = error.details.get("code", "bad_request")
    body = {"success": False, "code": code, "message": str(error), "error": str(error)}
    return answer(body, error.status)


def _field(kind: type[fields.Field[Any]], code: str, **options: Any) -> fields.Field[Any]:
    return kind(allow_none=True, metadata={"code": code}, **options)


class SegmentMessageSchema(Schema):
    """The rules for one message; a broken rule is named by its reason code."""

    class Meta:
        unknown = INCLUDE

    error_messages = {"type": "bad_request"}  # noqa: RUF012 (marshmallow's own form)

    type = fields.String(required=True, validate=OneOf(TYPES), metadata={"code": "bad_request"})
    userId = _field(fields.String, "id_not_string", validate=Length(min=1))
    anonymousId = _field(fields.String, "id_not_string", validate=Length(min=1))
    previousId = _field(fields.String, "id_not_string", validate=Length(min=1))
    messageId = fields.String(validate=Length(max=MAX_MESSAGE_ID_CHARS), metadata={"code": "bad_request"})
    event = _field(fields.String, "event_not_string")
    properties = _field(fields.Dict, "properties_not_object")
    traits = _field(fields.Dict, "traits_not_object")
    name = _field(fields.String, "name_not_string")
    category = _field(fields.String, "category_not_string")

    @validates_schema(skip_on_field_errors=False)
    def check_presence(self, message: Record, **_: object) -> None:
        """Check that the message has an id, and a track call an event."""
        kind = message.get("type")
        ids = ("userId", "anonymousId", "previousId") if kind == "alias" else ("userId", "anonymousId")
        if all(message.get(name) is None for name in ids):
            raise ValidationError("no_user_anon_id")
        if kind == "track" and not message.get("event"):
            raise ValidationError("event_not_defined")


MESSAGE = SegmentMessageSchema()


@blueprint.post(f"/<any({', '.join(TYPES)}):kind>", strict_slashes=False)
def post_message(kind: str) -> Response:
    """Take one message of the type in the path: 200, 400 or 401."""
    message = _object(_body(MAX_MESSAGE_BYTES))
    _require_write_key(message)
    return _take([{**message, "type": kind}])


@blueprint.post("/<any(batch, import):_kind>", strict_slashes=False)
def post_batch(_kind: str) -> Response:
    """Take a batch whole: 200; or not at all: 400 or 401."""
    envelope = _object(_body(MAX_BATCH_BYTES))
    _require_write_key(envelope)
    return _take(_messages(envelope))


def _body(max_bytes: int) -> bytes:
    body = request.get_data()
    if request.headers.get("Content-Encoding") == "gzip":
        body = _decompress(body, max_bytes)
    if len(body) > max_bytes:
        raise ApiError(400, f"the body is over {max_bytes} bytes")
    return body


def _decompress(body: bytes, max_bytes: int) -> bytes:
    try:
        return zlib.decompressobj(GZIP).decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise ApiError(400, "the body is not gzip") from error


def _object(body: bytes) -> Record:
    data = read_json(body)
    if not isinstance(data, dict):
        raise ApiError(400, "the body is not an object")
    return data


def _require_write_key(body: Record) -> None:
    credentials = request.authorization
    write_key = credentials.username if credentials is not None and credentials.type == "basic" else None
    if (write_key or body.get("writeKey")) != current().keys.write_key:
        raise ApiError(401, "the write key is missing or wrong", code="unknown_source")


def _messages(envelope: Record) -> list[Any]:
    batch = envelope.get("batch")
    if not isinstance(batch, list):
        raise ApiError(400, "batch must be an array")
    if not batch:
        raise ApiError(400, "the batch is empty", code="empty_batch")
    if len(batch) > MAX_BATCH_MESSAGES:
        raise ApiError(400, f"more than {MAX_BATCH_MESSAGES} messages")
    for index, message in enumerate(batch):
        if len(orjson.dumps(message)) > MAX_MESSAGE_BYTES:
            raise ApiError(400, f"message {index} is over {MAX_MESSAGE_BYTES} bytes")
    return batch


def _take(messages: list[Any]) -> Response:
    for index, codes in broken_rules(MESSAGE, messages).items():
        raise ApiError(400, f"message {index}: {codes[0]}", code=codes[0])
    current().received.add("tracks", messages)
    return answer({"success": True})
