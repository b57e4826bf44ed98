"""Map track, page and screen calls to events.

Every function that takes ``notes`` adds the reason codes of the parts that it repaired or left out.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from split_dest.errors import MessageFiltered
from split_dest.mapping import keys, moments, values
from split_dest.mapping.rules import Named, Properties, Rules
from split_dest.segment.message import Message, count_pairs
from split_dest.split import limits
from split_dest.split.records import Event

#: Lists of names as in the settings: ``*`` stands for any text.
Patterns = tuple[str, ...]

#: Stands in a template for the name of the page or screen; alone it is the template of track calls.
_NAME = "{name}"
#: Of a hash in an event type id, in hex: 64 bits.
_HASH_CHARS = 16
#: Names repeat, so they are cached. A longer one is seldom seen twice, and a thousand of them would take memory.
_CACHED_CHARS = 128
#: This many properties, each with a name and a text of ``_SHORT`` characters, always fit into an event.
_SHORT = limits.PROPERTY_MAX_CHARS
_FEW = (limits.EVENT_MAX_CHARS - limits.EVENT_BASE_CHARS) // (2 * _SHORT)


def from_track(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Event]:
    """Return the events of a track call, one for each traffic type and key.

    Raises:
        MessageFiltered: ``track_disabled``, ``event_type_id``, ``event_filtered`` or a reason of the keys.

    Source:
        Harness FME, integrations/segment, "Enable track" and Troubleshooting.
    """
    if not rules.track.enabled:
        raise MessageFiltered("track_disabled")
    name = values.at(rules.track.event_type_id, message.fields)
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str):
        raise MessageFiltered("event_type_id")
    event_type_id = _event_type_id(
        name, rules, notes, included=rules.track.included, excluded=rules.track.excluded
    )
    return _events(event_type_id, message, rules, received_ms, notes)


def from_page(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Event]:
    """Return the events of a named page call.

    Raises:
        MessageFiltered: ``page_disabled``, ``page_unnamed``, ``event_type_id`` or a reason of the keys.
    """
    return _from_named(rules.named_pages, message, rules, received_ms, notes)


def from_screen(message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Event]:
    """Return the events of a named screen call.

    Raises:
        MessageFiltered: ``screen_disabled``, ``screen_unnamed``, ``event_type_id`` or a reason of the keys.
    """
    return _from_named(rules.named_screens, message, rules, received_ms, notes)


def _from_named(named: Named, message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Event]:
    if not named.enabled:
        raise MessageFiltered(f"{message.type}_disabled")
    # analytics.js copies the name into properties.
    candidates = (message.fields.get("name"), message.fields["properties"].get("name"))
    name = next((each.strip() for each in candidates if isinstance(each, str) and each.strip()), None)
    if name is None:
        raise MessageFiltered(f"{message.type}_unnamed")
    event_type_id = _event_type_id(name, rules, notes, named.event_type_id)
    return _events(event_type_id, message, rules, received_ms, notes)


def _event_type_id(
    name: str,
    rules: Rules,
    notes: set[str],
    template: str = _NAME,
    included: Patterns = (),
    excluded: Patterns = (),
) -> str:
    ids = rules.event_type_ids
    convert = _converted if len(name) <= _CACHED_CHARS else _converted.__wrapped__
    event_type_id, note, passes = convert(name, template, ids.max_length, ids.unrecognizable, included, excluded)
    if note and ids.invalid == "drop":
        raise MessageFiltered("event_type_id")
    if note and (passes or event_type_id is None):
        notes.add(note)
    if event_type_id is None:
        raise MessageFiltered("event_type_id")
    if not passes:
        raise MessageFiltered("event_filtered")
    return event_type_id


@lru_cache(maxsize=1024)
def _converted(
    name: str, template: str, max_chars: int, unrecognizable: str, included: Patterns, excluded: Patterns
) -> tuple[str | None, str, bool]:
    """Return a name's event type id or None, the note on an illegal one, and whether it passes the filters."""
    whole, note = template.replace(_NAME, name), ""
    result = limits.event_type_id(whole, sanitize=False, max_chars=max_chars)
    if result is None and limits.is_recognizable(name):
        result = limits.event_type_id(whole, sanitize=True, max_chars=max_chars)
        note = "event_type_id_sanitized" if result else ""
    elif result is None:
        note = "event_type_id_unrecognizable"
        result = _hashed(name, template, max_chars) if unrecognizable == "hash" else None
    return result, note, result is not None and _passes({name, result}, included, excluded)


def _hashed(name: str, template: str, max_chars: int) -> str | None:
    """Return an event type id with a hash of the name, so that it is no other name's; None: no room."""
    room = (max_chars - len(template.replace(_NAME, ""))) // template.count(_NAME)
    if room < _HASH_CHARS:
        return None
    digest = hashlib.blake2b(name.strip().encode(), digest_size=_HASH_CHARS // 2).hexdigest()
    label = limits.event_type_id(name, sanitize=True, max_chars=max(room - _HASH_CHARS - 1, 0))
    whole = template.replace(_NAME, f"{label.rstrip('_')}_{digest}" if label else digest)
    return limits.event_type_id(whole, sanitize=True, max_chars=max_chars)


def lets_through(name: str, rules: Rules) -> bool:
    """Return whether ``only`` and ``except`` do not filter out track calls of this name."""
    return rules.track.enabled and _passes({name}, rules.track.included, rules.track.excluded)


def _passes(names: set[str], included: Patterns, excluded: Patterns) -> bool:
    if excluded and any(map(_wildcards(excluded).fullmatch, names)):
        return False
    return not included or any(map(_wildcards(included).fullmatch, names))


@lru_cache(maxsize=1024)
def _wildcards(patterns: Patterns) -> re.Pattern[str]:
    return re.compile("|".join(map(_wildcard, patterns)), re.DOTALL)


def _wildcard(pattern: str) -> str:
    first, *between = map(re.escape, pattern.split("*"))
    # Atomic, so that no name makes the search backtrack: the first match of a part leaves most text for the rest.
    last = f".*{between.pop()}" if between else ""
    return first + "".join(f"(?>.*?{part})" for part in between) + last


def _events(event_type_id: str, message: Message, rules: Rules, received_ms: int, notes: set[str]) -> list[Event]:
    properties = message.fields["properties"]
    split = properties.get("split")
    pairs = dict.fromkeys(keys.mapped(rules.map_identities, message.fields, rules, notes))
    if split is not None and count_pairs(split):
        pairs |= dict.fromkeys(keys.named(split, rules, notes))
        if keys.names_types(split, rules):
            properties = {name: value for name, value in properties.items() if name != "split"}
    if not pairs:
        raise MessageFiltered("traffic_type_unknown" if "traffic_type_skipped" in notes else "no_mapped_identity")
    value = _value(message.fields, rules)
    timestamp_ms = moments.moment(message, received_ms, notes)
    shared = _properties(properties, rules.properties, notes)
    return [
        Event(event_type_id, traffic_type, key, timestamp_ms, value, shared, rules.environment_name)
        for traffic_type, key in pairs
    ]


def _value(fields: Mapping[str, Any], rules: Rules) -> int | float | None:
    for path in rules.track.value:
        value = values.number(values.at(path, fields), numeric_strings=rules.track.numeric_strings)
        if value is not None:
            return value
    return None


def _properties(properties: Mapping[str, Any], rules: Properties, notes: set[str]) -> dict[str, Any]:
    few: dict[str, Any] = {}
    # Nearly all are few and short; checking them against every limit takes twice as long.
    count = _flatten(properties, "", min(rules.max_length, _SHORT), few) if rules.nested == "flatten" else None
    # If there are fewer than were added, two names became one.
    is_quick = count == len(few) <= min(rules.max_count, _FEW)
    return few if is_quick else _limited(properties, rules, notes)


def _flatten(pairs: Mapping[str, Any], prefix: str, max_chars: int, few: dict[str, Any]) -> int | None:
    """Add all values but objects that are not empty to *few*; return how many, or None: too many, or too long."""
    room, count = max_chars - len(prefix), len(pairs)
    if count + len(few) > _FEW or room < 0:
        return None
    for name, value in pairs.items():
        kind = type(value)
        if kind is dict and value:
            inner = _flatten(value, f"{prefix}{name}.", max_chars, few)
            if inner is None:
                return None
            count += inner - 1
            continue
        if kind is list or kind is dict:
            value = values.text(value)
        if len(name) > room or (type(value) is str and len(value) > max_chars):
            return None
        few[prefix + name] = value
    return count


def _limited(properties: Mapping[str, Any], rules: Properties, notes: set[str]) -> dict[str, Any]:
    made: set[str] = set()
    max_chars, is_flat = rules.max_length, rules.nested == "flatten"
    fitted = _fitted(values.flat(properties, max_chars) if is_flat else properties.items(), rules, made)
    if fitted is None:
        made = set()
        found = values.paths(properties, (lambda text: text[:max_chars]) if is_flat else None)
        once = values.named_once(found, lambda text: values.cut(text, max_chars, made), made, rules.max_count)
        fitted = _fitted(once.items(), rules, made) or {}
    notes |= made
    return fitted


def _fitted(pairs: Iterable[tuple[str, Any]], rules: Properties, notes: set[str]) -> dict[str, Any] | None:
    """Return properties as Split takes them; None when two of their names become one."""
    result: dict[str, Any] = {}
    chars, max_chars = limits.EVENT_BASE_CHARS, rules.max_length
    for name, value in pairs:
        if isinstance(value, (list, dict)):
            if rules.nested == "drop":
                notes.add("properties_left_out")
                continue
            value = values.text(value)
        if len(name) > max_chars:
            name = values.cut(name, max_chars, notes)
        if name in result:
            return None
        chars += len(name)
        if isinstance(value, str):
            if len(value) > max_chars:
                value = values.cut(value, max_chars, notes)
            chars += len(value)
        if chars > limits.EVENT_MAX_CHARS or len(result) == rules.max_count:
            notes.add("properties_left_out")
            break
        result[name] = value
    return result
