"""The reference of the settings, docs/settings.md; ``python -m split_dest.config.reference`` prints it."""

import json
from collections.abc import Iterator
from typing import Any

from marshmallow import Schema, fields

from split_dest.config import NUMBERS
from split_dest.config.schema import SETTINGS
from split_dest.mapping.setting import Setting
from split_dest.split import limits

#: Where comments begin; behind a longer line two blanks are enough.
_COLUMN = 40

_HEAD = """\
# Settings

<!-- Made by `make docs` from split_dest/config/settings.py and split_dest/mapping/rules.py. -->

One YAML file for each environment, in `config/`. It is found by `--config FILE`, else `SPLIT_DEST_CONFIG`, else
`config/<SPLIT_DEST_ENV>.yaml`, else `config/development.yaml`.

- `split-dest check` names every mistake with its line, its column and what to write instead. It warns of settings
  that work and are almost surely wrong; with `--strict` a warning fails. With `--live` it asks Redis and Split.
- Editors complete and check the file by `config/settings.schema.json`; `split-dest schema` prints the same.
- Secrets never stand in the file. `${NAME}` takes the value of the variable `NAME`, or the content of the file
  that `NAME_FILE` names; one of them must be there at start. `${NAME:-}` may be absent, as if the key were.
- `&name` and `<<: *name` let destinations share settings; a destination's own keys count more.

These are all settings. A value shown is the default; `${…}`, `ws-1`, `Production` and the two names are examples.

```yaml
"""

_TAIL = f"""\
```

## Names, paths and patterns

- **Names** of destinations and sources stand in URLs: up to 64 letters, digits, dots, dashes and underscores. A
  destination and a source can't have the same name.
- **Paths** lead into a message, with dots: `userId`, `context.groupId`, `properties.revenue`. Case counts.
- **`map_identities`** takes any path. Track, page and screen calls become an event for each path that leads to an
  id; identify calls become an identity for each path of `identify.identities`. `groupId: account` serves group
  calls without an id in `traits.split`, and `context.groupId: account` events of a group.
- **Event names** of `only` and `except` stand for the whole name, and case counts. They are compared with the name
  as it was sent and with its event type id: `Order Completed`, `Order_Completed` and `Order *` match a call named
  "Order Completed"; `order *` does not.
- **Traffic types** count in lower case.

## Split's limits

| what | characters |
|---|---|
| a key: the id of a user, a group … | {limits.KEY_MAX_CHARS}; a longer or blank id counts as none |
| an event type id | {limits.EVENT_TYPE_ID_MAX_CHARS}: letters, digits, and not first `-`, `_`, `.`, `:` |
| a property's name or text | {limits.PROPERTY_MAX_CHARS}, and at most {limits.PROPERTIES_MAX_COUNT} properties |
| all properties of an event | {limits.EVENT_MAX_CHARS - limits.EVENT_BASE_CHARS} in their names and texts |
| an attribute | {limits.ATTRIBUTE_MAX_CHARS}, its name {limits.ATTRIBUTE_ID_MAX_CHARS} |

## Variables that are not secrets

A number that can't be read stops the start with a sentence that names the variable.

| variable | who reads it | meaning |
|---|---|---|
| `SPLIT_DEST_CONFIG`, `SPLIT_DEST_ENV` | all | which settings file |
| `HOST` | web | the address to listen on (0.0.0.0) |
"""


def page() -> str:
    """Return the page."""
    shown = (f"{code:{_COLUMN - 2}}  # {comment}" if comment else code for code, comment in _section(SETTINGS, ""))
    numbers = (
        f"| `{name}` | {number.reader} | {number.text} ({number.default}; {number.minimum} to {number.maximum}) |"
        for name, number in NUMBERS.items()
    )
    return _HEAD + "\n".join(shown) + "\n" + _TAIL + "\n".join(numbers) + "\n"


def _section(section: Schema, indent: str) -> Iterator[tuple[str, str]]:
    for name, field in section.fields.items():
        setting: Setting = field.metadata["setting"]
        if not indent and name != next(iter(section.fields)):
            yield "", ""
        if isinstance(field, fields.Nested):
            yield f"{indent}{name}:", setting.text
            yield from _section(field.schema, indent + "  ")
        elif isinstance(field, fields.Dict) and isinstance(field.value_field, fields.Nested):
            yield f"{indent}{name}:", setting.text
            yield f"{indent}  {setting.example}:", ""
            yield from _section(field.value_field.schema, indent + "    ")
        elif isinstance(field, fields.Dict) and field.metadata["default"]:
            yield f"{indent}{name}:", setting.text
            yield from ((f"{indent}  {key}: {value}", "") for key, value in field.metadata["default"].items())
        else:
            yield (
                f"{indent}{name}: {setting.example or _yaml(field.metadata['default'])}",
                _comment(field, setting),
            )


def _comment(field: fields.Field[Any], setting: Setting) -> str:
    parts = ("required" if field.required else "", " | ".join(field.metadata.get("choices", ())), setting.text)
    return "; ".join(filter(None, parts)) + (f" ({setting.limits})" if setting.limits else "")


def _yaml(value: Any) -> str:
    if isinstance(value, (tuple, frozenset)):
        return f"[{', '.join(value)}]"
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    print(page(), end="")
