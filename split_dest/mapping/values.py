"""Values inside a message: found by path, flattened, and written as texts.

JSON's objects and arrays are known as ``dict`` and ``list``: to ask for a ``Mapping`` takes ten times as long.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from split_dest.segment.message import EXACT_BELOW

_NUMERIC = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)


def at(path: str, fields: Mapping[str, Any]) -> Any:
    """Gives what a dotted path such as ``properties.revenue`` leads to; None: nothing.

    >>> at("properties.revenue", {"properties": {"revenue": 12}})
    12
    """
    if "." not in path:
        return fields.get(path)
    found: Any = fields
    for name in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def number(value: object, *, numeric_strings: bool) -> int | float | None:
    """Gives the finite number that a value is, or with *numeric_strings* writes out; None: it is none.

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
    """Gives a JSON value as a text: a text as it is, anything else as compact JSON.

    >>> text({"id": "c1", "employees": 250})
    '{"id":"c1","employees":250}'
    """
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def cut(given: str, max_chars: int, notes: set[str]) -> str:
    """Gives the text's first characters, and notes ``value_cut`` when there were more."""
    if len(given) > max_chars:
        notes.add("value_cut")
    return given[:max_chars]


def flat(pairs: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Gives every value that is no object, under the dotted path of its names; empty objects vanish.

    >>> list(flat({"a": {"b": {"c": 1}}, "d": 2}))
    [('a.b.c', 1), ('d', 2)]
    """
    for name, value in pairs.items():
        if type(value) is dict:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
