"""Faults as JSON: which fields there are, and what is wrong with a list of them."""

import re
from collections.abc import Callable
from typing import Any

from split_dest.sandbox.faults import APIS, Fault

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[ \t\x21-\x7e]*")
EFFECTS = ("status", "delayMs", "drop", "failKeys")
ONLY_WITH_STATUS = ("retryAfter", "headers", "body")
MAX_DELAY_MS = 600_000


def _is_int(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(
        HEADER_NAME.fullmatch(name) and isinstance(text, str) and HEADER_VALUE.fullmatch(text)
        for name, text in value.items()
    )


def _are_keys(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_text, value))


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "api": (lambda value: value in APIS, "one of " + ", ".join(APIS)),
    "status": (lambda value: _is_int(value, 200, 599), "an HTTP status from 200 to 599"),
    "retryAfter": (lambda value: _is_int(value, 0, 86_400), "whole seconds, at most a day"),
    "headers": (_are_headers, "an object of header names and values"),
    "body": (lambda value: isinstance(value, str), "text"),
    "delayMs": (lambda value: _is_int(value, 1, MAX_DELAY_MS), f"milliseconds from 1 to {MAX_DELAY_MS}"),
    "drop": (lambda value: value is True or value in ("after", "half"), 'true, "after" or "half"'),
    "failKeys": (_are_keys, "an array of keys, not empty"),
    "containing": (_is_text, "text, not empty"),
    "times": (lambda value: _is_int(value, 1, 1_000_000_000), "a number of calls, at least 1"),
    "seconds": (_is_duration, "seconds, more than 0"),
}


def problems(given: object) -> list[str]:
    """Return everything that is wrong with one fault; nothing when it is right."""
    if not isinstance(given, dict):
        return ["must be an object"]
    unknown = [f"unknown field {name}" for name in given if name not in RULES]
    wrong = [
        f"{name} must be {text}"
        for name, (check, text) in RULES.items()
        if name in given and not check(given[name])
    ]
    return unknown + wrong + _contradictions(given)


def _contradictions(given: dict[str, Any]) -> list[str]:
    found = [] if "api" in given else ["api is required"]
    if not any(effect in given for effect in EFFECTS):
        found.append("it does nothing: one of " + ", ".join(EFFECTS) + " is required")
    if "failKeys" in given and given.get("api") != "identities":
        found.append("failKeys goes with api identities only")
    if "drop" in given and ("status" in given or "failKeys" in given):
        found.append("drop goes with neither status nor failKeys")
    answers = "status" in given and "failKeys" not in given
    return found + [
        f"{name} needs status, without failKeys" for name in ONLY_WITH_STATUS if name in given and not answers
    ]


def parse(given: dict[str, Any]) -> Fault:
    """Return the fault that *given*, in which `problems` finds nothing, describes.

    Required: ``api``, whose calls; and one of what happens to them:
    ``status``, the answer, with ``retryAfter`` (seconds), ``headers`` and ``body``;
    ``delayMs``, a wait before whatever follows;
    ``drop``, true: the connection is closed unanswered, ``"after"``: the same once the call was served,
    ``"half"``: the same in the middle of the answer's body;
    ``failKeys``: these identities of a bulk fail, with ``status`` or 400.

    Optional: ``containing``, only calls whose path or body holds that text; ``times`` and ``seconds``, for how
    many calls and how long, for ever when absent.
    """
    return Fault(
        api=given["api"],
        status=given.get("status"),
        retry_after_seconds=given.get("retryAfter"),
        headers=given.get("headers"),
        body=given.get("body"),
        delay_ms=given.get("delayMs", 0),
        drop={None: None, True: "before"}.get(given.get("drop"), given.get("drop")),
        fail_keys=frozenset(given.get("failKeys", ())),
        containing=given.get("containing"),
        times=given.get("times"),
        seconds=given.get("seconds"),
    )
