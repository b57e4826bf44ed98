"""Split's limits for keys, event type ids, attribute ids and values, and names fitted to them."""

import re
import unicodedata
from functools import lru_cache

from split_dest import numbers

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
_LEGAL = re.compile(r"[a-zA-Z0-9]")
#: A number and its sign. A dash within a name is legal, so it stays.
_SIGNED = re.compile(r"(?:\A-|[+<>~\u00b1\u2212\u2248\u2260\u2264\u2265])\s*\d")
#: Symbols by Unicode that only stand between words.
_SEPARATORS = "=|"
#: Letters of Latin by another name.
_ORDINALS = "\u00aa\u00ba"
_STARTS_WITH_LETTER = re.compile(r"[a-zA-Z]")
#: Stands for what was no text, so two different ids that hold it may be equal.
_REPLACEMENT = "\ufffd"
#: The beginning of a name, by which the whole is judged: over ten times what is left of it.
_MANY_CHARS = 1000


def key(value: object) -> str | None:
    """Return an id as a key: a string, or the digits of a number; None if it is not a valid key.

    A number whose digits may not be those that were sent is none, nor is a string that holds U+FFFD: either could
    be another's key.

    Source:
        python-client, client/input_validator.py: not blank, at most 250 characters.

    >>> key(42.0)
    '42'
    >>> key(12345678901234567890123.0) is None
    True
    """
    if not isinstance(value, str):
        return numbers.digits(value)
    return value if len(value) <= KEY_MAX_CHARS and value.strip() and _REPLACEMENT not in value else None


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


def is_recognizable(name: str) -> bool:
    """True when sanitizing a name leaves what tells it apart from others, or the name is blank.

    Of a Latin letter only the accent is lost: at least half of the letters must stay, a symbol counted as one, and
    less than half of the words may be symbols alone. No letter or digit of another script may go, nor a number's
    sign. What is only cut off the end does not count as lost.

    >>> is_recognizable("Köp slutfört 🛒"), is_recognizable("구매 Premium"), is_recognizable("-1")
    (True, False, False)
    """
    begin = name.strip()[:_MANY_CHARS]
    left = event_type_id(begin, sanitize=True, max_chars=_MANY_CHARS)
    if left is None:
        return not begin
    if _SIGNED.search(begin) or any(map(_is_of_another_script, begin)):
        return False
    words = begin.split()
    symbols = sum(not _LEGAL.search(word) and any(map(_is_symbol, word)) for word in words)
    if symbols and 2 * symbols >= len(words):
        return False
    return 2 * sum(map(str.isalpha, left)) >= sum(char.isalpha() or _is_symbol(char) for char in begin)


def _is_of_another_script(char: str) -> bool:
    if char.isascii():
        return False
    category = unicodedata.category(char)
    is_latin = char in _ORDINALS or unicodedata.name(char, "").startswith("LATIN ")
    return category[0] == "N" or (category in ("Lu", "Ll", "Lt", "Lo") and not is_latin)


def _is_symbol(char: str) -> bool:
    return unicodedata.category(char)[0] == "S" and char not in _SEPARATORS


def attribute_id(name: str) -> str | None:
    """Return a trait's name as an attribute id; None if it has no legal character.

    Source:
        docs.split.io, reference/save-identity: a letter, then dashes, underscores, letters and digits.

    >>> attribute_id("2fa")
    'trait_2fa'
    """
    return (_attribute_id if len(name) <= ATTRIBUTE_ID_MAX_CHARS else _attribute_id.__wrapped__)(name)


def attribute_stem(name: str) -> str:
    """Return what counts of a text that an attribute id begins with: at most one character more than ids have.

    Whatever follows, its attribute id is the same behind either.

    >>> attribute_stem("$$company $")
    'company.'
    """
    return _ILLEGAL_IN_ATTRIBUTE.sub(".", name).lstrip("._-")[: ATTRIBUTE_ID_MAX_CHARS + 1]


@lru_cache(maxsize=1024)
def _attribute_id(name: str) -> str | None:
    legal = _ILLEGAL_IN_ATTRIBUTE.sub("_", name).lstrip("_-")
    if not legal:
        return None
    return (legal if _STARTS_WITH_LETTER.match(legal) else f"trait_{legal}")[:ATTRIBUTE_ID_MAX_CHARS]
