"""What the APIs share: JSON bodies and answers, errors, and how the rules for a record are applied."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import orjson
from flask import Response, request
from marshmallow import Schema, fields
from marshmallow.exceptions import SCHEMA
from marshmallow.validate import Length, Regexp

Record = dict[str, Any]
T = TypeVar("T")

NOT_BLANK = Regexp(re.compile(r".*\S", re.DOTALL))
KEY_MAX_CHARS = 250


class ApiError(Exception):
    """A call that is rejected, with the HTTP status and the details of its answer."""

    def __init__(self, status: int, message: str, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.details = details


def answer(data: object, status: int = 200) -> Response:
    """Return *data* as a JSON response."""
    return Response(orjson.dumps(data), status, mimetype="application/json")


def error_body(status: int, message: str, **details: object) -> dict[str, object]:
    """Return the body of an error in Split's form: ``code`` and ``message``, and further details."""
    return {"code": status, "message": message, **details}


def read_json(body: bytes) -> Any:
    """Return the JSON value in *body*.

    Raises:
        ApiError: 400 when it is not JSON; NaN and Infinity are not. 400 when it is too deep to be shown again.
    """
    try:
        value = orjson.loads(body)
        # orjson reads deeper than it writes; some levels are added where it is shown.
        orjson.dumps([[value]])
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"the body is not JSON: {error}") from error
    except orjson.JSONEncodeError as error:
        raise ApiError(400, "the body is nested too deep") from error
    return value


def read_array(body: bytes) -> list[Any]:
    """Return the JSON array in *body*.

    Raises:
        ApiError: 400 when it is not JSON or not an array.
    """
    data = read_json(body)
    if not isinstance(data, list):
        raise ApiError(400, "the body is not an array")
    return data


def query_number(name: str, default: T, *, negative: bool = False) -> int | T:
    """Return the number that the query gives to *name*, or *default*.

    Raises:
        ApiError: 400 when it is not a number, or is negative without *negative*.
    """
    text = request.args.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?\d+" if negative else r"\d+", text):
        raise ApiError(400, f"{name} must be a number" + ("" if negative else ", not negative"))
    return int(text)


def bearer_token() -> str | None:
    """Return the token of ``Authorization: Bearer``, None without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class Key(fields.String):
    """A field for what Split takes as a key.

    Source:
        python-client, client/input_validator.py (not blank, at most 250 characters).
    """

    def __init__(self, **options: Any) -> None:
        words = f"a string, not blank, of at most {KEY_MAX_CHARS} characters"
        super().__init__(validate=[Length(max=KEY_MAX_CHARS), NOT_BLANK], metadata={"must_be": words}, **options)


class JsonNumber(fields.Float):
    """A field for a finite JSON number; marshmallow's own takes a string of digits as well."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid")
        return super()._validated(value)


def broken_rules(schema: Schema, records: list[Any]) -> dict[int, list[str]]:
    """Return the rules of *schema* that *records* break, by the index of the record, in ascending order.

    A field says in its metadata what is wrong with any other value: ``must_be``, the end of a sentence that
    starts with the field's name, or ``code``. The schema's own validators write whole sentences.
    """
    errors: Mapping[Any, Any] = schema.validate(records, many=True)
    return {index: list(_texts(schema, errors[index])) for index in sorted(errors)}


def _texts(schema: Schema, errors: Mapping[str, list[str]]) -> Iterator[str]:
    known = {field.data_key or name: field for name, field in schema.fields.items()}
    unknown = sorted(errors.keys() - known.keys() - {SCHEMA})
    if unknown:
        yield "unknown field " + ", ".join(unknown)
    for name, field in known.items():
        if name in errors:
            null = "null or " if field.allow_none else ""
            yield field.metadata.get("code") or f"{name} must be {null}{field.metadata['must_be']}"
    yield from errors.get(SCHEMA, ())
