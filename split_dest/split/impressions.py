"""Impressions as Split's webhook posts them."""

from collections.abc import Mapping
from typing import Any

from split_dest.errors import MessageRejected
from split_dest.split import limits

#: Blanks and all.
_TIME_CHARS = 64
#: An impression as Split posts it, without its empty fields, in the webhook's own names.
Received = Mapping[str, Any]

_OPTIONAL = (
    "environmentId",
    "environmentName",
    "bucketingKey",
    "label",
    "machineName",
    "machineIp",
    "splitVersionNumber",
    "sdk",
    "sdkVersion",
)


def load(received: Mapping[str, Any]) -> Received:
    """Return the impression without its empty fields and without fields that Split does not document.

    Validated by hand, which is faster: thousands come at once, and Split waits for the answer.

    Raises:
        MessageRejected: ``impression_incomplete``.

    Source:
        Harness FME, api/webhooks/impressions.
    """
    loaded = {
        "key": limits.key(received.get("key")),
        "split": _text(received.get("split")),
        "treatment": _text(received.get("treatment")),
        "time": _time_ms(received.get("time")),
    }
    for name, value in loaded.items():
        if value is None:
            raise MessageRejected("impression_incomplete", f"at {name}")
    loaded |= {name: received[name] for name in _OPTIONAL if _is_scalar(received.get(name))}
    if received.get("properties"):
        loaded["properties"] = received["properties"]
    return loaded


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _is_scalar(value: object) -> bool:
    """Return whether a value is a non-empty string or a number; nothing depends on these fields."""
    return isinstance(value, (str, int, float)) and not isinstance(value, bool) and value != ""


def _time_ms(value: object) -> int | None:
    """Return a time in milliseconds, also as a text of digits, that can be written as a date; None for others."""
    # In JSON 1.0 is the same number as 1.
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(value, str) and len(value) <= _TIME_CHARS and value.strip().isdecimal():
        whole = int(value)
    is_moment = isinstance(whole, int) and not isinstance(whole, bool) and 0 < whole < limits.TIME_END_MS
    return whole if isinstance(whole, int) and is_moment else None
