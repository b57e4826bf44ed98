"""The marshmallow field of each type of setting, with what it checks and what JSON Schema says of it."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import ValidationError, fields, validate

from split_dest.config import addresses, settings
from split_dest.config.settings import Secret
from split_dest.config.yaml_source import VARIABLE, FromEnvironment
from split_dest.mapping import rules

#: Control characters, and what Python makes of bytes in the environment that are not UTF-8.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_IN_A_HEADER = re.compile(r"[^\x20-\x7e]")
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://")
#: A password stands before the host or, where redis-py reads it as well, in the query.
_REDIS_PASSWORD = re.compile(r"://[^/?]*?:([^/?]+)@|[?&]password=([^&]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: No colon: then no prefix is the beginning of another. No braces: they have a meaning in a Redis Cluster.
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
NOT_EMPTY = validate.Length(1, error="must not be empty")


class LowerCase(fields.String):
    """A name that counts in lower case."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(*args, **kwargs).lower()


class Switch(fields.Boolean):
    """True or false, and nothing that only looks like it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class Float(fields.Float):
    """A number, and not a string that looks like one."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid")
        return super()._deserialize(value, *args, **kwargs)


class SecretField(fields.Field[Secret]):
    """A secret, which must come from the environment."""

    _illegal = _CONTROL
    _error = "the variable holds a control character, such as a line break, or is not UTF-8"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Secret:
        if not isinstance(value, FromEnvironment) or not VARIABLE.fullmatch(value.template):
            raise ValidationError("a secret must not stand in the file: write ${NAME} and set the variable NAME")
        if self._illegal.search(value):
            raise ValidationError(self._error)
        return Secret(str(value))


class KeyField(SecretField):
    """A key that is sent to Split or Segment in a header."""

    _illegal = _NOT_IN_A_HEADER
    _error = "the variable holds a character that no key has: not ASCII, or a line break"


class Url(fields.String):
    """An http or https address, without a slash at its end."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(*args, **kwargs).rstrip("/")


class RedisUrl(fields.String):
    """``embedded`` or the address of a Redis, whose password must come from the environment."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        address = super()._deserialize(value, *args, **kwargs)
        if address == "embedded":
            return address
        if not address.startswith(_REDIS_SCHEMES):
            raise ValidationError(f"must be embedded, or begin with {', '.join(_REDIS_SCHEMES)}")
        password = _REDIS_PASSWORD.search(value.template if isinstance(value, FromEnvironment) else address)
        if password and not VARIABLE.search(password[1] or password[2]):
            raise ValidationError("the password must not stand in the file: write redis://:${NAME}@host")
        fault = addresses.redis_fault(address) or _option_fault(address)
        if fault:
            raise ValidationError(f"is not a Redis address: {fault}")
        return address


class Paths(fields.Field[tuple[str, ...]]):
    """A path, or a list of paths."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
            raise ValidationError("must be a path such as properties.revenue, or a list of paths")
        return tuple(paths)


class Items(fields.List[Any]):
    """A list that becomes another collection, such as a tuple."""

    def __init__(self, item: fields.Field[Any], collect: Callable[[list[Any]], Any], **options: Any) -> None:
        super().__init__(item, validate=NOT_EMPTY if options["required"] else None, **options)
        self._collect = collect

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        return self._collect(super()._deserialize(*args, **kwargs))


def _has_name(template: str) -> None:
    if "{name}" not in template:
        raise ValidationError("must contain {name}, the place of the page or screen name")


def _is_name(value: str) -> None:
    if not _NAME.fullmatch(value):
        raise ValidationError("a name has up to 64 letters, digits, dots, dashes and underscores")


def _is_prefix(value: str) -> None:
    if not _PREFIX.fullmatch(value):
        raise ValidationError("a prefix has up to 32 letters, digits, dots, dashes and underscores")


def _is_url(value: str) -> None:
    fault = addresses.http_fault(value)
    if fault:
        raise ValidationError(f"must be an address such as https://events.split.io/api: {fault}")


def _option_fault(address: str) -> str:
    """Return what is wrong with the options of a Redis address; empty: nothing."""
    if "?" in address:
        # Only options need redis-py, whose import takes longer than everything else that settings need.
        import redis

        try:
            # This makes a connection's object; nothing is connected.
            redis.ConnectionPool.from_url(address).make_connection()
        except (ValueError, TypeError):
            return "it has an option that is none, or is unreadable"
    return ""


_TEXT = {"type": "string", "minLength": 1}
_SECRET = {"type": "string", "pattern": r"^\$\{([A-Za-z_][A-Za-z0-9_]*(:-)?|/[^}]+)\}$"}
_URL = {"type": "string", "pattern": r"^https?://[^\s#?@/]+(/[^\s#?]*)?$|\$\{"}
_REDIS_URL = {"type": "string", "pattern": r"^(embedded$|rediss?://|unix://|redis\+sentinel://)|\$\{"}

#: Type -> how its field is made, what JSON Schema says, and what a value must be besides.
KINDS: dict[Any, tuple[Callable[..., fields.Field[Any]], dict[str, Any], Callable[[Any], Any] | None]] = {
    bool: (Switch, {"type": "boolean"}, None),
    int: (partial(fields.Integer, strict=True), {"type": "integer"}, None),
    float: (Float, {"type": "number"}, None),
    str: (fields.String, _TEXT, NOT_EMPTY),
    settings.Secret: (SecretField, _SECRET, None),
    settings.Key: (KeyField, _SECRET, None),
    settings.Name: (fields.String, {"type": "string", "pattern": f"^{_NAME.pattern}$"}, _is_name),
    settings.Prefix: (fields.String, {"type": "string", "pattern": rf"^{_PREFIX.pattern}$|\$\{{"}, _is_prefix),
    settings.RedisUrl: (RedisUrl, _REDIS_URL, None),
    settings.Url: (Url, _URL, _is_url),
    rules.Paths: (Paths, {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}, None),
    rules.Template: (fields.String, {"type": "string", "pattern": r"\{name\}"}, _has_name),
    rules.TrafficType: (LowerCase, _TEXT, NOT_EMPTY),
}
