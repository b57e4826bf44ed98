"""Timestamps, as Segment's senders write them, to milliseconds."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from split_dest.segment.times import is_no_later, to_ms, to_text
from tests.support.strategies import json_values

OCTOBER = 1572534218971
#: Arabic-Indic, Persian, Devanagari, Thai and full-width.
ZEROS = "\u0660\u06f0\u0966\u0e50\uff10"


def in_script(zero: str, text: str) -> str:
    """Return a text with the digits that follow a zero."""
    return text.translate({ord("0") + digit: ord(zero) + digit for digit in range(10)})


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2018-09-05T23:05:25.862826965Z", 1536188725862),
        ("2015-2-02T00:30:08.276Z", 1422837008276),
        ("2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.291", 1589068489209),
        ("2026-11-22T03:26:43.862+00:00", 1795318003862),
        ("2019-10-31T08:03:38.971-07:00", OCTOBER),
        ("2021-04-30T22:06:11", 1619820371000),
    ],
)
def test_what_breaks_naive_parsers_is_read(text: str, ms: int):
    """Senders write nine digits, one-digit months, Go's own form, offsets, and no zone at all."""
    assert to_ms(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "2019-10-31T15:03:38.971Z",
        "2019-10-31t15:03:38.971z",
        " 2019-10-31 15:03:38,971 UTC",
        "2019-10-31T15:03:38.9719999999999Z",
        "2019-10-31T20:33:38.971+0530",
        "2019-10-31T16:03:38.971+01",
        "2019-10-31T16:03:38.971+1:00",
        "2019-10-31 08:03:38.971 -0700 MST",
        "2019-10-31T14:03:38.971-100",
        "2019-10-31 15:03:38.971  UTC  m=+70366.291",
        "2019-10-31 15:03:38.971 m=+70366.291",
        " \t\r\n" * 50 + "2019-10-31T15:03:38.971Z" + " " * 50,
        "2019-10-31T15:03:38.971",
        *(f"2019-10-31T15:03:38.971{mark}Z" for mark in (":", ".", ",", ";", " :", " : ", "+00:00", "+0000", " ")),
        *(f"2019-10-31T15:03:38.971:{zone}" for zone in ("", "+00:00", "UTC", " GMT")),
        *(f"2019-10-31T15:03:38.971{zone}" for zone in ("GMT", " UTC+00:00", "GMT+0000", "+00")),
        "2019-10-31T08:03:38.971\u221207:00",
        "2019-10-31T15:03:38:971Z",
        "2019/10/31 15:03:38.971",
        "2019-10-31T20:33:38.971 05:30",
        "Thu, 31 Oct 2019 15:03:38.971 GMT",
        "31 Oct 2019 08:03:38.971 -0700",
        "Thu Oct 31 2019 16:03:38.971 GMT+0100 (Mitteleuropäische Normalzeit, wie sie im Winter gilt)",
        "Thu Oct 31 2019 15:03:38.971 GMT+0000 (UTC)",
        "Thu Oct 31 15:03:38.971 UTC 2019",
        "2019-10-31T16:03:38.971+01:00[Europe/Berlin]",
        "2019-10-31T15:03:38.971Z[UTC]",
        "2019-10-31T12:03:38.971-0300[America/Argentina/Buenos_Aires]",
        "2019-10-31T20:33:38.971+05:30[Etc/GMT-5]",
        "+002019-10-31T15:03:38.971Z",
        "Oct 31, 2019 3:03:38.971 PM",
        "Oct 31, 2019, 3:03:38.971\u202fPM",
        "Oct 31, 2019 15:03:38.971 UTC",
        "20191031T150338.971Z",
        "20191031T160338.971+0100",
        *(in_script(zero, "2019-10-31T15:03:38.971Z") for zero in ZEROS),
        *(in_script(zero, digits) for zero in ZEROS for digits in ("1572534218971", "1572534218.971")),
        "\u200f" + in_script("\u0660", "2019-10-31T15:03:38\u066b971Z\u200f"),
        "".join(chr(ord(char) + 0xFEE0) for char in "2019-10-31T15:03:38.971Z"),
        "1.572534218971E12",
    ],
)
def test_one_moment_has_many_spellings(text: str):
    """All forms give the same time, truncated to the millisecond."""
    assert to_ms(text) == OCTOBER


@pytest.mark.parametrize(
    ("hour", "morning", "afternoon"),
    [
        ("3:33:07", 3, 15),
        ("03:33:07", 3, 15),
        ("0:33:07", 0, 12),
        ("12:33:07", 0, 12),
        ("11:33:07", 11, 23),
        ("15:33:07", None, 15),
        ("23:33:07", None, 23),
        ("24:33:07", None, None),
    ],
)
@pytest.mark.parametrize(
    ("am", "pm"),
    [
        ("{} AMZ", "{} PMZ"),
        ("{} amZ", "{} pm Z"),
        ("{}AM", "{}PM"),
        ("{}\u202fAMZ", "{}\u202fPMZ"),
        ("{} a.m.Z", "{} p.m.Z"),
        ("{} a.\u00a0m.", "{} p.\u00a0m."),
        ("{}.000 AMZ", "{}.000 PM:Z"),
        ("{} AM.000Z", "{} PM.000Z"),
        ("{} AM+00:00", "{} PM +0000"),
        ("{} صZ", "{} مZ"),
        ("{} ق.ظ.Z", "{} ب.ظ.Z"),
        ("上午{}Z", "下午{}Z"),
        ("午前{}Z", "午後{}Z"),
        ("오전 {}Z", "오후 {}Z"),
        ("{} π.μ.Z", "{} \u039c.\u039c.Z"),
        ("{} ÖÖZ", "{} ÖSZ"),
        ("{} dop.Z", "{} odp.Z"),
    ],
)
def test_a_clock_of_twelve_hours_is_read(hour: str, morning: int | None, afternoon: int | None, am: str, pm: str):
    """A marker of either half of the day counts in many languages; with one, an hour has one meaning or none."""
    for form, expected in ((am, morning), (pm, afternoon)):
        ms = to_ms(f"2024-09-02T{form.format(hour)}")

        assert ms == (None if expected is None else 1725237187000 + expected * 3_600_000)


@pytest.mark.parametrize(
    "text",
    [
        "2024-09-02T上午3:33:07 PMZ",
        "2024-09-02T3:33:07.123 PM.123Z",
        "2024-09-02T3:33:07 PM PMZ",
        "2024-09-02T3:33:07 XMZ",
        *(f"2024-09-02T3:33:07 {half}Z" for half in ("de", "du", "SA", "CH", "ap", "ip", "fm", "em")),
        "2024-09-02T15:33:07[Europe/Berlin]",
        "2024-09-02[UTC]",
        "2024-09-02T15:33:07Z[UTC",
        "2024-09-02T23:59:61Z",
        "2024-09-02T15:33:60Z",
        "2024-09-02T23:59:60+01:00",
        "+012024-09-02T15:33:07Z",
        "-002024-09-02T15:33:07Z",
        "Mai 31, 2019 3:03:38 PM",
        "10 31, 2019 3:03:38 PM",
        "2024-09-02 PM",
        "2024-09-02T15:33:07+05:30Z",
        "2024-09-02T15:33:07::Z",
        "2024-09-02T15:33:07:12Z",
        "2024-09/02T15:33:07Z",
        "02/09/2024 15:33:07",
        "Mon Sep 02 15:33:07 CEST 2024",
        "Mon Sep 02 2024 15:33:07 GMT+0200 (CEST) and more",
        "2 Sept 24 15:33:07 GMT",
        "31 Feb 2024 15:33:07 GMT",
        "2 Sep 2024",
        "1,572,534,218,971",
        "1572534218971 ms",
        "0x16e22f3a1db",
        "NaN",
        "Infinity",
        "1e999",
        "²٠٢٤-09-02",
    ],
)
def test_what_can_be_read_in_two_ways_is_none(text: str):
    """A contradiction, or a form with several readings, is no time."""
    assert to_ms(text) is None


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2019-10-31", 1572480000000),
        ("2019-10-31T15:03Z", 1572534180000),
        ("2019-10-31T15:03:38.5Z", 1572534218500),
        ("1970-01-01T00:00:00.001Z", 1),
        ("2016-12-31T23:59:60Z", 1483228800000),
        ("2016-12-31T23:59:60.5Z", 1483228800500),
        ("2017-01-01T05:29:60+05:30", 1483228800000),
    ],
)
def test_missing_parts_are_zero(text: str, ms: int):
    """A date alone means its midnight; short fractions are tenths; a leap second is the next day's first one."""
    assert to_ms(text) == ms


@pytest.mark.parametrize(
    ("number", "ms"),
    [
        *((OCTOBER, OCTOBER), (1572534218, 1572534218000), (1572534218.971, OCTOBER), (1e12, 10**12)),
        *((10**11 - 1, 10**14 - 1000), (10**11, 10**11), (10**8, 10**11), (253402214400000, 253402214400000)),
        *((1572534218971999, OCTOBER), (1572534218971999999, OCTOBER)),
    ],
)
def test_a_number_is_of_a_unit(number: float, ms: int):
    """A number's size decides whether it is in seconds, milliseconds, micro- or nanoseconds."""
    assert to_ms(number) == ms
    assert to_ms(f" {number}\n") == to_ms(f"{number:+}") == ms


@given(st.one_of(st.integers(-(2**64), 2**64), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_as_a_text_counts_as_the_number(number: float):
    """Whichever way a number is written, it is the same time or none."""
    assert to_ms(str(number)) == to_ms(number)


@given(st.integers(10**12, 10**13 - 1))
def test_a_fraction_of_a_second_is_a_millisecond(ms: int):
    """No digit of a time in seconds is lost to a double."""
    assert to_ms(ms / 1000) == to_ms(f"{ms // 1000}.{ms % 1000:03}") == ms


@pytest.mark.parametrize(
    "digits",
    [
        "2019",
        "20191031",
        "191031",
        "201910311503",
        "20191031150338",
        "20191031150338971",
        "1",
        "99999999",
        "0",
        "00",
    ],
)
def test_digits_that_may_be_a_date_are_no_time(digits: str):
    """A year, a date or a duration is not taken for seconds or milliseconds since 1970."""
    assert to_ms(digits) is None
    assert to_ms(int(digits)) is None
    assert to_ms(float(digits)) is None


@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00Z",
        "2019-13-01T00:00:00Z",
        "2019-02-30T00:00:00Z",
        "2019-10-31T25:00:00Z",
        "2019-10-31T15:03:38+99:99",
        "2019-10-31T15:03:38.971Zulu",
        "2019-10-31T15:03:38.971Z and more",
        "2019-10-311",
        "x2019-10-31",
        "yesterday",
        "2019-10-31T14:03:38.971-10000",
        "2019-10-31T15:03:38." + "1" * 45 + "Z",
        "",
        0,
        -5,
        253402214400001 * 10**6,
        10**400,
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_no_time_after_1970_is_none(value: object):
    """Go's zero time, impossible dates, microseconds and other types are no times."""
    assert to_ms(value) is None


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 29)),
    st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.sampled_from("T "),
)
def test_iso_texts_mean_what_python_means_by_them(moment: datetime, zone: timezone, separator: str):
    """The ISO text of any time in any zone gives the milliseconds since the epoch."""
    moment = moment.replace(tzinfo=zone)

    ms = to_ms(moment.isoformat(separator))

    assert ms == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(
    st.one_of(
        json_values,
        st.floats(),
        st.integers(),
        st.from_regex(r"\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d\d:\d\d(\.\d*)?([+-]\d\d:?\d*)?"),
    )
)
@example(float("-inf"))
@example(-(10**400))
def test_reading_a_time_never_fails(value: object):
    """Any value is a time between 1970 and the year 9999, or none."""
    ms = to_ms(value)

    assert ms is None or (type(ms) is int and 0 < ms < 253_402_300_800_000)


_usual = st.builds(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z".format,
    *(
        st.integers(low, high)
        for low, high in [(1969, 9999), (0, 13), (0, 32), (0, 25), (0, 61), (0, 61), (0, 999)]
    ),
)


@given(
    st.builds(
        lambda text, at, other: text[:at] + other + text[at + 1 :], _usual, st.integers(0, 40), st.text(max_size=1)
    )
)
@example("2019-10-31T24:00:00.000Z")
@example("2019-W01-1T15:03:38.971Z")
@example("2019-10-31T150338.97123Z")
@example("2019-10-31T15:03:38.\u0669\u0667\u0661Z")
@example("2019-02-29T15:03:38.971Z")
@example("0000-01-01T00:00:00.000Z")
def test_the_usual_shape_is_read_like_any_other(text: str):
    """A blank in front is no part of a time and changes nothing."""
    assert to_ms(text) == to_ms(f" {text}")


@given(_usual, _usual, st.sampled_from(["", ".5", ".123456789"]), st.sampled_from(["Z", "+00:00"]))
@example("2019-10-31T15:03:38.971Z", "2019-10-31T15:03:38.972Z", "", "Z")
def test_two_texts_of_one_form_are_compared_as_times(one: str, other: str, fraction: str, zone: str):
    """Where two texts say which is no later, their times say the same."""
    one, other = (f"{text[:19]}{fraction}{zone}" for text in (one, other))
    times = to_ms(one), to_ms(other)

    assert is_no_later(one, one) == (zone == "Z")
    assert None in times or is_no_later(one, other) <= (times[0] <= times[1])
    assert not is_no_later(one, None)
    assert not is_no_later(1, one)


def test_a_zone_that_is_only_named_is_not_guessed():
    """A time with a zone's name is none, for EST means different offsets in different places."""
    assert to_ms("2019-10-31T15:03:38 EST") is None


@given(st.integers(1, 253_402_214_400_000))
def test_a_written_time_is_read_again(ms: int):
    """A written time has three digits after the point and ends in Z, as at Segment."""
    text = to_text(ms)

    assert to_ms(text) == ms
    assert text[-5] == "."
    assert text[-1] == "Z"


@pytest.mark.parametrize(("ms", "text"), [(-1, "1970-01-01T00:00:00.000Z"), (10**30, "9999-12-31T00:00:00.000Z")])
def test_a_time_out_of_range_is_written_as_the_nearest(ms: int, text: str):
    """Times out of range are written as the first or the last possible."""
    assert to_text(ms) == text


@pytest.mark.parametrize(
    "text",
    [
        "2020-1-1" + " " * 63_000 + "x",
        "2020-1-1T00:00:00." + "1" * 63_000 + "x",
        "2020-1-1T00:00:00" + " m=" * 21_000 + "\n",
        "2020-1-1T00:00:00+00 " + "UTC " * 16_000 + "m=",
        "2020-1-1" + " " * 54 + "x",
        "2020-1-1T1:00" + " a" * 25 + "x",
        "1" * 63_000,
        "\u0661" * 63_000,
    ],
    ids=["blanks", "digits", "tails", "zones", "the longest", "halves", "number", "Arabic"],
)
def test_a_hostile_text_costs_little_time(text: str):
    """A text of many blanks is rejected at once; a pattern that backtracks took 50 seconds."""
    started = time.process_time()

    assert [to_ms(text) for _ in range(100)] == [None] * 100
    assert time.process_time() - started < 0.5
