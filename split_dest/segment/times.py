"""Segment's timestamps to integer milliseconds since the epoch, UTC.

A text is read if there is only one way to read it, whichever digits and marks it is written in.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

#: Longer texts are no times, so they are rejected before they are matched.
MAX_CHARS = 64
#: The halves of a day as clocks of twelve hours write them, without dots and blanks: Latin; Arabic, Persian,
#: Hebrew; Chinese, Japanese, Korean; Greek, Bulgarian, Ukrainian; Hindi, Thai; Turkish, Czech (Unicode CLDR,
#: dayPeriods). Those of two plain letters, such as Hungarian's "de" and Vietnamese's "CH", may be other words.
_MORNINGS = "am ص قظ לפנה״צ 上午 午前 오전 πμ проб дп पूर्वाह्न ก่อนเที่ยง öö dop"
_AFTERNOONS = "pm م بظ אחה״צ 下午 午後 오후 μμ слоб пп अपराह्न หลังเที่ยง ös odp"
_HALVES = dict.fromkeys(_MORNINGS.split(), 0) | dict.fromkeys(_AFTERNOONS.split(), 12)
_HALF = "|".join(r"\.?+\s?+".join(map(re.escape, name)) + r"(?:\.(?!\d))?+" for name in _HALVES)
#: Lenient ISO 8601, in lower case: any number of fraction digits, one-digit months and days, offsets of whole
#: hours, a year of six digits, a half of the day before or behind the time, a stray mark before the zone, a Z
#: behind an offset, Go's tail "+0000 UTC m=+…". No part backtracks by more than a few characters.
_LENIENT = re.compile(
    r"(?:\+00)?+(?P<year>\d{4})(?P<mark>[-/])(?P<month>\d{1,2}+)(?P=mark)(?P<day>\d{1,2}+)"
    rf"(?:[t ]\s*+(?:(?!\d)(?P<before>{_HALF}))?\s*+(?P<hour>\d{{1,2}}+):(?P<minute>\d{{2}})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d++)|:(?P<thousandths>\d{3}(?!\d)))?+)?+"
    rf"(?:\s*+(?![zug+-])(?P<behind>{_HALF})(?:[.,](?P<late>\d++))?+)?+)?+"
    r"(?:\s*+[.:,;])?+"
    r"(?:\s*+(?:(?:utc|gmt)?+(?P<sign>[+-])(?P<hours>\d{2}(?!\d(?!\d))|\d)(?::?+(?P<minutes>\d{2}))?+"
    r"(?:(?P<zulu>\s?+z)|\s++[a-z]{3,5}+)?+|z|utc|gmt))?+(?:\s++m=\S++)?+",
    re.ASCII,
)
#: ISO 8601's basic form, without marks between the numbers.
_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)[t ](\d\d)(\d\d)(\d\d)?", re.ASCII)
#: The usual forms. ``fromisoformat`` reads them three times as fast, but also accepts others and, later, 24:00.
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d(?:\.\d{1,9}+)?+(?:Z|[+-]\d\d:\d\d)", re.ASCII)
#: In a URL the plus sign of an offset becomes a blank, unless it is escaped.
_LOST_PLUS = re.compile(r"(:\d\d(?:[.,]\d{1,9}+)?+) (\d\d:\d\d)\Z", re.ASCII)
#: The name that Java writes behind an offset, which alone says enough: "15:03:38+01:00[Europe/Berlin]".
_ZONE_NAME = re.compile(r"(:\d\d(?:\.\d++)?+(?:z|[+-]\d\d(?::?+\d\d)?+))\[[\w/+-]++\]\Z", re.ASCII)
#: Dates in English: RFC 5322's "Thu, 31 Oct 2019 15:03:38 GMT", JavaScript's "Thu Oct 31 2019 15:03:38 GMT+0000",
#: Gson's "Oct 31, 2019 3:03:38 PM", and Java's, whose year stands last.
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAY_MONTH = re.compile(rf"(?:[a-z]{{3}}, )?(\d{{1,2}}) ({'|'.join(_MONTHS)}) (\d{{4}}) (?=\d)", re.ASCII)
_MONTH_DAY = re.compile(rf"(?:[a-z]{{3}} )?({'|'.join(_MONTHS)}) (\d{{1,2}}),? (\d{{4}}),? (?=\d)", re.ASCII)
_YEAR_LAST = re.compile(rf"[a-z]{{3}} ({'|'.join(_MONTHS)}) (\d{{1,2}}) ([\d:.]+ (?:utc|gmt)) (\d{{4}})", re.ASCII)
#: Of a usual form without a fraction.
_SECONDS_CHARS = 20
_NUMBER = re.compile(r"[+-]?\d++(?:\.\d*+)?+(?:e[+-]?\d{1,3}+)?+", re.ASCII)
#: Whole numbers that are dates as well, such as 201910311503, also with seconds and with milliseconds.
_DATE_DIGITS = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{4}(?:\d\d(?:\d{3})?)?")
#: Smaller numbers are no times, for they may be a year, a date or a duration. 1e8 s and 1e11 ms are March 1973.
_FIRST_SECOND = 100_000_000
#: Arabic's decimal separator and comma, and the minus sign.
_OTHER_MARKS = {"\u066b": ".", "\u060c": ",", "\u2212": "-"}


def to_ms(value: object) -> int | None:
    """Return a timestamp in milliseconds since the epoch, truncated.

    Args:
        value: an ISO 8601 text as Segment's senders write it, or a number of seconds, or of milliseconds, micro-
            or nanoseconds: its size says of which. The number may be a text.

    Returns:
        Milliseconds, above zero; None when the value can't be read in one way only, or is before 1970, as Go's
        zero time is.

    Source:
        The forms that senders use: segment-docs, connections/spec/common, http-api, protocols/validate;
        analytics-swift 75 (stray colon), analytics-kotlin 170 (Arabic digits), analytics-ios 425 (AM and PM),
        action-destinations 913 (digits in a text).

    >>> to_ms("2019-10-31T15:03:38.971Z")
    1572534218971
    >>> to_ms("2015-2-02T00:30:08.276Z")
    1422837008276
    >>> to_ms("2019-10-31T3:03:38.971 PM:Z")
    1572534218971
    >>> to_ms("0001-01-01T00:00:00Z") is None
    True
    """
    if isinstance(value, str):
        ms = _text_ms(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        ms = _number_ms(value)
    else:
        return None
    return ms if ms is not None and 0 < ms <= _LAST_MS else None


def is_no_later(text: object, other: object) -> bool:
    """True for two texts in UTC of one usual form, of which the first is no later; of others it is not known."""
    return (
        type(text) is str
        and type(other) is str
        and text <= other
        and len(text) == len(other) >= _SECONDS_CHARS
        and text[10] == other[10] == "T"
        and text[-1] == other[-1] == "Z"
        and text[19] == other[19] in ".Z"
    )


def to_text(ms: int) -> str:
    """Return milliseconds since the epoch in Segment's format.

    >>> to_text(1572534218971)
    '2019-10-31T15:03:38.971Z'
    """
    moment = _EPOCH + min(max(ms, 0), _LAST_MS) * _MS
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text_ms(text: str) -> int | None:
    if _USUAL.fullmatch(text):
        try:
            return (datetime.fromisoformat(text) - _EPOCH) // _MS
        except ValueError:
            return _lenient_ms(text.lower())
    # JavaScript writes the zone's name behind it, in any language.
    text = text.partition(" (")[0].strip() if text.endswith(")") else text.strip()
    if len(text) > MAX_CHARS:
        return None
    if not text.isascii():
        text = "".join(map(_ascii, text)).strip()
    text = text.lower()
    if _NUMBER.fullmatch(text):
        return _number_ms(int(text) if text.lstrip("+-").isdecimal() else float(text))
    return _lenient_ms(_iso(_LOST_PLUS.sub(r"\1+\2", _ZONE_NAME.sub(r"\1", text))))


def _lenient_ms(text: str) -> int | None:
    match = _LENIENT.fullmatch(text)
    return _match_ms(match) if match else None


def _ascii(char: str) -> str:
    """Return a digit of any script, a blank, a dash or a full-width character in ASCII; others as they are."""
    digit = unicodedata.decimal(char, None)
    category = unicodedata.category(char)
    if digit is not None:
        return str(digit)
    if category == "Cf":
        # Marks of direction, which libraries write beside Arabic and Hebrew.
        return ""
    if category in ("Zs", "Pd"):
        return " " if category == "Zs" else "-"
    return chr(ord(char) - 0xFEE0) if "\uff01" <= char <= "\uff5e" else _OTHER_MARKS.get(char, char)


def _iso(text: str) -> str:
    """Return a text with its date in ISO 8601's extended form; one of another kind as it is."""
    if match := _BASIC.match(text):
        year, month, day, hour, minute, second = match.groups()
        return f"{year}-{month}-{day}t{hour}:{minute}:{second or '00'}{text[match.end() :]}"
    if match := _DAY_MONTH.match(text):
        day, month, year = match.groups()
    elif match := _MONTH_DAY.match(text):
        month, day, year = match.groups()
    elif match := _YEAR_LAST.fullmatch(text):
        month, day, time, year = match.groups()
        return f"{year}-{_MONTHS.index(month) + 1}-{day} {time}"
    else:
        return text
    return f"{year}-{_MONTHS.index(month) + 1}-{day} {text[match.end() :]}"


def _number_ms(number: float) -> int | None:
    """Return a number of seconds or of smaller units as milliseconds; one is a thousand times the one before."""
    if not _FIRST_SECOND <= number <= _LAST_MS * 1_000_000 or _DATE_DIGITS.fullmatch(str(int(number))):
        return None
    if number < _FIRST_SECOND * 1000:
        # A double of seconds may be a little below the thousandth that was written.
        return int(round(number * 1000, 3))
    unit = next(each for each in (1, 1000, 1_000_000) if number <= _LAST_MS * each)
    return int(number) // unit


def _match_ms(match: re.Match[str]) -> int | None:
    hour = _hour(int(match["hour"] or 0), match["before"] or "", match["behind"] or "")
    parts = (int(match[name] or 0) for name in ("year", "month", "day", "minute", "second"))
    year, month, day, minute, second = parts
    if hour is None or (match["fraction"] and match["late"]):
        return None
    leap = second == 60
    try:
        zone = _zone(*match.group("sign", "hours", "minutes", "zulu"))
        since_epoch = datetime(year, month, day, hour, minute, second - leap, tzinfo=zone) - _EPOCH
    except (ValueError, OverflowError):
        return None
    if leap:
        # Unix time has none: the day's first second counts again. There is one only before midnight, UTC.
        since_epoch += _SECOND
        if since_epoch % _DAY:
            return None
    fraction = match["fraction"] or match["thousandths"] or match["late"] or "0"
    return since_epoch // _MS + int(fraction.ljust(3, "0")[:3])


def _hour(hour: int, before: str, behind: str) -> int | None:
    """Return the hour of a day; None for one that is in the other half of it."""
    if not (before or behind):
        return hour
    if before and behind:
        return None
    half = _HALVES[re.sub(r"[.\s]", "", before or behind)]
    if hour <= 12:
        return hour % 12 + half
    return hour if half else None


def _zone(sign: str | None, hours: str, minutes: str | None, zulu: str | None) -> timezone:
    """Return the zone of an offset.

    Raises:
        ValueError: it is a day or more, or a Z behind it says another one.
    """
    if not sign:
        return UTC
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset and zulu:
        raise ValueError(zulu)
    return timezone(offset if sign == "+" else -offset)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS, _SECOND, _DAY = timedelta(milliseconds=1), timedelta(seconds=1), timedelta(days=1)
_LAST_MS = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // _MS
