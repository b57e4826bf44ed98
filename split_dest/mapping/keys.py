"""Which traffic types and keys a message speaks of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from split_dest.mapping import values
from split_dest.mapping.rules import Rules
from split_dest.split import limits

#: A traffic type's name and a key of it.
Pair = tuple[str, str]


def mapped(paths: Iterable[str], fields: Mapping[str, Any], rules: Rules) -> list[Pair]:
    """Gives a pair for each of the paths that leads to a legal key.

    Source:
        Harness FME, integrations/guides/verify-events: two mapped ids make two events.
    """
    found = []
    for path in paths:
        key = limits.key(values.at(path, fields))
        if key is not None and path in rules.map_identities:
            found.append((rules.map_identities[path], key))
    return found


def named(split: object, rules: Rules) -> Iterator[Pair]:
    """Gives the pairs that a ``split`` property or trait names and Split has.

    Args:
        split: an array of objects, or one object, each from traffic type to id; anything else names none.
        rules: whose ``traffic_types`` say what Split has.

    Source:
        Harness FME, integrations/guides/send-events (array); integrations/segment, group (object).
    """
    for traffic_type, value in _pairs(split):
        key = limits.key(value)
        if key is not None and _is_known(traffic_type, rules):
            yield traffic_type, key


def names_unknown(split: object, rules: Rules) -> bool:
    """True when a ``split`` property or trait names a traffic type that Split does not have."""
    return not all(_is_known(traffic_type, rules) for traffic_type, _ in _pairs(split))


def speaks(split: object) -> bool:
    """True when a ``split`` property or trait is meant for Split; False: it is an ordinary value."""
    return isinstance(split, (list, dict))


def _pairs(split: object) -> Iterator[tuple[str, object]]:
    for element in split if isinstance(split, list) else [split]:
        for name, value in element.items() if isinstance(element, dict) else ():
            yield name.strip().lower(), value


def _is_known(traffic_type: str, rules: Rules) -> bool:
    return bool(traffic_type) if rules.traffic_types is None else traffic_type in rules.traffic_types
