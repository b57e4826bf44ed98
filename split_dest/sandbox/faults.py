"""Faults on request: which calls they concern, what happens to these, and for how long."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import unquote

import orjson
from flask import Response, request
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from split_dest.sandbox.api import JsonNumber, Record, answer, error_body

APIS = ("events", "impressions", "identities", "admin", "tracks", "sdk")
"""The names under which calls are counted: ``admin`` is the look-ups, ``sdk`` the other calls of Split's SDKs."""

EFFECTS = ("status", "delayMs", "drop", "failKeys")
ONLY_WITH_STATUS = ("retryAfter", "headers", "body")
MAX_DELAY_MS = 600_000
MAX_TIMES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request, as far as faults look at it: its path and query as they were sent, and its body."""

    api: str
    target: str
    body: bytes

    def contains(self, text: str) -> bool:
        """Tell whether the body, or the path as sent or decoded, contains *text*."""
        return text in self.target or text in unquote(self.target) or text.encode() in self.body

    def keys(self) -> set[str]:
        """Return the keys of the identities in a bulk body; none when the body is something else."""
        try:
            items = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return set()
        if not isinstance(items, list):
            return set()
        return {item["key"] for item in items if isinstance(item, dict) and isinstance(item.get("key"), str)}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with some calls; `FaultSchema` makes it from JSON and describes the fields."""

    api: str
    status: int | None = None
    retry_after_seconds: int | None = None
    headers: Mapping[str, str] | None = None
    body: str | None = None
    delay_ms: int = 0
    drop: bool | str | None = None
    fail_keys: tuple[str, ...] = ()
    containing: str | None = None
    times: int | None = None
    seconds: float | None = None

    def concerns(self, call: ApiCall) -> bool:
        """Tell whether the fault is for *call*."""
        return (
            self.api == call.api
            and (self.containing is None or call.contains(self.containing))
            and (not self.fail_keys or not call.keys().isdisjoint(self.fail_keys))
        )

    def failing_keys(self) -> dict[str, int]:
        """Return the keys that a bulk call must fail, each with the status of its failure."""
        return dict.fromkeys(self.fail_keys, self.status or 400)

    def answer_early(self) -> Response | None:
        """Wait, and return the answer that comes in place of the API's; None when the API should answer."""
        time.sleep(self.delay_ms / 1000)
        if self.drop is True:
            return _hang_up()
        if self.status is None or self.fail_keys:
            return None
        response = answer(error_body(self.status, "a fault was asked for"), self.status)
        if self.body is not None:
            mimetype = "application/json" if self.body.startswith(("{", "[")) else "text/plain"
            response = Response(self.body, self.status, mimetype=mimetype)
        response.headers.update(self.headers or {})
        if self.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(self.retry_after_seconds)
        return response

    def finish(self, response: Response) -> Response:
        """Return what is sent of the API's *response*."""
        if self.drop == "after":
            return _hang_up()
        return _cut(response) if self.drop == "half" else response


def _hang_up() -> Response:
    """Close the connection: gunicorn can't send this answer then, and doesn't report that."""
    _close(request.environ.get("gunicorn.socket"))
    return Response("the connection is dropped here", 500, mimetype="text/plain")


def _cut(whole: Response) -> Response:
    """Send one half of the body, then close the connection."""
    body, connection = whole.get_data() or b"{}", request.environ.get("gunicorn.socket")

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        _close(connection)

    return Response(half(), whole.status_code, {"Content-Length": str(len(body))}, mimetype=whole.mimetype)


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _check_drop(value: object) -> None:
    if value is not True and value not in ("after", "half"):
        raise ValidationError("")


def _words(means: str, must_be: str) -> dict[str, str]:
    return {"means": means, "must_be": must_be}


def _whole_number(minimum: int, maximum: int) -> dict[str, Any]:
    return {"strict": True, "validate": Range(minimum, maximum)}


class FaultSchema(Schema):
    """A fault as JSON. ``means`` is for the reader of `describe_faults`, ``must_be`` for errors as well."""

    error_messages = {"type": "must be an object"}  # noqa: RUF012 (marshmallow's own form)

    api = fields.String(
        required=True,
        validate=OneOf(APIS),
        metadata=_words("whose calls", "one of " + ", ".join(APIS)),
    )
    status = fields.Integer(
        **_whole_number(200, 599), metadata=_words("the answer's status", "an HTTP status from 200 to 599")
    )
    retry_after_seconds = fields.Integer(
        data_key="retryAfter",
        **_whole_number(0, 86_400),
        metadata=_words("with status, the Retry-After header", "whole seconds, at most a day"),
    )
    headers = fields.Dict(
        fields.String(validate=Regexp(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")),
        fields.String(validate=Regexp(r"[ \t\x21-\x7e]*\Z")),
        metadata=_words("with status, further headers", "an object of header names and values"),
    )
    body = fields.String(metadata=_words("with status, the answer's body", "text"))
    delay_ms = fields.Integer(
        data_key="delayMs",
        **_whole_number(1, MAX_DELAY_MS),
        metadata=_words("a wait before all else", f"milliseconds from 1 to {MAX_DELAY_MS}"),
    )
    drop = fields.Raw(
        validate=_check_drop,
        metadata=_words(
            "close the connection",
            'true (before the call is served), "after" (once it is) or "half" (in the middle of the answer)',
        ),
    )
    fail_keys = fields.List(
        fields.String(validate=Length(min=1)),
        data_key="failKeys",
        validate=Length(min=1),
        metadata=_words("identities of a bulk that fail, with status or 400", "an array of keys, not empty"),
    )
    containing = fields.String(
        validate=Length(min=1), metadata=_words("only calls whose path or body contains this", "text, not empty")
    )
    times = fields.Integer(
        **_whole_number(1, MAX_TIMES), metadata=_words("end after", "a number of calls, at least 1")
    )
    seconds = JsonNumber(
        validate=Range(min=0, min_inclusive=False), metadata=_words("end after", "seconds, more than 0")
    )

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_combination(self, _data: Record, definition: object, **_: object) -> None:
        """Check what the fields mean together."""
        if not isinstance(definition, dict):
            return
        problems = []
        if not any(effect in definition for effect in EFFECTS):
            problems.append("it does nothing: one of " + ", ".join(EFFECTS) + " is required")
        if "failKeys" in definition and definition.get("api") != "identities":
            problems.append("failKeys goes with api identities only")
        if "drop" in definition and ("status" in definition or "failKeys" in definition):
            problems.append("drop goes with neither status nor failKeys")
        if "status" not in definition or "failKeys" in definition:
            lacking = [name for name in ONLY_WITH_STATUS if name in definition]
            problems += [f"{name} needs status, without failKeys" for name in lacking]
        if problems:
            raise ValidationError(problems)

    @post_load
    def make(self, data: Record, **_: object) -> Fault:
        """Return the fault that *data* describes."""
        return Fault(**data)


FAULT = FaultSchema()


def describe_faults() -> dict[str, str]:
    """Return the fields of a fault, each with its meaning and its possible values."""
    return {
        field.data_key or name: f"{field.metadata['means']}: {field.metadata['must_be']}"
        for name, field in FAULT.fields.items()
    }


class _ActiveFault:
    def __init__(self, definition: Record, now: float) -> None:
        self.definition = definition
        self.fault: Fault = FAULT.load(definition)
        self.times_left = self.fault.times
        self.ends_at = None if self.fault.seconds is None else now + self.fault.seconds

    def is_over(self, now: float) -> bool:
        return self.times_left == 0 or (self.ends_at is not None and now >= self.ends_at)

    def use(self) -> Fault:
        if self.times_left is not None:
            self.times_left -= 1
        return self.fault

    def to_json(self, now: float) -> Record:
        left: Record = {}
        if self.times_left is not None:
            left["times"] = self.times_left
        if self.ends_at is not None:
            left["seconds"] = round(self.ends_at - now, 3)
        return {**self.definition, **left}


class ActiveFaults:
    """The faults that are active, in order; the first that concerns a call applies."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._active: list[_ActiveFault] = []

    def replace(self, faults: list[Record]) -> None:
        """Replace all faults by *faults*, in which `FaultSchema` finds no error."""
        now = time.monotonic()
        active = [_ActiveFault(definition, now) for definition in faults]
        with self._lock:
            self._active = active

    def take(self, call: ApiCall) -> Fault | None:
        """Return the first fault that concerns *call* and count this use; None when there is none."""
        with self._lock:
            self._remove_ended(time.monotonic())
            return next((active.use() for active in self._active if active.fault.concerns(call)), None)

    def to_json(self) -> list[Record]:
        """Return the active faults as they were defined, with the ``times`` and ``seconds`` that are left."""
        with self._lock:
            now = time.monotonic()
            self._remove_ended(now)
            return [active.to_json(now) for active in self._active]

    def _remove_ended(self, now: float) -> None:
        self._active = [active for active in self._active if not active.is_over(now)]
