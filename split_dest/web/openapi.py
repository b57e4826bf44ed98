"""The OpenAPI document: what each door takes and answers, made from the schemas that check messages."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Response, jsonify
from marshmallow import EXCLUDE, RAISE, Schema, fields

from split_dest import __version__
from split_dest.errors import REASONS
from split_dest.segment.message import EXACT_BELOW, Id, MessageSchema, Object, Text
from split_dest.segment.tracking import KINDS
from split_dest.split import limits

Json = dict[str, Any]

_ABOUT = """Messages of Segment, its SDKs and Split in; events, identities, impressions and track calls out.

200 means that all is stored: a message that can't be delivered then becomes a dead letter with its reason, and
never spoils its batch. Elsewhere the answer is 404 `not_found`, or 405 `method_not_allowed`. Whatever
`Content-Type` and `Content-Encoding` say, a body is read as JSON, inflated if it is gzip."""

#: What any door may answer when the fault is not the sender's.
_PAGE = {503: ("store_unavailable", "store_full", "internal_error")}
_TRY_AGAIN = {408: ("body_incomplete",), **_PAGE}
_LIMITED = {429: ("too_many_attempts",)}
_POSTED = {
    400: ("invalid_json", "invalid_gzip"),
    404: ("unknown_destination", "not_found"),
    413: ("body_too_large", "too_many_messages"),
    **_TRY_AGAIN,
    **_LIMITED,
}
_WEBHOOK = {**_POSTED, 401: ("unauthorized", "bad_signature")}
_IMPRESSIONS = {**_POSTED, 401: ("unauthorized",)}
_SETTINGS = {401: ("unknown_source",), 404: ("not_found",), **_PAGE, **_LIMITED}
#: Why no message of a request could be accepted.
_OF_MESSAGES = (
    *("not_json", "not_an_object", "message_too_large", "nested_too_deep", "number_not_finite"),
    *("text_not_unicode", "id_not_string", "no_user_anon_id", "event_not_defined", "event_not_string"),
    *("name_not_string", "properties_not_object", "traits_not_object", "split_too_large"),
)
_OF_REQUESTS = ("invalid_json", "invalid_gzip", "body_too_large", "too_many_messages", "empty_batch")
_TRACKING = {
    400: (*_OF_REQUESTS, "multi_user_error", *_OF_MESSAGES),
    401: ("unknown_source",),
    404: ("not_found",),
    **_TRY_AGAIN,
    **_LIMITED,
}

_EXAMPLE = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-1",
    "messageId": "m-1",
    "timestamp": "2026-01-15T09:30:00.250Z",
    "properties": {"revenue": 39.95},
}
_SEEN = {"key": "u-1", "split": "checkout", "treatment": "on", "time": 1_767_225_600_000}
_TYPES = {Text: ["string", "null"], Id: ["string", "integer", "null"], Object: ["object", "null"]}
_SECRETS = {
    "secret": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "The destination's."},
    "token": {"type": "apiKey", "in": "query", "name": "token", "description": "The source's."},
    "write_key": {"type": "http", "scheme": "basic", "description": "The write key as the user name."},
}


def _said(text: str, **more: Any) -> Json:
    return {"description": text, **more}


class _Message(MessageSchema):
    event = fields.Raw(metadata=_said("A track call's event, such as Order Completed.", type="string"))
    name = fields.Raw(metadata=_said("A page's or screen's name.", type="string"))
    timestamp = fields.Raw(metadata=_said("When it happened, as ISO 8601; else when it came.", type="string"))


class _Impression(Schema):
    class Meta:
        unknown = EXCLUDE

    key = fields.String(
        required=True,
        metadata=_said("Who saw it.", pattern=r"\S", minLength=1, maxLength=limits.KEY_MAX_CHARS),
    )
    split = fields.String(required=True, metadata=_said("The flag.", minLength=1))
    treatment = fields.String(required=True, metadata=_said("What was seen.", minLength=1))
    time = fields.Integer(
        required=True, metadata=_said("When, in ms since 1970.", minimum=1, maximum=limits.TIME_END_MS - 1)
    )
    environmentName = fields.String(metadata=_said("Where; the settings may keep it out."))
    label = fields.String(metadata=_said("Why this treatment."))
    splitVersionNumber = fields.Integer(metadata=_said("The flag's version."))
    properties = fields.Raw(metadata=_said("What the SDK was told beside it."))


class _Accepted(Schema):
    class Meta:
        unknown = RAISE

    success = fields.Boolean(required=True, metadata={"enum": [True]})
    accepted = fields.Integer(required=True, metadata=_said("Stored, to be delivered.", minimum=0))
    duplicates = fields.Integer(required=True, metadata=_said("Stored before, by their messageId.", minimum=0))
    set_aside = fields.Integer(required=True, metadata=_said("Kept as dead letters.", minimum=0))


class _Refused(Schema):
    class Meta:
        unknown = RAISE

    success = fields.Boolean(required=True, metadata={"enum": [False]})
    code = fields.String(required=True, metadata=_said("One word for machines; docs/reasons.md."))
    message = fields.String(required=True, metadata=_said("What it means."))
    error = fields.String(required=True, metadata=_said("The same, for clients that read it here."))


def blueprint() -> Blueprint:
    """Gives the page ``/openapi.json``."""
    pages = Blueprint("openapi", __name__)

    @pages.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(document())

    return pages


@cache
def document() -> Json:
    """Gives the document; the same for all settings, so that it tells nothing of them."""
    plugin = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec(
        "split-dest", __version__, "3.1.0", [plugin], info={"description": _ABOUT}, servers=[{"url": "/"}]
    )
    plugin.converter.add_attribute_function(_type_of)  # type: ignore[union-attr]
    for schema in (_Message, _Impression, _Accepted, _Refused):
        spec.components.schema(_name(schema), schema=schema)
    for name, kind in _SECRETS.items():
        spec.components.security_scheme(name, kind)
    for path, operations in _paths():
        spec.path(path, operations=operations)
    return spec.to_dict()


def _name(schema: Any) -> str:
    """Gives a schema's name in the document."""
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removeprefix("_")


def _type_of(_: Any, field: fields.Field[Any], **__: Any) -> Json:
    """Gives the JSON types of our own kinds of fields; they take more, but nobody should rely on it."""
    types = next((types for kind, types in _TYPES.items() if isinstance(field, kind)), None)
    if types is None:
        return {}
    whole = {"minimum": 1 - EXACT_BELOW, "maximum": EXACT_BELOW - 1} if "integer" in types else {}
    return {"type": types, **whole}


def _paths() -> Iterable[tuple[str, Json]]:
    yield "/webhook/{destination}", {method: _webhook(method) for method in ("post", "put", "patch")}
    yield "/v1/{call}", {"post": _tracking()}
    yield "/v1/m", {"post": _telemetry()}
    yield "/v1/projects/{writeKey}/settings", {"get": _sdk_settings()}
    yield "/v1/pixel/{call}", {"get": _pixel()}
    yield "/impressions/{source}", {"post": _impressions("")}
    yield "/impressions/{source}/{token}", {"post": _impressions("token")}
    yield "/livez", {"get": _page("The process answers", _object({"status": {"const": "alive"}}))}
    yield (
        "/readyz",
        {"get": _page("Redis takes writes and is below its mark", _object({"status": {"const": "ready"}}), _PAGE)},
    )
    yield "/version", {"get": _page("The version", _object({"version": {"type": "string"}}))}
    metrics = {"description": "As docs/operations.md explains.", "content": {"text/plain": {"schema": _TEXT}}}
    yield "/metrics", {"get": {"summary": "Numbers for Prometheus", "responses": {"200": metrics, **_no(_PAGE)}}}
    yield "/openapi.json", {"get": _page("This document", {"type": "object"})}


_TEXT: Json = {"type": "string"}
_SUCCESS: Json = {"type": "object", "required": ["success"], "properties": {"success": {"const": True}}}


def _webhook(method: str) -> Json:
    each = {"anyOf": [_ref("Message"), _object({"json": _ref("Message")})]}
    signature = {
        "in": "header",
        "name": "X-Signature",
        "description": "HMAC-SHA1 of the body in hex, where the destination has signature_secrets.",
        "schema": _TEXT,
    }
    return {
        "operationId": f"{method}_messages",
        "summary": "Segment's webhook destinations post messages",
        "description": "One message, an array of up to 10,000, each may be wrapped in json, or a batch.",
        "security": [{"secret": []}],
        "parameters": [_in_path("destination", "As the settings name it."), signature],
        "requestBody": _json({"anyOf": [_ref("Message"), {"type": "array", "items": each}, _batch()]}, _EXAMPLE),
        "responses": {"200": _ok(_ref("Accepted")), **_no(_WEBHOOK)},
    }


def _tracking() -> Json:
    calls = {"type": "string", "enum": list(KINDS)}
    return {
        "operationId": "track",
        "summary": "Segment's SDKs post calls, as to Segment itself",
        "description": "Permanent faults are 400, the one status after which every SDK gives up. The write key "
        "may also stand in the body as writeKey. At most 2,500 messages of 32 KB each, and 512,000 bytes.",
        "security": [{"write_key": []}, {}],
        "parameters": [_in_path("call", "What the body is; batch, b and import hold several.", calls)],
        "requestBody": _json({"anyOf": [_ref("Message"), _batch()]}, _EXAMPLE),
        "responses": {"200": _ok(_SUCCESS), **_no(_TRACKING)},
    }


def _telemetry() -> Json:
    return {
        "summary": "SDKs post numbers of their own, which are left",
        "responses": {"200": _ok(_SUCCESS), **_no({503: ("internal_error",)})},
    }


def _sdk_settings() -> Json:
    found = _object({"integrations": {"type": "object"}, "metrics": {"type": "object"}})
    return {
        "summary": "SDKs ask what is switched on for a write key",
        "parameters": [_in_path("writeKey", "A write key of a destination.")],
        "responses": {"200": _ok(found), **_no(_SETTINGS)},
    }


def _pixel() -> Json:
    picture = {"description": "Always a picture.", "content": {"image/gif": {"schema": {}}}}
    data = {"in": "query", "name": "data", "description": "The message, as JSON in Base64.", "schema": _TEXT}
    return {
        "summary": "A mail or page without scripts shows a picture that is a call",
        "description": "Instead of data, each parameter may be a field, such as userId or properties.subject.",
        "parameters": [_in_path("call", "Such as track."), data],
        "responses": {"200": picture, **_no(_PAGE)},
    }


def _impressions(token: str) -> Json:
    tokens = [_in_path("token", "A token of the source.")] if token else []
    return {
        "summary": "Split's outgoing webhook posts impressions",
        "description": "At most 50,000 and 20 MB.",
        "security": [] if token else [{"token": []}, {"secret": []}],
        "parameters": [_in_path("source", "As the settings name it."), *tokens],
        "requestBody": _json({"type": "array", "items": _ref("Impression")}, [_SEEN]),
        "responses": {"200": _ok(_ref("Accepted")), **_no(_IMPRESSIONS)},
    }


def _page(summary: str, schema: Json, refusals: Mapping[int, Iterable[str]] | None = None) -> Json:
    return {"summary": summary, "responses": {"200": _ok(schema), **_no(refusals or {})}}


def _ok(schema: Json) -> Json:
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


def _no(refusals: Mapping[int, Iterable[str]]) -> Json:
    """Gives the answers of refusals: which codes come with which status, and what each means."""
    answers: Json = {}
    for status, codes in sorted(refusals.items()):
        schema = {"allOf": [_ref("Refused"), {"properties": {"code": {"enum": list(codes)}}}]}
        answers[str(status)] = {
            "description": "\n".join(f"- `{code}`: {REASONS[code]}" for code in codes),
            "content": {"application/json": {"schema": schema}},
        }
        if status in (429, 503):
            seconds = {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer"}}
            answers[str(status)]["headers"] = {"Retry-After": seconds}
    return answers


def _json(schema: Json, example: Any) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def _in_path(name: str, text: str, schema: Json | None = None) -> Json:
    shape = schema or {"type": "string", "minLength": 1}
    return {"in": "path", "name": name, "required": True, "description": text, "schema": shape}


def _batch() -> Json:
    return _object({"batch": {"type": "array", "items": _ref("Message")}})


def _object(properties: Json) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
