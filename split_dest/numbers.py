"""Which numbers are known exactly once JSON is parsed, so that they can be told from every other."""

import math

#: A JSON parser reads a larger whole number as a double (RFC 8259, 6).
WHOLE = range(-(2**63), 2**64)
#: Below this a double holds every whole number.
EXACT_BELOW = 2**53
#: A double keeps any fifteen digits (IEEE 754, binary64); of more it is rounded, even to a whole number.
_DIGITS_KEPT = 15


def digits(value: object) -> str | None:
    """Return a number as it was sent; None for one that may have been rounded, and for anything else.

    >>> digits(42.0), digits(1.5), digits(2**64), digits(4503599627370497.3)
    ('42', '1.5', None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value in WHOLE else None
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    if value.is_integer():
        return str(int(value)) if abs(value) < 10**_DIGITS_KEPT else None
    text = str(value)
    return text if "e" not in text and sum(map(str.isdigit, text)) <= _DIGITS_KEPT else None
