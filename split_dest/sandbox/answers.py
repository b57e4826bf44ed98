"""JSON in and out: reading a body, answering, refusing."""

from typing import Any

import orjson
from flask import Response


class Refused(Exception):
    """A call that is not accepted, with the HTTP status and the details of its answer."""

    def __init__(self, status: int, message: str, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.details = details


def answer(data: object, status: int = 200) -> Response:
    """Return *data* as a JSON response."""
    return Response(orjson.dumps(data), status, mimetype="application/json")


def error_body(status: int, message: str, **details: object) -> dict[str, object]:
    """Return the body of an error in Split's form: ``code`` and ``message``, and what else is known."""
    return {"code": status, "message": message, **details}


def read_json(body: bytes) -> Any:
    """Return what *body* holds.

    Raises:
        Refused: 400 when it is not JSON; NaN and Infinity are not.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}") from error


def read_array(body: bytes) -> list[Any]:
    """Return the JSON array in *body*.

    Raises:
        Refused: 400 when it is not JSON or not an array.
    """
    data = read_json(body)
    if not isinstance(data, list):
        raise Refused(400, "the body is not an array")
    return data
