"""The traffic types and keys that a message names."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from split_dest.mapping import values
from split_dest.mapping.rules import Rules
from split_dest.split import limits

#: The name of a traffic type, and a key of it.
Pair = tuple[str, str]


def mapped(paths: Iterable[str], fields: Mapping[str, Any], rules: Rules) -> list[Pair]:
    """Return a pair for each of the paths that leads to a valid key.

    Source:
        Harness FME, integrations/guides/verify-events: two mapped ids make two events.
    """
    pairs = []
    for path in paths:
        key = limits.key(values.at(path, fields))
        if key is not None and path in rules.map_identities:
            pairs.append((rules.map_identities[path], key))
    return pairs


def named(split: object, rules: Rules) -> Iterator[Pair]:
    """Yield the pairs that a ``split`` property or trait names, for the traffic types that Split has.

    Args:
        split: an array of objects, or one object, each from traffic type to id; anything else names none.
        rules: their ``traffic_types`` are those that Split has.

    Source:
        Harness FME, integrations/guides/send-events (array); integrations/segment, group (object).
    """
    for traffic_type, value in _pairs(split):
        key = limits.key(value)
        if key is not None and _is_known(traffic_type, rules):
            yield traffic_type, key


def names_unknown(split: object, rules: Rules) -> bool:
    """Return whether a ``split`` property or trait names a traffic type that Split does not have."""
    return not all(_is_known(traffic_type, rules) for traffic_type, _ in _pairs(split))


def names_types(split: object) -> bool:
    """Return whether a ``split`` property or trait is meant for Split; False when it is an ordinary value."""
    return isinstance(split, (list, dict))


def _pairs(split: object) -> Iterator[tuple[str, object]]:
    for element in split if isinstance(split, list) else [split]:
        for name, value in element.items() if isinstance(element, dict) else ():
            yield name.strip().lower(), value


def _is_known(traffic_type: str, rules: Rules) -> bool:
    return bool(traffic_type) if rules.traffic_types is None else traffic_type in rules.traffic_types
