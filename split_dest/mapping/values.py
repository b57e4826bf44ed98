"""Values inside a message: looked up by path, flattened, and written as strings.

JSON's objects and arrays are ``dict`` and ``list``: checking for a ``Mapping`` takes ten times as long.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from split_dest.numbers import EXACT_BELOW

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


def flat(pairs: Mapping[str, Any], max_chars: int, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is no object, or an empty one, with the dotted path of its names.

    Of the names above it no more than *max_chars* and one count, so that a long one is not copied for each value.

    >>> list(flat({"a": {"b": {"c": 1}}, "d": 2}, 256))
    [('a.b.c', 1), ('d', 2)]
    """
    for name, value in pairs.items():
        if type(value) is dict and value:
            yield from flat(value, max_chars, f"{prefix}{name}."[: max_chars + 1])
        else:
            yield prefix + name, value


def paths(
    pairs: Mapping[str, Any], shorten: Callable[[str], str] | None, above: Path = (), prefix: str = ""
) -> Iterator[tuple[Path, str, Any]]:
    """Yield every value with the names that lead to it, and the same as a dotted path.

    Args:
        pairs: an object.
        shorten: returns of a dotted path what counts of it, so that a long one is not copied for each value. With
            it, of an object that is not empty its values are yielded instead.
        above: the names that lead to the object.
        prefix: what counts of them, and a dot.

    >>> list(paths({"a": {"b": {"c": 1}}, "d": 2}, str))
    [(('a', 'b', 'c'), 'a.b.c', 1), (('d',), 'd', 2)]
    """
    for name, value in pairs.items():
        if shorten and type(value) is dict and value:
            yield from paths(value, shorten, (*above, name), f"{shorten(prefix + name)}.")
        else:
            yield (*above, name), prefix + name, value


def named_once(
    found: Iterable[tuple[Path, str, Any]],
    named: Callable[[str], str | None],
    notes: set[str],
    max_names: int | None = None,
) -> dict[str, Any]:
    """Return values by the names that Split takes.

    Of names that become one, an unchanged one counts, else the first in the order of the names that led to it.

    Args:
        found: of ``paths``.
        named: returns the name for a dotted path; None: there is none, so the value is left out.
        notes: gets ``name_unusable`` and ``name_taken``.
        max_names: one more is returned, and what follows is not read; None: any number.
    """
    made: dict[str, tuple[tuple[bool, Path], Any]] = {}
    for path, dotted, value in found:
        name = named(dotted)
        if name is None:
            notes.add("name_unusable")
            continue
        if name in made:
            notes.add("name_taken")
        elif max_names is not None and len(made) > max_names:
            break
        rank = path != (name,), path
        if name not in made or rank < made[name][0]:
            made[name] = rank, value
    return {name: value for name, (_, value) in made.items()}
