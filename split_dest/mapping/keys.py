"""The traffic types and keys that a message names.

Every function that takes ``notes`` adds ``key_skipped`` for an id that is there and makes no key.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from split_dest.mapping import values
from split_dest.mapping.rules import Rules
from split_dest.split import limits

#: The name of a traffic type, and a key of it.
Pair = tuple[str, str]


def mapped(paths: Iterable[str], fields: Mapping[str, Any], rules: Rules, notes: set[str]) -> list[Pair]:
    """Return a pair for each of the paths that leads to a valid key.

    Source:
        Harness FME, integrations/guides/verify-events: two mapped ids make two events.
    """
    pairs = []
    for path in paths:
        value, traffic_type = values.at(path, fields), rules.map_identities.get(path)
        if value is None or traffic_type is None:
            continue
        key = limits.key(value)
        if key is not None:
            pairs.append((traffic_type, key))
        elif not _is_blank(value):
            notes.add("key_skipped")
    return pairs


def named(split: object, rules: Rules, notes: set[str]) -> Iterator[Pair]:
    """Yield the pairs that a ``split`` property or trait names, for the traffic types that Split has.

    Args:
        split: an array of objects, or one object, each from traffic type to id; anything else names none.
        rules: their ``traffic_types`` are those that Split has.
        notes: gets ``traffic_type_skipped`` for any other traffic type.

    Source:
        Harness FME, integrations/guides/send-events (array); integrations/segment, group (object).
    """
    for traffic_type, value in _pairs(split):
        key = limits.key(value)
        if not _is_known(traffic_type, rules):
            notes.add("traffic_type_skipped")
        elif key is not None:
            yield traffic_type, key
        elif not _is_blank(value):
            notes.add("key_skipped")
    if isinstance(split, list) and not all(isinstance(each, dict) or _is_blank(each) for each in split):
        notes.add("key_skipped")


def names_types(split: object, rules: Rules) -> bool:
    """Return whether ``split`` names an id of one of Split's traffic types, be it a key or not."""
    return any(_is_known(traffic_type, rules) and not _is_blank(value) for traffic_type, value in _pairs(split))


def _pairs(split: object) -> Iterator[tuple[str, object]]:
    for element in split if isinstance(split, list) else [split]:
        for name, value in element.items() if isinstance(element, dict) else ():
            yield name.strip().lower(), value


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _is_known(traffic_type: str, rules: Rules) -> bool:
    return bool(traffic_type) if rules.traffic_types is None else traffic_type in rules.traffic_types
