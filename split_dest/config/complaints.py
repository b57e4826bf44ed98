"""marshmallow's errors to complaints that say where in the file, what, and what to write instead."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from marshmallow import Schema, fields

from split_dest.config.document import Where

#: Where it stands, the text, and whether the key is wrong rather than its value.
Complaint = tuple[Where, str, bool]

_OUR_WORDS = {
    "Missing data for required field.": "is required",
    "Field may not be null.": "must not be empty",
    "Not a valid string.": "must be a text",
    "Not a valid integer.": "must be a whole number",
    "Not a valid number.": "must be a number",
    "Not a valid list.": "must be a list, such as [a, b]",
    "Not a valid mapping type.": "must hold keys and values",
    "Invalid input type.": "must hold keys and values",
    "Shorter than minimum length 1.": "must not be empty",
}
_UNKNOWN = "Unknown field."


def complaints(messages: Any, kind: Schema | fields.Field[Any] | None, where: Where = ()) -> Iterator[Complaint]:
    """Gives the complaints of marshmallow's nested messages about *kind*, which stands at *where*."""
    if isinstance(kind, fields.Nested):
        kind = kind.schema
    if isinstance(messages, list):
        yield from ((where, _worded(text, where), False) for text in messages)
    elif isinstance(kind, Schema):
        yield from _of_section(messages, kind, where)
    elif isinstance(kind, fields.Dict):
        yield from _of_mapping(messages, kind, where)
    else:
        inner = kind.inner if isinstance(kind, fields.List) else None
        for index, below in messages.items():
            yield from complaints(below, inner, (*where, index))


def unknown_keys(left_out: Iterable[Where], whole: Schema) -> Iterator[Complaint]:
    """Gives the complaints about keys that marshmallow did not see, since their values are left out."""
    for where in left_out:
        section = _at(whole, where[:-1])
        if isinstance(section, Schema) and where[-1] not in _names(section):
            yield where, _unknown(str(where[-1]), _names(section)), True


def _at(kind: Schema | fields.Field[Any] | None, where: Where) -> Schema | fields.Field[Any] | None:
    for name in where:
        if isinstance(kind, Schema):
            kind = _names(kind).get(str(name))
        else:
            kind = kind.value_field if isinstance(kind, fields.Dict) else None
        kind = kind.schema if isinstance(kind, fields.Nested) else kind
    return kind


def _names(section: Schema) -> dict[str, fields.Field[Any]]:
    return {field.data_key or name: field for name, field in section.fields.items()}


def _of_section(messages: Mapping[str, Any], section: Schema, where: Where) -> Iterator[Complaint]:
    names = _names(section)
    for name, below in messages.items():
        if below == [_UNKNOWN]:
            yield (*where, name), _unknown(str(name), names), True
        elif name == "_schema":
            yield from complaints(below, None, where)
        else:
            yield from complaints(below, names.get(name), (*where, name))


def _of_mapping(messages: Mapping[str, Any], kind: fields.Dict, where: Where) -> Iterator[Complaint]:
    for name, below in messages.items():
        here = (*where, name)
        yield from ((here, f"{name}: {_worded(text)}", True) for text in below.get("key", ()))
        yield from complaints(below.get("value", []), kind.value_field, here)


def _worded(text: str, where: Where = ()) -> str:
    said = _OUR_WORDS.get(text, text)
    return f"{'.'.join(map(str, where))}: {said}" if where else said


def _unknown(name: str, names: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(names)}"
    return f'unknown key "{name}", {hint}'
