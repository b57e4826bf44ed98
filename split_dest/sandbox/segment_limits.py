"""What Segment takes: sizes, and the rules for one message with Segment's own reason codes.

Source: reference segment.md, sections 1.11 and 3.4.
"""

from collections.abc import Callable
from typing import Any

MAX_MESSAGE_BYTES = 32_768
MAX_BATCH_BYTES = 512_000
MAX_BATCH_MESSAGES = 2500
MESSAGE_ID_MAX_CHARS = 100
TYPES = ("track", "identify", "page", "screen", "group", "alias")

_IDS = ("userId", "anonymousId", "previousId")


def broken_rule(message: object) -> str | None:
    """Return the reason code of the first rule that *message* breaks, None when Segment would take it."""
    if not isinstance(message, dict) or message.get("type") not in TYPES:
        return "bad_request"
    return next((code for code, breaks in _RULES if breaks(message)), None)


def _has_bad_id(message: dict[str, Any]) -> bool:
    return any(message.get(name) is not None and not _is_text(message[name]) for name in _IDS)


def _has_no_id(message: dict[str, Any]) -> bool:
    names = _IDS if message["type"] == "alias" else _IDS[:2]
    return all(message.get(name) is None for name in names)


def _has_bad_message_id(message: dict[str, Any]) -> bool:
    given = message.get("messageId", "")
    return not isinstance(given, str) or len(given) > MESSAGE_ID_MAX_CHARS


def _lacks_event(message: dict[str, Any]) -> bool:
    return message["type"] == "track" and message.get("event") in (None, "")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_not(kind: type, name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: message.get(name) is not None and not isinstance(message[name], kind)


_RULES: tuple[tuple[str, Callable[[dict[str, Any]], bool]], ...] = (
    ("id_not_string", _has_bad_id),
    ("no_user_anon_id", _has_no_id),
    ("bad_request", _has_bad_message_id),
    ("event_not_defined", _lacks_event),
    ("event_not_string", _is_not(str, "event")),
    ("properties_not_object", _is_not(dict, "properties")),
    ("traits_not_object", _is_not(dict, "traits")),
    ("name_not_string", _is_not(str, "name")),
    ("category_not_string", _is_not(str, "category")),
)
