"""What Split takes, and in which words it is said to who sends something else.

Source: reference split.md, sections 1.2 to 1.6 (events), 2.1 and 2.2 (identities), 3 (keys), 7 (impressions).
"""

import math
import re
from collections.abc import Callable, Iterable, Set
from typing import Any

import orjson

MAX_BODY_BYTES = 1_000_000
MAX_EVENTS = 5000
MAX_IDENTITIES = 100
KEY_MAX_CHARS = 250
EVENT_TYPE_ID = re.compile(r"[a-zA-Z0-9][-_.:a-zA-Z0-9]{0,79}")
ATTRIBUTE_ID = re.compile(r"[a-zA-Z][-_a-zA-Z0-9]{0,199}")
ATTRIBUTE_MAX_CHARS = 255
PROPERTIES_MAX = 300
PROPERTY_MAX_CHARS = 256
EVENT_BASE_CHARS = 1024
EVENT_MAX_CHARS = 32_768
TIMESTAMP_END_MS = 41_024_448_000_000

NUMBERS = (int, float)
SCALARS = (str, bool, *NUMBERS)

# A field, what holds for its value, and the words for who breaks it; a rule may rely on those before it.
Rule = tuple[str, Callable[[Any], bool], str]


def is_key(value: object) -> bool:
    """Tell whether *value* is a string that Split takes for a key."""
    return isinstance(value, str) and value.strip() != "" and len(value) <= KEY_MAX_CHARS


def is_timestamp(value: object) -> bool:
    """Tell whether *value* is a time in whole milliseconds since 1970, UTC."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < TIMESTAMP_END_MS


def _is_number(value: object) -> bool:
    return isinstance(value, NUMBERS) and not isinstance(value, bool) and math.isfinite(value)


def _has_short_strings(values: dict[str, Any]) -> bool:
    return all(len(value) <= ATTRIBUTE_MAX_CHARS for value in values.values() if isinstance(value, str))


def _is_json_object(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _is_named(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


_KEY_WORDS = f"a string, not blank, of at most {KEY_MAX_CHARS} characters"
_TIME_WORDS = "an integer, milliseconds since 1970"

_EVENT: tuple[Rule, ...] = (
    (
        "eventTypeId",
        lambda it: isinstance(it, str) and EVENT_TYPE_ID.fullmatch(it) is not None,
        f"a string like {EVENT_TYPE_ID.pattern}",
    ),
    ("key", is_key, _KEY_WORDS),
    ("timestamp", is_timestamp, _TIME_WORDS),
    ("value", lambda it: it is None or _is_number(it), "null or a number"),
    ("properties", lambda it: it is None or isinstance(it, dict), "null or an object"),
)
_EVENT_FIELDS = frozenset({"trafficTypeName", "environmentName"} | {field for field, _, _ in _EVENT})

_IMPRESSION: tuple[Rule, ...] = (
    ("k", is_key, _KEY_WORDS),
    ("t", _is_named, "a string, not blank"),
    ("m", is_timestamp, _TIME_WORDS),
    ("c", lambda it: it is None or (isinstance(it, int) and not isinstance(it, bool)), "null or an integer"),
    ("r", lambda it: it is None or isinstance(it, str), "null or a string"),
    ("b", lambda it: it is None or is_key(it), "null or " + _KEY_WORDS),
    ("pt", lambda it: it is None or is_timestamp(it), "null or " + _TIME_WORDS),
    ("properties", lambda it: it is None or _is_json_object(it), "null or a JSON object as a string"),
    ("et", lambda it: it is None or _is_named(it), "null or a string, not blank"),
)
_IMPRESSION_FIELDS = frozenset(field for field, _, _ in _IMPRESSION)

_IDENTITY: tuple[Rule, ...] = (
    ("key", is_key, _KEY_WORDS),
    ("values", lambda it: isinstance(it, dict), "an object"),
    ("values", lambda it: all(map(ATTRIBUTE_ID.fullmatch, it)), f"named like {ATTRIBUTE_ID.pattern}"),
    (
        "values",
        lambda it: all(isinstance(one, SCALARS) for one in it.values()),
        "strings, numbers or booleans",
    ),
    (
        "values",
        _has_short_strings,
        f"free of strings over {ATTRIBUTE_MAX_CHARS} characters",
    ),
)
_IDENTITY_FIELDS = frozenset({"key", "values", "trafficTypeId", "environmentId"})


def broken_event_rule(event: object, traffic_types: Set[str]) -> str | None:
    """Return the first rule that *event* breaks, None when Split would take it.

    Args:
        event: one event as parsed from JSON.
        traffic_types: the names that ``trafficTypeName`` may be.
    """
    if not isinstance(event, dict):
        return "an event is an object"
    traffic_type = event.get("trafficTypeName")
    if not isinstance(traffic_type, str) or traffic_type not in traffic_types:
        return "trafficTypeName must be the name of a traffic type"
    if not isinstance(event.get("environmentName", ""), str):
        return "environmentName must be a string"
    return _broken(event, _EVENT, _EVENT_FIELDS) or _broken_property_rule(event.get("properties") or {})


def _broken_property_rule(properties: dict[str, Any]) -> str | None:
    if len(properties) > PROPERTIES_MAX:
        return f"properties must be at most {PROPERTIES_MAX}"
    size = EVENT_BASE_CHARS
    for name, value in properties.items():
        text = value if isinstance(value, str) else ""
        size += len(name) + len(text)
        if len(text) > PROPERTY_MAX_CHARS:
            return f"properties must be free of strings over {PROPERTY_MAX_CHARS} characters"
        if value is not None and not isinstance(value, SCALARS):
            return "properties must be strings, numbers, booleans or nulls"
    if size > EVENT_MAX_CHARS:
        return f"properties must be at most {EVENT_MAX_CHARS - EVENT_BASE_CHARS} characters in names and strings"
    return None


def broken_impression_rule(impression: object) -> str | None:
    """Return the first rule that one entry of an SDK's ``i`` breaks, None when Split would take it."""
    if not isinstance(impression, dict):
        return "an impression is an object"
    return _broken(impression, _IMPRESSION, _IMPRESSION_FIELDS)


def broken_identity_rule(identity: object) -> str | None:
    """Return the first rule that *identity* breaks, None when Split would take it."""
    if not isinstance(identity, dict):
        return "an identity is an object"
    return _broken(identity, _IDENTITY, _IDENTITY_FIELDS)


def _broken(record: dict[str, Any], rules: Iterable[Rule], fields: Set[str]) -> str | None:
    if not record.keys() <= fields:
        return "unknown field " + ", ".join(sorted(record.keys() - fields))
    for field, holds, words in rules:
        if not holds(record.get(field)):
            return f"{field} must be {words}"
    return None
