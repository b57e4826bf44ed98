"""Timestamps, as Segment's senders write them, to milliseconds."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from split_dest.segment.times import to_ms, to_text
from tests.support.strategies import json_values

OCTOBER = 1572534218971


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
    ],
)
def test_one_moment_has_many_spellings(text: str):
    """All forms give the same time, truncated to the millisecond."""
    assert to_ms(text) == OCTOBER


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2019-10-31", 1572480000000),
        ("2019-10-31T15:03Z", 1572534180000),
        ("2019-10-31T15:03:38.5Z", 1572534218500),
        ("1970-01-01T00:00:00.001Z", 1),
    ],
)
def test_missing_parts_are_zero(text: str, ms: int):
    """A date alone means its midnight; short fractions are tenths and hundredths."""
    assert to_ms(text) == ms


@pytest.mark.parametrize(
    ("number", "ms"),
    [
        *((OCTOBER, OCTOBER), (1572534218, 1572534218000), (1572534218.971, OCTOBER), (1e12, 10**12)),
        *((10**11 - 1, 10**14 - 1000), (10**11, 10**11), (1, 1000), (253402214400000, 253402214400000)),
    ],
)
def test_a_number_is_seconds_or_milliseconds(number: float, ms: int):
    """A number's size decides whether it is in seconds or in milliseconds."""
    assert to_ms(number) == ms


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
        1572534218971000,
        253402214400001,
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
    ],
    ids=["blanks", "digits", "tails", "zones", "the longest that is looked at"],
)
def test_a_hostile_text_costs_little_time(text: str):
    """A text of many blanks is rejected at once; a pattern that backtracks took 50 seconds."""
    started = time.process_time()

    assert [to_ms(text) for _ in range(100)] == [None] * 100
    assert time.process_time() - started < 0.5
