"""The settings file as a JSON Schema, for editors."""

from typing import Any

from marshmallow import Schema, fields

from split_dest.config.schema import SETTINGS
from split_dest.mapping.setting import Setting


def document() -> dict[str, Any]:
    """Return the JSON Schema of the settings file."""
    # Editors know this draft best.
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "split-dest", **_section(SETTINGS)}


def _kind(kind: Any) -> dict[str, Any]:
    if isinstance(kind, fields.Nested):
        return _section(kind.schema)
    if isinstance(kind, fields.Dict):
        names, values = _kind(kind.key_field), _kind(kind.value_field)
        return {"type": "object", "propertyNames": names, "additionalProperties": values}
    if isinstance(kind, fields.List):
        return {"type": "array", "items": _kind(kind.inner)} | ({"minItems": 1} if kind.required else {})
    return dict(kind.metadata["json"])


def _section(section: Schema) -> dict[str, Any]:
    required = [name for name, field in section.fields.items() if field.required]
    properties = {name: _member(field) for name, field in section.fields.items()}
    result = {"type": "object", "additionalProperties": False, "properties": properties}
    return result | ({"required": required} if required else {})


def _member(field: fields.Field[Any]) -> dict[str, Any]:
    setting: Setting = field.metadata["setting"]
    limits = {"minimum": setting.minimum, "exclusiveMinimum": setting.above, "maximum": setting.maximum}
    kind = _kind(field) | {name: limit for name, limit in limits.items() if limit is not None}
    if field.allow_none:
        kind = {"anyOf": [kind, {"type": "null"}]}
    return kind | ({"description": setting.text} if setting.text else {}) | _default(field)


def _default(field: fields.Field[Any]) -> dict[str, Any]:
    default = field.metadata.get("default")
    if field.required or (default is None and not field.allow_none):
        return {}
    return {"default": list(default) if isinstance(default, (tuple, frozenset)) else default}
