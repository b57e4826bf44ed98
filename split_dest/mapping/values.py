"""Values inside a message: looked up by path, flattened, and written as strings.

JSON's objects and arrays are ``dict`` and ``list``: checking for a ``Mapping`` takes ten times as long.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from split_dest.segment.message import EXACT_BELOW

#: The names that lead to a value.
Path = tuple[str, ...]

_NUMERIC = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)


def at(path: str, fields: Mapping[str, Any]) -> Any:
    """Return the value at a dotted path such as ``properties.revenue``; None if there is none.

    >>> at("properties.revenue", {"properties": {"revenue": 12}})
    12
    """
    if "." not in path:
        return fields.get(path)
    value: Any = fields
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def number(value: object, *, numeric_strings: bool) -> int | float | None:
    """Return the finite number that a value is, or with *numeric_strings* spells; None if it is none.

    >>> number("39.95", numeric_strings=True)
    39.95
    """
    if isinstance(value, str) and numeric_strings and _NUMERIC.fullmatch(value):
        value = float(value)
        if value.is_integer() and abs(value) < EXACT_BELOW:
            value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


def text(value: object) -> str:
    """Return a JSON value as a string: a string as it is, anything else as compact JSON.

    >>> text({"id": "c1", "employees": 250})
    '{"id":"c1","employees":250}'
    """
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def cut(text: str, max_chars: int, notes: set[str]) -> str:
    """Return the first characters of a text, and note ``value_cut`` when there are more."""
    if len(text) > max_chars:
        notes.add("value_cut")
    return text[:max_chars]


def flat(pairs: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is no object, with the dotted path of its names; empty objects vanish.

    >>> list(flat({"a": {"b": {"c": 1}}, "d": 2}))
    [('a.b.c', 1), ('d', 2)]
    """
    for name, value in pairs.items():
        if type(value) is dict:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def paths(pairs: Mapping[str, Any], *, is_flat: bool, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value with the names that lead to it; if flat, of objects their values instead.

    >>> list(paths({"a": {"b": {"c": 1}}, "d": 2}, is_flat=True))
    [(('a', 'b', 'c'), 1), (('d',), 2)]
    """
    for name, value in pairs.items():
        if is_flat and type(value) is dict:
            yield from paths(value, is_flat=True, above=(*above, name))
        else:
            yield (*above, name), value
