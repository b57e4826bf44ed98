"""The kinds of fields that settings have, and the section they stand in."""

import re
from typing import Any
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from split_dest.config.document import FromEnvironment
from split_dest.config.settings import Secret

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
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

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Secret:
        if not isinstance(value, FromEnvironment):
            raise ValidationError("a secret must not stand in the file: write ${NAME} and set the variable NAME")
        if not value or _CONTROL.search(value):
            raise ValidationError("the variable is empty or holds a control character, such as a line break")
        return Secret(str(value))


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


def texts(data_key: str | None = None) -> Tuple:
    """Gives a field for a list of texts; *data_key* is its name in the file where Python can't use it."""
    return Tuple(fields.String(validate=validate.Length(1)), data_key=data_key)


def text() -> fields.String:
    """Gives a field for a text that is not empty."""
    return fields.String(validate=validate.Length(1))


def choice(*options: str) -> fields.String:
    """Gives a field for one of the options."""
    return fields.String(validate=validate.OneOf(options))


def switch() -> fields.Boolean:
    """Gives a field for true or false and nothing that only looks like it."""
    return fields.Boolean(truthy={True}, falsy={False}, error_messages={"invalid": "must be true or false"})


def whole(least: int, most: int | None = None) -> fields.Integer:
    """Gives a field for a whole number within a range."""
    return fields.Integer(strict=True, validate=validate.Range(least, most))


def url() -> fields.String:
    """Gives a field for an http or https address."""
    return fields.String(validate=_is_url)


def redis_url() -> fields.String:
    """Gives a field for ``embedded`` or an address of Redis."""
    return fields.String(validate=_is_redis_url)


def named(section: type[Section]) -> fields.Dict:
    """Gives a field for sections by names that can stand in a URL and in a Redis key."""
    return fields.Dict(keys=fields.String(validate=_is_name), values=fields.Nested(section))


def _is_name(value: str) -> None:
    if not _DESTINATION_NAME.fullmatch(value):
        raise ValidationError("a name has up to 64 letters, digits, dots, dashes and underscores")


def _is_url(value: str) -> None:
    parsed = urlsplit(value)
    if parsed.scheme not in ("http", "https") or not parsed.netloc:
        raise ValidationError("must be an address such as https://events.split.io/api")


def _is_redis_url(value: str) -> None:
    if value == "embedded":
        return
    parsed = urlsplit(value)
    if parsed.scheme not in ("redis", "rediss", "unix", "redis+sentinel"):
        raise ValidationError("must be embedded, or begin with redis://, rediss://, unix:// or redis+sentinel://")
    if parsed.password and not isinstance(value, FromEnvironment):
        raise ValidationError("the password must not stand in the file: write redis://:${NAME}@host and set NAME")
