"""Repair a message of which only some values can't be used; the rest of it stays as it was sent.

What only a lenient parser reads is half an emoji, bytes that are not UTF-8, and numbers that are not finite. What
was done is noted in the message itself, because it is stored before it is mapped.
"""

import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from split_dest import numbers
from split_dest.segment.json_text import is_deep, pruned

#: The field of a message that holds the reason codes of what was repaired in it, and the codes that count there.
FIELD = "_repaired"
NOTES = ("name_taken", "nested_too_deep", "number_left_out", "text_repaired", "timestamp_unreadable")

#: A longer text is only parsed: reading it leniently takes 0.2 µs a byte in one piece. Messages have 32 KB.
_LENIENT_BYTES = 131_072
_REPLACEMENT = "\ufffd"
_LONE = re.compile("[\ud800-\udfff]")
#: As many digits as the largest whole number that is read exactly.
_WHOLE_DIGITS = 20


def notes(fields: Mapping[str, Any]) -> list[str]:
    """Return the reason codes of what was repaired in a message; a sender may write anything there."""
    codes = fields.get(FIELD)
    return [code for code in NOTES if code in codes] if isinstance(codes, list) else []


def noted(message: dict[str, Any], codes: Collection[str]) -> dict[str, Any]:
    """Return a message with more reason codes of what was repaired in it."""
    return message | {FIELD: sorted({*notes(message), *codes})} if codes else message


def parsed(text: bytes) -> tuple[Any, set[str], bool]:
    """Return a JSON value, notes on it, and whether it must go through ``repaired``.

    Raises:
        ValueError: it is no JSON, even for a lenient parser, or it is long and no JSON for a strict one.
    """
    codes: set[str] = set()
    if is_deep(text):
        text = pruned(text)
        codes.add("nested_too_deep")
    try:
        return orjson.loads(text), codes, False
    except orjson.JSONDecodeError:
        if len(text) > _LENIENT_BYTES:
            raise
        return _LENIENT.decode(text.decode(errors="surrogateescape")), codes, True


def read(text: bytes) -> tuple[Any, set[str]]:
    """Return a JSON value that any JSON writer takes, and notes on what was repaired in it.

    Raises:
        ValueError: it is no JSON, even for a lenient parser.
    """
    value, codes, is_damaged = parsed(text)
    return repaired(value, codes) if is_damaged else value, codes


def damage(value: object) -> str | None:
    """Return the reason code of a text or number that can't be told from others once it is repaired, if any."""
    if isinstance(value, str) and _LONE.search(value):
        return "text_not_unicode"
    return "number_not_finite" if isinstance(value, float) and not math.isfinite(value) else None


def distinct(text: str) -> str:
    """Return a text with lone surrogates written as their escapes, so that no two texts become one."""
    return text.encode(errors="backslashreplace").decode()


def repaired(value: Any, codes: set[str]) -> Any:
    """Return a value of ``parsed`` that any JSON writer takes, and note what was repaired.

    A lone surrogate, or a byte that is not UTF-8, becomes U+FFFD, and a number that is not finite null.
    """
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _text(value, codes)
    if kind is dict:
        return _object(value, codes)
    if kind is list:
        return [repaired(each, codes) for each in value]
    if kind is float and not math.isfinite(value):
        codes.add("number_left_out")
        return None
    return value


def _text(text: str, codes: set[str]) -> str:
    whole = _LONE.sub(_REPLACEMENT, text)
    if whole != text:
        codes.add("text_repaired")
    return whole


def _object(value: dict[str, Any], codes: set[str]) -> dict[str, Any]:
    names = {name: _text(name, codes) for name in value}
    if len(set(names.values())) < len(names):
        codes.add("name_taken")
    # Of names that become one, one that needed no repair counts, else the first in order.
    kept: dict[str, str] = {}
    for name, whole in names.items():
        if whole not in kept or (name != whole, name) < (kept[whole] != whole, kept[whole]):
            kept[whole] = name
    return {whole: repaired(value[name], codes) for whole, name in kept.items()}


def _whole(digits: str) -> float:
    # Longer ones are slow to read, and Python refuses those of thousands of digits.
    if len(digits) <= _WHOLE_DIGITS and (number := int(digits)) in numbers.WHOLE:
        return number
    return float(digits)


_LENIENT = json.JSONDecoder(parse_int=_whole)
