"""When a call was made: its own time, never later than its receipt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.mapping.moments import CLOCK_ERROR_MS, moment
from split_dest.segment import message
from split_dest.segment.times import to_text
from tests.segment.test_times import in_script
from tests.support.calls import RECEIVED_MS, SENT, SENT_MS
from tests.support.strategies import json_values

MINUTE = 60_000


def told(**fields: Any) -> tuple[int, set[str]]:
    """Return the time of a call, and the notes on it."""
    notes: set[str] = set()
    return moment(message.load({"type": "track", **fields}), RECEIVED_MS, notes), notes


@pytest.mark.parametrize(
    ("fields", "ms", "notes"),
    [
        ({"timestamp": SENT}, SENT_MS, set()),
        ({"timestamp": SENT, "originalTimestamp": "soon"}, SENT_MS, set()),
        ({"originalTimestamp": SENT}, SENT_MS, set()),
        ({"timestamp": "", "originalTimestamp": SENT}, SENT_MS, set()),
        ({"timestamp": "soon", "originalTimestamp": SENT}, SENT_MS, {"timestamp_unreadable"}),
        ({"timestamp": "soon"}, RECEIVED_MS, {"timestamp_unreadable"}),
        ({"timestamp": "soon", "receivedAt": SENT}, SENT_MS, {"timestamp_unreadable"}),
        ({"originalTimestamp": 20191031}, RECEIVED_MS, {"timestamp_unreadable"}),
        ({"timestamp": {"a": 1}}, RECEIVED_MS, {"timestamp_unreadable"}),
        ({"timestamp": False}, RECEIVED_MS, {"timestamp_unreadable"}),
        ({"timestamp": "0001-01-01T00:00:00Z"}, RECEIVED_MS, {"timestamp_unreadable"}),
        ({"receivedAt": SENT}, SENT_MS, set()),
        ({"receivedAt": in_script("\u0660", SENT)}, SENT_MS, set()),
        ({"receivedAt": "soon"}, RECEIVED_MS, set()),
        ({}, RECEIVED_MS, set()),
    ],
)
def test_the_first_time_that_can_be_read_counts(fields: dict[str, Any], ms: int, notes: set[str]):
    """It is timestamp, else originalTimestamp, else the time of receipt; one that can't be read is noted."""
    assert told(**fields) == (ms, notes)


@pytest.mark.parametrize("name", ["timestamp", "originalTimestamp"])
@pytest.mark.parametrize(
    ("ahead", "is_noted"),
    [(0, False), (1, False), (CLOCK_ERROR_MS, False), (CLOCK_ERROR_MS + 1, True), (10**12, True)],
)
def test_no_call_was_made_after_it_was_received(name: str, ahead: int, is_noted: bool):
    """A later time becomes that of the receipt, which is noted if clocks are seldom as wrong."""
    notes = {"timestamp_future"} if is_noted else set()

    assert told(**{name: to_text(RECEIVED_MS + ahead)}) == (RECEIVED_MS, notes)
    assert told(**{name: to_text(SENT_MS + ahead)}, receivedAt=SENT) == (SENT_MS, notes)


@pytest.mark.parametrize("received_at", [None, "soon", RECEIVED_MS + MINUTE, "9999-01-01"])
def test_the_receipt_is_segments_unless_that_cannot_be(received_at: object):
    """A receivedAt after the message came here does not count."""
    assert told(timestamp=RECEIVED_MS + MINUTE, receivedAt=received_at) == (RECEIVED_MS, set())
    assert told(receivedAt=received_at) == (RECEIVED_MS, set())


@given(json_values, json_values, json_values, st.integers(1, 2 * 10**12))
def test_any_times_give_one_before_the_receipt(timestamp: Any, original: Any, received_at: Any, received_ms: int):
    """Whatever stands there, the time is above zero, and not after the receipt."""
    sent = {"timestamp": timestamp, "originalTimestamp": original, "receivedAt": received_at}
    notes: set[str] = set()

    assert 0 < moment(message.load(sent), received_ms, notes) <= received_ms
    assert notes <= {"timestamp_unreadable", "timestamp_future"}
