"""What an SDK key opens at Split: events and impressions are taken whole or not at all; flags are served.

Source:
    docs.split.io, reference/create-events and events-overview; Harness FME, api/events; python-client,
    client/input_validator.py, api/events.py, api/impressions.py and api/splits.py.
"""

from typing import Any

import orjson
from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Range, Regexp

from split_dest.sandbox.api import (
    NOT_BLANK,
    ApiError,
    JsonNumber,
    Key,
    Record,
    answer,
    bearer_token,
    broken_rules,
    query_number,
    read_array,
    read_json,
)
from split_dest.sandbox.state import current
from split_dest.sandbox.workspace import CHANGE_NUMBER, FLAGS, FeatureFlag

MAX_BODY_BYTES = 1_000_000
MAX_EVENTS = 5000
MAX_PROPERTIES = 300
MAX_PROPERTY_CHARS = 256
EVENT_BASE_CHARS = 1024
MAX_EVENT_CHARS = 32_768
EVENT_TYPE_ID = r"[a-zA-Z0-9][-_.:a-zA-Z0-9]{0,79}"
#: A later time is one in microseconds.
TIMESTAMP_END_MS = 41_024_448_000_000

blueprint = Blueprint("sdk_api", __name__, url_prefix="/api")


@blueprint.before_request
def require_sdk_key() -> None:
    """Let the call through when it shows the SDK key as a Bearer token.

    Raises:
        ApiError: 401.
    """
    if bearer_token() != current().keys.sdk_key:
        raise ApiError(401, "the SDK key is missing or wrong")


class Timestamp(fields.Integer):
    """A field for a time in whole milliseconds since 1970, UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            strict=True,
            validate=Range(1, TIMESTAMP_END_MS, max_inclusive=False),
            metadata={"must_be": "an integer, milliseconds since 1970"},
            **options,
        )


def _check_traffic_type(name: str) -> None:
    if name not in current().workspace.event_names():
        raise ValidationError("")


class EventSchema(Schema):
    """An event."""

    error_messages = {"type": "an event is an object"}  # noqa: RUF012 (marshmallow's own form)

    trafficTypeName = fields.String(
        required=True, validate=_check_traffic_type, metadata={"must_be": "the name of a traffic type"}
    )
    environmentName = fields.String(metadata={"must_be": "a string"})
    eventTypeId = fields.String(
        required=True,
        validate=Regexp(EVENT_TYPE_ID + r"\Z"),
        metadata={"must_be": f"a string like {EVENT_TYPE_ID}"},
    )
    key = Key(required=True)
    timestamp = Timestamp(required=True)
    value = JsonNumber(allow_none=True, metadata={"must_be": "a number"})
    properties = fields.Dict(allow_none=True, metadata={"must_be": "an object"})

    @validates_schema(skip_on_field_errors=False)
    def check_properties(self, event: Record, **_: object) -> None:
        """Check the number, types and sizes of the properties."""
        properties = event.get("properties") or {}
        if len(properties) > MAX_PROPERTIES:
            raise ValidationError(f"properties must be at most {MAX_PROPERTIES}")
        size = EVENT_BASE_CHARS
        for name, value in properties.items():
            text = value if isinstance(value, str) else ""
            size += len(name) + len(text)
            if len(text) > MAX_PROPERTY_CHARS:
                raise ValidationError(f"properties must be free of strings over {MAX_PROPERTY_CHARS} characters")
            if isinstance(value, dict | list):
                raise ValidationError("properties must be strings, numbers, booleans or nulls")
        if size > MAX_EVENT_CHARS:
            maximum = MAX_EVENT_CHARS - EVENT_BASE_CHARS
            raise ValidationError(f"properties must be at most {maximum} characters in names and strings")


def _check_json_object(text: str) -> None:
    try:
        properties = orjson.loads(text)
    except orjson.JSONDecodeError:
        properties = None
    if not isinstance(properties, dict):
        raise ValidationError("")


class ImpressionSchema(Schema):
    """An impression in the SDKs' short names, without the flag, which stands above several of them."""

    error_messages = {"type": "an impression is an object"}  # noqa: RUF012 (marshmallow's own form)

    k = Key(required=True)
    t = fields.String(required=True, validate=NOT_BLANK, metadata={"must_be": "a string, not blank"})
    m = Timestamp(required=True)
    c = fields.Integer(strict=True, allow_none=True, metadata={"must_be": "an integer"})
    r = fields.String(allow_none=True, metadata={"must_be": "a string"})
    b = Key(allow_none=True)
    pt = Timestamp(allow_none=True)
    properties = fields.String(
        allow_none=True, validate=_check_json_object, metadata={"must_be": "a JSON object as a string"}
    )
    et = fields.String(allow_none=True, validate=NOT_BLANK, metadata={"must_be": "a string, not blank"})


EVENT = EventSchema()
IMPRESSION = ImpressionSchema()


@blueprint.post("/events")
def post_event() -> Response:
    """Take one event: 202, 400 with the broken rule, or 413."""
    return _take_events([read_json(_body())])


@blueprint.post("/events/bulk")
def post_events() -> Response:
    """Take an array of events: 202, 400 with the first broken rule, or 413."""
    events = read_array(_body())
    if len(events) > MAX_EVENTS:
        raise ApiError(400, f"more than {MAX_EVENTS} events")
    return _take_events(events)


def _take_events(events: list[Any]) -> Response:
    for index, rules in broken_rules(EVENT, events).items():
        raise ApiError(400, f"event {index}: {rules[0]}", index=index, rule=rules[0])
    current().received.add("events", events)
    return Response(status=202)


@blueprint.post("/testImpressions/bulk")
def post_impressions() -> Response:
    """Take impressions in the SDKs' form: 200, 400 with the first broken rule, or 413.

    Each is kept flat: its fields and ``f``, the flag.
    """
    groups = enumerate(read_array(_body()))
    impressions = [impression for index, group in groups for impression in _ungrouped(index, group)]
    current().received.add("impressions", impressions)
    return Response(status=200)


def _ungrouped(index: int, group: object) -> list[Record]:
    if not isinstance(group, dict) or not isinstance(group.get("f"), str) or not isinstance(group.get("i"), list):
        rule = "impressions of a flag are an object of f, a string, and i, an array"
        raise ApiError(400, f"flag {index}: {rule}", index=index, rule=rule)
    for item, rules in broken_rules(IMPRESSION, group["i"]).items():
        raise ApiError(400, f"flag {index}, impression {item}: {rules[0]}", index=index, item=item, rule=rules[0])
    return [{"f": group["f"], **impression} for impression in group["i"]]


def _body() -> bytes:
    body = request.get_data()
    if len(body) > MAX_BODY_BYTES:
        raise ApiError(413, f"the body is over {MAX_BODY_BYTES} bytes")
    return body


@blueprint.get("/splitChanges")
def flags() -> Response:
    """Return the flags changed after ``since``, in the form of the SDKs' spec 1.3."""
    since = query_number("since", -1, negative=True)
    segments_since = query_number("rbSince", -1, negative=True)
    changed = [_definition(flag) for flag in FLAGS] if since < CHANGE_NUMBER else []
    return answer(
        {
            "ff": {"s": since, "t": max(since, CHANGE_NUMBER), "d": changed},
            "rbs": {"s": segments_since, "t": segments_since, "d": []},
        }
    )


def _definition(flag: FeatureFlag) -> Record:
    return {
        "name": flag.name,
        "trafficTypeName": flag.traffic_type,
        "changeNumber": CHANGE_NUMBER,
        "status": "ACTIVE",
        "killed": False,
        "defaultTreatment": flag.other,
        "algo": 2,
        "seed": 1,
        "trafficAllocation": 100,
        "trafficAllocationSeed": 1,
        "configurations": {},
        "sets": [],
        "conditions": [_all_keys(flag)],
    }


def _all_keys(flag: FeatureFlag) -> Record:
    return {
        "conditionType": "ROLLOUT",
        "label": "default rule",
        "matcherGroup": {"combiner": "AND", "matchers": [{"matcherType": "ALL_KEYS", "negate": False}]},
        "partitions": [{"treatment": flag.treatment, "size": 100}, {"treatment": flag.other, "size": 0}],
    }


@blueprint.get("/v2/auth")
def streaming() -> Response:
    """Tell the SDK that there is no streaming, so that it polls."""
    return answer({"pushEnabled": False, "token": ""})


@blueprint.post("/testImpressions/count")
@blueprint.post("/v1/metrics/config")
@blueprint.post("/v1/metrics/usage")
@blueprint.post("/v1/keys/ss")
def discard_telemetry() -> Response:
    """Accept telemetry, and keep nothing of it."""
    return Response(status=200)
