"""Impressions as Split's webhook posts them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from split_dest.errors import MessageRejected
from split_dest.split import limits

#: An impression as Split posts it, without its empty fields, in the webhook's own names.
Received = Mapping[str, Any]


class _Key(fields.Field[str]):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        key = limits.key(value)
        if key is None:
            raise ValidationError("no legal key")
        return key


class _Text(fields.Field[str]):
    """A text that must be there."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValidationError("no text")
        return value


class _Scalar(fields.Field[Any]):
    """A text or number; anything else counts as absent, because nothing depends on it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


class _TimeMs(fields.Field[int]):
    """A moment in milliseconds that a calendar holds."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < limits.TIME_END_MS:
            raise ValidationError("no time in milliseconds")
        return value


class ImpressionSchema(Schema):
    """One impression of the webhook; what is not named here is left out.

    Source:
        Harness FME, api/webhooks/impressions.
    """

    class Meta:
        unknown = EXCLUDE

    key = _Key(required=True)
    split = _Text(required=True)
    treatment = _Text(required=True)
    time = _TimeMs(required=True)
    environmentId = _Scalar(allow_none=True)
    environmentName = _Scalar(allow_none=True)
    bucketingKey = _Scalar(allow_none=True)
    label = _Scalar(allow_none=True)
    machineName = _Scalar(allow_none=True)
    machineIp = _Scalar(allow_none=True)
    splitVersionNumber = _Scalar(allow_none=True)
    sdk = _Scalar(allow_none=True)
    sdkVersion = _Scalar(allow_none=True)
    properties = fields.Raw(allow_none=True)


_SCHEMA = ImpressionSchema()


def load(received: Mapping[str, Any]) -> Received:
    """Gives the impression without its empty fields.

    Raises:
        MessageRejected: ``impression_incomplete``.
    """
    try:
        loaded = _SCHEMA.load(received)
    except ValidationError as error:
        raise MessageRejected("impression_incomplete", f"at {next(iter(error.messages_dict))}") from error
    return {name: value for name, value in loaded.items() if value not in (None, "")}
