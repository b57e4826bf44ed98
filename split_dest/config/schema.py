"""The marshmallow schema of the settings file, made from the dataclasses of the settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import marshmallow
from marshmallow import RAISE, Schema, post_load, validate

from split_dest.config import fields as our
from split_dest.config import settings
from split_dest.mapping import rules
from split_dest.mapping.setting import Setting

_FIELDS: dict[Any, type[marshmallow.fields.Field[Any]]] = {
    bool: our.Switch,
    int: our.Whole,
    float: our.Number,
    str: our.Text,
    settings.Secret: our.SecretField,
    settings.Key: our.KeyField,
    settings.Name: our.Name,
    settings.Prefix: our.Prefix,
    settings.RedisUrl: our.RedisUrl,
    settings.Url: our.Url,
    rules.Paths: our.Paths,
    rules.Template: our.Template,
    rules.TrafficType: our.LowerCase,
}
_NO_SETTING = Setting()


class Section(Schema):
    """A part of the file.

    It loads to a dictionary of the keys that stand there or, if it has ``defaults``, to a dataclass.
    """

    defaults: Any = None

    class Meta:
        unknown = RAISE

    @post_load
    def _fill(self, values: dict[str, Any], **_: object) -> Any:
        return values if self.defaults is None else _filled(self.defaults, values)


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of the file, or a section; ``path`` leads to it from the section whose keys are listed."""

    path: tuple[str, ...]
    kind: Any
    setting: Setting
    default: Any


def section(defaults: Any) -> type[Section]:
    """Return the schema of a section whose defaults are those of a dataclass."""
    schema = _schema(_keys(defaults))
    schema.defaults = defaults
    return schema


def _keys(defaults: Any, above: tuple[str, ...] = ()) -> Iterator[_Key]:
    for field in fields(defaults):
        setting, default = field.metadata["setting"], getattr(defaults, field.name)
        path = above if setting.inline else (*above, *setting.path(field.name))
        if not setting.inline:
            yield _Key(path, field.type, setting, default)
        if is_dataclass(default):
            yield from _keys(default, path)


def _schema(keys: Iterable[_Key]) -> type[Section]:
    # A section's keys may come from several dataclasses.
    groups: dict[str, list[_Key]] = {}
    for key in keys:
        groups.setdefault(key.path[0], []).append(key)
    return Section.from_dict({name: _member(group) for name, group in groups.items()})  # type: ignore[return-value]


def _member(group: list[_Key]) -> marshmallow.fields.Field[Any]:
    below = [replace(key, path=key.path[1:]) for key in group if len(key.path) > 1]
    if not below:
        return _field(group[0].kind, group[0].setting, group[0].default)
    setting = _NO_SETTING if len(below) == len(group) else group[0].setting
    return marshmallow.fields.Nested(_schema(below), metadata={"setting": setting})


def _field(kind: Any, setting: Setting = _NO_SETTING, default: Any = None) -> marshmallow.fields.Field[Any]:
    optional = get_origin(kind) in (Union, UnionType)
    if optional:
        kind = get_args(kind)[0]
    origin, arguments = get_origin(kind), get_args(kind)
    metadata = {"setting": setting, "default": default}
    options: dict[str, Any] = {"required": setting.required, "allow_none": setting.nullable, "metadata": metadata}
    if setting.limits:
        options["validate"] = _range(setting)
    if kind in _FIELDS:
        return _FIELDS[kind](**options)
    if is_dataclass(kind):
        return marshmallow.fields.Nested(section(kind()), **options)  # type: ignore[operator]
    if origin is Literal:
        return our.Choice(*arguments, **options)
    if origin is Mapping:
        return marshmallow.fields.Dict(keys=_field(arguments[0]), values=_field(arguments[1]), **options)
    # Where it is optional, None stands for an empty list.
    collect = (lambda items: origin(items) or None) if optional else origin
    return our.Items(_field(arguments[0]), collect, **options)


def _range(setting: Setting) -> validate.Range:
    minimum = setting.minimum if setting.above is None else setting.above
    error = f"must be {setting.limits}"
    return validate.Range(minimum, setting.maximum, min_inclusive=setting.above is None, error=error)


def _filled(defaults: Any, values: Mapping[str, Any]) -> Any:
    """Return a dataclass with the values that stand in the file."""
    changes: dict[str, Any] = {}
    for field in fields(defaults):
        setting, default = field.metadata["setting"], getattr(defaults, field.name)
        value: Any = values
        for name in () if setting.inline else setting.path(field.name):
            value = None if value is None else value.get(name)
        # null means the default.
        if value is not None:
            changes[field.name] = _filled(default, value) if is_dataclass(default) else value
    return replace(defaults, **changes)


#: The whole file's.
SETTINGS = section(settings.Settings())()
