"""The marshmallow fields for the types of the settings; ``json`` is what JSON Schema says of each."""

import re
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validate

from split_dest.config.settings import Secret
from split_dest.config.yaml_source import VARIABLE, FromEnvironment

#: Control characters, and what Python makes of bytes in the environment that are not UTF-8.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_IN_A_HEADER = re.compile(r"[^\x20-\x7e]")
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://")
_SENTINELS = re.compile(r"redis\+sentinel://(?:[^@/]*@)?[^@,/]+:\d+(?:,[^@,/]+:\d+)*/[^/]+(?:/\d+)?")
#: A password stands before the host or, where redis-py reads it as well, in the query.
_REDIS_PASSWORD = re.compile(r"://[^/?]*?:([^/?]+)@|[?&]password=([^&]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: No colon: then no prefix is the beginning of another. No braces: they have a meaning in a Redis Cluster.
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_NOT_EMPTY = validate.Length(1, error="must not be empty")


class Text(fields.String):
    """A string that is not empty."""

    json: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1}

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=_NOT_EMPTY, **options)


class LowerCase(Text):
    """A name that counts in lower case."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(*args, **kwargs).lower()


class Choice(fields.String):
    """One of several words."""

    def __init__(self, *choices: str, **options: Any) -> None:
        super().__init__(validate=validate.OneOf(choices, error="must be one of: {choices}"), **options)
        self.choices = choices

    @property
    def json(self) -> dict[str, Any]:
        """Return the choices, or any variable: it is judged when the settings are loaded."""
        return {"anyOf": [{"enum": list(self.choices)}, {"type": "string", "pattern": r"\$\{"}]}


class Switch(fields.Boolean):
    """True or false, and nothing that only looks like it."""

    json: ClassVar[dict[str, Any]] = {"type": "boolean"}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class Whole(fields.Integer):
    """A whole number."""

    json: ClassVar[dict[str, Any]] = {"type": "integer"}

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, **options)


class Number(fields.Float):
    """A number, and not a string that looks like one."""

    json: ClassVar[dict[str, Any]] = {"type": "number"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid")
        return super()._deserialize(value, *args, **kwargs)


class SecretField(fields.Field[Secret]):
    """A secret, which must come from the environment."""

    json: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^\$\{([A-Za-z_][A-Za-z0-9_]*(:-)?|/[^}]+)\}$"}
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

    json: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^https?://|\$\{"}

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=_is_url, **options)

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(*args, **kwargs).rstrip("/")


class RedisUrl(fields.String):
    """``embedded`` or the address of a Redis, whose password must come from the environment."""

    json: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^(embedded$|rediss?://|unix://|redis\+sentinel://)|\$\{",
    }

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
            raise ValidationError("is not a Redis address; / ? # and @ in a password must be percent-encoded")
        return address


class Template(fields.String):
    """A string with a place for a name."""

    json: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"\{name\}"}

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=_has_name, **options)


class Name(fields.String):
    """The name of a destination or source: it stands in a URL and in keys of Redis."""

    json: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{_NAME.pattern}$"}

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=_is_name, **options)


class Prefix(fields.String):
    """What every key of Redis begins with."""

    json: ClassVar[dict[str, Any]] = {"type": "string", "pattern": rf"^{_PREFIX.pattern}$|\$\{{"}

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=_is_prefix, **options)


class Paths(fields.Field[tuple[str, ...]]):
    """A path, or a list of paths."""

    json: ClassVar[dict[str, Any]] = {"anyOf": [Text.json, {"type": "array", "items": Text.json}]}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
            raise ValidationError("must be a path such as properties.revenue, or a list of paths")
        return tuple(paths)


class Items(fields.List[Any]):
    """A list that becomes another collection, such as a tuple."""

    def __init__(self, item: fields.Field[Any], collect: Callable[[list[Any]], Any], **options: Any) -> None:
        super().__init__(item, validate=_NOT_EMPTY if options["required"] else None, **options)
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
            # Only options need redis-py, whose import takes longer than everything else that settings need.
            import redis

            # This makes a connection's object; nothing is connected.
            redis.ConnectionPool.from_url(value).make_connection()
        # Without options redis-py fails at nothing but the port, and a socket has none.
        return address.scheme == "unix" or address.port != 0
    except (ValueError, TypeError):
        return False
