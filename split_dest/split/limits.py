"""Split's limits for keys, event type ids, attribute ids and values, and names fitted to them."""

import math
import re

#: Split's own clients send event type ids of up to 80 characters (python-client, client/input_validator.py).
EVENT_TYPE_ID_MAX_CHARS = 80
KEY_MAX_CHARS = 250
ATTRIBUTE_ID_MAX_CHARS = 200
PROPERTIES_MAX_COUNT = 300
PROPERTY_MAX_CHARS = 256
ATTRIBUTE_MAX_CHARS = 255
#: A client counts 1,024 for an event, then the characters of its property names and texts, and refuses more
#: than 32,768 (python-client, client/input_validator.py, valid_properties).
EVENT_BASE_CHARS = 1024
EVENT_MAX_CHARS = 32_768
#: The end of the year 9999, in milliseconds: later moments can't be written as a date.
TIME_END_MS = 253_402_300_800_000

_EVENT_TYPE_ID = re.compile(r"[a-zA-Z0-9][-_.:a-zA-Z0-9]*")
_ILLEGAL_START = re.compile(r"\A[^a-zA-Z0-9]+")
_ILLEGAL_RUN = re.compile(r"[^-_.:a-zA-Z0-9]+")
_ILLEGAL_IN_ATTRIBUTE = re.compile(r"[^-_a-zA-Z0-9]+")
_STARTS_WITH_LETTER = re.compile(r"[a-zA-Z]")


def key(value: object) -> str | None:
    """Return an id as a key: a string, or the digits of a finite number; None if it is not a valid key.

    Source:
        python-client, client/input_validator.py: not blank, at most 250 characters.
    """
    if not isinstance(value, str):
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            return None
        value = str(int(value)) if value == int(value) else str(value)
    return value if len(value) <= KEY_MAX_CHARS and value.strip() else None


def event_type_id(name: str, *, sanitize: bool, max_chars: int = EVENT_TYPE_ID_MAX_CHARS) -> str | None:
    """Return a name as an event type id; None if it can't be one.

    The ends are trimmed and each space becomes an underscore. With *sanitize*, illegal characters at the start are
    removed, each other run of them becomes one underscore, and the rest is cut; without, an illegal name is none.

    Source:
        Split's Segment integration, FAQ (spaces); javascript-commons, GaToSplit.ts, fixEventTypeId (sanitize).

    >>> event_type_id("$$ Order: Completed!", sanitize=True)
    'Order:_Completed_'
    >>> event_type_id("Order: Completed!", sanitize=False) is None
    True
    """
    spaced = name.strip().replace(" ", "_")
    if sanitize:
        return _ILLEGAL_RUN.sub("_", _ILLEGAL_START.sub("", spaced))[:max_chars] or None
    return spaced if _EVENT_TYPE_ID.fullmatch(spaced) and len(spaced) <= max_chars else None


def attribute_id(name: str) -> str | None:
    """Return a trait's name as an attribute id; None if it has no legal character.

    Source:
        docs.split.io, reference/save-identity: a letter, then dashes, underscores, letters and digits.

    >>> attribute_id("2fa")
    'trait_2fa'
    """
    legal = _ILLEGAL_IN_ATTRIBUTE.sub("_", name).lstrip("_-")
    if not legal:
        return None
    return (legal if _STARTS_WITH_LETTER.match(legal) else f"trait_{legal}")[:ATTRIBUTE_ID_MAX_CHARS]
