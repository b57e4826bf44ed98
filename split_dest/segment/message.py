"""Segment's message: validated as the endpoints accept it, and read by the mapping."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from marshmallow import INCLUDE, Schema, ValidationError, fields

from split_dest import numbers
from split_dest.errors import MessageRejected

#: The names by which a message's ``integrations`` may mean Split.
INTEGRATION_NAMES = ("Split", "Harness FME", "Harness")
#: Each pair is one more event with all properties, so a small message could become megabytes.
MAX_PAIRS = 100


@dataclass(slots=True)
class Message:
    """One Segment call.

    ``fields`` is the whole message in Segment's own names, cleaned: ids are strings, null fields are left out, and
    ``properties``, ``traits``, ``context`` and ``integrations`` are objects. ``type`` is empty when there is none.
    """

    message_id: str
    type: str
    fields: Mapping[str, Any]


class Text(fields.Field[str]):
    """A string; anything else counts as absent, because nothing depends on it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:  # type: ignore[override]
        return value if isinstance(value, str) and value else None


class Id(fields.Field[str]):
    """An id: a string, or a whole number whose digits are known, which becomes its digits."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if isinstance(value, str):
            return value
        digits = numbers.digits(value)
        if digits is None or "." in digits:
            raise ValidationError("id_not_string")
        return digits


class LooseId(Id):
    """An id that no record needs; an invalid one counts as absent."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str | None:  # type: ignore[override]
        try:
            return super()._deserialize(*args, **kwargs)
        except ValidationError:
            return None


class Object(fields.Field[dict[str, Any]]):
    """An object; an empty array, as PHP writes it, counts as an empty object."""

    def __init__(self, otherwise: str | None = None) -> None:
        super().__init__(load_default=dict)
        self.otherwise = otherwise

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the object; null counts as an empty object."""
        return super().deserialize({} if value is None else value, *args, **kwargs) or {}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if value != [] and self.otherwise:
            raise ValidationError(self.otherwise)
        return {}


class MessageSchema(Schema):
    """Segment's common fields as the endpoints accept them; every other key is passed on as it is.

    Lenient where it costs nothing; the reason codes are Segment's own.

    Source:
        segment-docs, connections/spec/common; _includes/content/delivery-overview-discards.
    """

    class Meta:
        unknown = INCLUDE

    type = Text(allow_none=True)
    messageId = LooseId(allow_none=True)
    userId = Id(allow_none=True)
    anonymousId = Id(allow_none=True)
    groupId = Id(allow_none=True)
    previousId = LooseId(allow_none=True)
    properties = Object("properties_not_object")
    traits = Object("traits_not_object")
    context = Object()
    integrations = Object()


_SCHEMA = MessageSchema()
_OBJECTS = ("properties", "traits", "context", "integrations")
#: The type of values that the schema leaves as they are, by field; only an empty ``type`` is removed.
_CLEAN = {name: dict if name in _OBJECTS else str for name in _SCHEMA.fields}


def load(received: Mapping[str, Any]) -> Message:
    """Return the message of a sender's JSON object.

    A message without ``messageId`` gets a hash of its content, so that a sender's retry is recognised.

    Raises:
        MessageRejected: ``id_not_string``, ``properties_not_object``, ``traits_not_object`` or
            ``split_too_large``.
    """
    present = {name: value for name, value in received.items() if value is not None}
    fault = _clean(present) or _too_large(present)
    if fault:
        raise MessageRejected(*fault)
    for name in _OBJECTS:
        if name not in present:
            present[name] = {}
    if not present.get("messageId"):
        present["messageId"] = _id_of(present)
    return Message(present["messageId"], present.get("type", ""), present)


def refusal(received: Mapping[str, Any]) -> MessageRejected | None:
    """Return why ``load`` would reject a message; None if it would accept it."""
    fault = _too_large(received) if _is_clean(received) else _clean(dict(received)) or _too_large(received)
    return _rejected(*fault) if fault else None


@cache
def _rejected(code: str, detail: str) -> MessageRejected:
    return MessageRejected(code, detail)


def _is_clean(received: Mapping[str, Any]) -> bool:
    """Return whether the schema would only remove nulls; it takes 40 µs a message, this check 1 µs."""
    for name, value in received.items():
        if name in _CLEAN and type(value) is not _CLEAN[name] and value is not None:
            return False
    return received.get("type") != ""


def _clean(present: dict[str, Any]) -> tuple[str, str] | None:
    """Clean a message as the schema does; return the reason code and place of a rejected field, if there is one.

    Only the fields that the schema would change go through it, each by itself: a bad one costs 3 µs, not 40.
    """
    if _is_clean(present):
        return None
    for name, field in _SCHEMA.load_fields.items():
        if name in present and (type(present[name]) is not _CLEAN[name] or name == "type"):
            try:
                value = field.deserialize(present.pop(name))
            except ValidationError as error:
                return str(error.messages[0]), f"at {name}"
            if value is not None:
                present[name] = value
    return None


def _too_large(present: Mapping[str, Any]) -> tuple[str, str] | None:
    for name in ("properties", "traits"):
        split = present[name].get("split") if isinstance(present.get(name), dict) else None
        if split is not None and count_pairs(split) > MAX_PAIRS:
            return "split_too_large", f"at {name}.split"
    return None


def count_pairs(split: object) -> int:
    """Return how many pairs of a traffic type and an id a ``split`` property or trait has."""
    elements = split if isinstance(split, list) else [split]
    return sum(len(element) for element in elements if isinstance(element, dict))


def dump(message: Message) -> bytes:
    """Return the message as JSON; ``restore`` is the reverse."""
    return orjson.dumps(message.fields)


def restore(stored: bytes) -> Message:
    """Return the message that ``dump`` wrote, without checking it again."""
    present = orjson.loads(stored)
    return Message(present["messageId"], present.get("type", ""), present)


def _id_of(present: dict[str, Any]) -> str:
    content = orjson.dumps(present, option=orjson.OPT_SORT_KEYS)
    return "content-" + hashlib.blake2b(content, digest_size=16).hexdigest()
