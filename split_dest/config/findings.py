"""What is wrong in a settings file: marshmallow's errors in plain words, with the place and what to write."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from marshmallow import Schema, fields

from split_dest.config.yaml_source import Where

#: Where it stands, the text, and whether the key is wrong rather than its value.
Finding = tuple[Where, str, bool]

_OUR_WORDS = {
    "Missing data for required field.": "is required",
    "Field may not be null.": "must not be empty",
    "Not a valid string.": "must be a string",
    "Not a valid integer.": "must be a whole number",
    "Not a valid number.": "must be a number",
    "Special numeric values (nan or infinity) are not permitted.": "must be a finite number",
    "Not a valid list.": "must be a list, such as [a, b]",
    "Not a valid mapping type.": "must be a mapping",
    "Invalid input type.": "must be a mapping",
}
_UNKNOWN = "Unknown field."


def of_errors(errors: Any, kind: Schema | fields.Field[Any] | None, where: Where = ()) -> Iterator[Finding]:
    """Yield the findings of marshmallow's nested errors about *kind*, which stands at *where*."""
    if isinstance(kind, fields.Nested):
        kind = kind.schema
    if isinstance(errors, list):
        yield from (at(where, _worded(text)) for text in errors)
    elif isinstance(kind, Schema):
        yield from _of_section(errors, kind, where)
    elif isinstance(kind, fields.Dict):
        yield from _of_mapping(errors, kind, where)
    else:
        item = kind.inner if isinstance(kind, fields.List) else None
        for index, below in errors.items():
            yield from of_errors(below, item, (*where, index))


def at(where: Where, text: str, *, at_key: bool = False) -> Finding:
    """Return the finding that names the setting at *where*."""
    return where, f"{'.'.join(map(str, where))}: {text}" if where else text, at_key


def unknown_keys(left_out: Iterable[Where], whole: Schema) -> Iterator[Finding]:
    """Yield the findings about unknown keys that marshmallow did not see, since their values are left out."""
    for where in left_out:
        section = _kind_at(whole, where[:-1])
        if isinstance(section, Schema) and where[-1] not in section.fields:
            yield where, _unknown(str(where[-1]), section.fields), True


def closest(name: str, names: Iterable[str], likeness: float = 0.6) -> str:
    """Return the question whether the most similar of some names was meant; empty: none is similar enough."""
    by_lower_case = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), by_lower_case, 1, likeness)
    return f'did you mean "{by_lower_case[close[0]]}"?' if close else ""


def _kind_at(kind: Schema | fields.Field[Any] | None, where: Where) -> Schema | fields.Field[Any] | None:
    for name in where:
        if isinstance(kind, Schema):
            kind = kind.fields.get(str(name))
        else:
            kind = kind.value_field if isinstance(kind, fields.Dict) else None
        kind = kind.schema if isinstance(kind, fields.Nested) else kind
    return kind


def _of_section(errors: Mapping[str, Any], section: Schema, where: Where) -> Iterator[Finding]:
    for name, below in errors.items():
        if below == [_UNKNOWN]:
            yield (*where, name), _unknown(str(name), section.fields), True
        elif name == "_schema":
            yield from of_errors(below, None, where)
        else:
            yield from of_errors(below, section.fields.get(name), (*where, name))


def _of_mapping(errors: Mapping[str, Any], kind: fields.Dict, where: Where) -> Iterator[Finding]:
    for name, below in errors.items():
        here = (*where, name)
        yield from ((here, f"{name}: {_worded(text)}", True) for text in below.get("key", ()))
        yield from of_errors(below.get("value", []), kind.value_field, here)


def _worded(text: str) -> str:
    return _OUR_WORDS.get(text, text)


def _unknown(name: str, names: Iterable[str]) -> str:
    return f'unknown key "{name}", ' + (closest(name, names) or f"known here: {', '.join(names)}")
