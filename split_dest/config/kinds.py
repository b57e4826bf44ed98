"""The kinds of fields that settings have, and the section they stand in."""

import re
from typing import Any
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from split_dest.config.document import VARIABLE, FromEnvironment
from split_dest.config.settings import Secret

#: Control characters, and what Python makes of bytes in the environment that are not UTF-8.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_IN_A_HEADER = re.compile(r"[^\x20-\x7e]")
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://")
_SENTINELS = re.compile(r"redis\+sentinel://(?:[^@/]*@)?[^@,/]+:\d+(?:,[^@,/]+:\d+)*/[^/]+(?:/\d+)?")
#: A password stands before the host, or as redis-py also reads it, in the query.
_REDIS_PASSWORD = re.compile(r"://[^/?]*?:([^/?]+)@|[?&]password=([^&]+)")
_DESTINATION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Section(Schema):
    """A part of the file; loading it gives what *makes* makes of the keys that stand there.

    The defaults of the others are those of the dataclass, so that they stand in one place.
    """

    makes: Any = dict

    class Meta:
        unknown = RAISE

    @post_load
    def make(self, found: dict[str, Any], **_: object) -> Any:
        """Gives the section's value."""
        return self.makes(**found)


class SecretField(fields.Field[Secret]):
    """A secret, which must come from the environment."""

    _illegal = _CONTROL
    _says = "the variable holds a control character, such as a line break, or is not UTF-8"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Secret:
        if not isinstance(value, FromEnvironment) or not VARIABLE.fullmatch(value.template):
            raise ValidationError("a secret must not stand in the file: write ${NAME} and set the variable NAME")
        if self._illegal.search(value):
            raise ValidationError(self._says)
        return Secret(str(value))


class KeyField(SecretField):
    """A key that we show to Split or Segment in a header."""

    _illegal = _NOT_IN_A_HEADER
    _says = "the variable holds a character that no key has: not ASCII, or a line break"


class Number(fields.Float):
    """A number, and not a text that looks like one."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid")
        return super()._deserialize(value, *args, **kwargs)


class Switch(fields.Boolean):
    """True or false and nothing that only looks like it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class Url(fields.String):
    """An http or https address, without a slash at its end."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(*args, **kwargs).rstrip("/")


class Tuple(fields.List[Any]):
    """A list whose value is a tuple."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        return tuple(super()._deserialize(*args, **kwargs))


class PathOrPaths(fields.Field[tuple[str, ...]]):
    """One path, a list of them, or null for none."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Gives null its meaning, no path, before marshmallow gives it its own."""
        return super().deserialize([] if value is None else value, *args, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
            raise ValidationError("must be a path such as properties.revenue, or a list of paths")
        return tuple(paths)


class RedisUrl(fields.String):
    """``embedded`` or an address of Redis, whose password must come from the environment."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        address = super()._deserialize(value, *args, **kwargs)
        if address == "embedded":
            return address
        if not address.startswith(_REDIS_SCHEMES):
            raise ValidationError(f"must be embedded, or begin with {', '.join(_REDIS_SCHEMES)}")
        password = _REDIS_PASSWORD.search(value.template if isinstance(value, FromEnvironment) else address)
        if password and not VARIABLE.search(password[1] or password[2]):
            raise ValidationError("the password must not stand in the file: write redis://:${NAME}@host")
        if not _is_readable(address):
            raise ValidationError("is no address of Redis; / ? # and @ in a password must be percent-encoded")
        return address


def texts(data_key: str | None = None) -> Tuple:
    """Gives a field for a list of texts; *data_key* is its name in the file where Python can't use it."""
    return Tuple(fields.String(validate=validate.Length(1)), data_key=data_key)


def text() -> fields.String:
    """Gives a field for a text that is not empty."""
    return fields.String(validate=validate.Length(1))


def choice(*options: str) -> fields.String:
    """Gives a field for one of the options."""
    return fields.String(validate=validate.OneOf(options))


def whole(least: int, most: int | None = None) -> fields.Integer:
    """Gives a field for a whole number within a range."""
    return fields.Integer(strict=True, validate=validate.Range(least, most))


def number(least: float, most: float | None = None) -> Number:
    """Gives a field for a number within a range."""
    return Number(validate=validate.Range(least, most))


def url() -> Url:
    """Gives a field for an http or https address."""
    return Url(validate=_is_url)


def named(section: type[Section]) -> fields.Dict:
    """Gives a field for sections by names that can stand in a URL and in a Redis key."""
    return fields.Dict(keys=fields.String(validate=_is_name), values=fields.Nested(section))


def _is_name(value: str) -> None:
    if not _DESTINATION_NAME.fullmatch(value):
        raise ValidationError("a name has up to 64 letters, digits, dots, dashes and underscores")


def _is_url(value: str) -> None:
    try:
        parsed = urlsplit(value)
        good = parsed.scheme in ("http", "https") and bool(parsed.hostname) and parsed.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValidationError("must be an address such as https://events.split.io/api")


def _is_readable(value: str) -> bool:
    if value.startswith("redis+sentinel://"):
        return bool(_SENTINELS.fullmatch(value))
    try:
        address = urlsplit(value)
        if address.query:
            # Only options need redis-py, whose import takes longer than all else that settings need.
            import redis

            # Makes a connection's object; nothing is connected.
            redis.ConnectionPool.from_url(value).make_connection()
        # Without options redis-py stumbles over nothing but the port, and a socket has none.
        return address.scheme == "unix" or address.port != 0
    except (ValueError, TypeError):
        return False
