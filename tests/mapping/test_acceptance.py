"""The stored items of messages and impressions, and their lanes."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.errors import MessageRejected
from split_dest.mapping.acceptance import Item, beginning, impression_item, item
from split_dest.mapping.rules import Exposures
from split_dest.segment import message, payload
from split_dest.segment.payload import Unreadable
from split_dest.split import impressions
from tests.support.calls import KNOWN, call, track

SEEN = {"key": "u1", "split": "flag", "treatment": "on", "time": 1572534218971}
UNREADABLE = Unreadable(b"{oops}", MessageRejected("not_json"))


@pytest.mark.parametrize(
    ("sent", "lanes"),
    [
        (track(), ("events",)),
        (track(event="Experiment Viewed"), ("events", "impressions")),
        (call("identify", traits={"a": 1}), ("identities",)),
        (call("delete"), ("identities",)),
        (call("alias"), ("events",)),
    ],
)
def test_a_message_is_stored_as_it_is_cleaned_with_its_lanes(sent: dict[str, Any], lanes: tuple[str, ...]):
    """A worker reads back the message that an endpoint accepted."""
    taken = item(sent, replace(KNOWN, exposures=Exposures(enabled=True)), 32_768)

    assert taken.lanes == lanes
    assert taken.reason == ""
    assert message.restore(taken.text) == message.load(sent)


@pytest.mark.parametrize(
    ("sent", "endpoint", "claim"),
    [
        (track(), "webhook", '["webhook","track","signup","m1"]'),
        (track(), "tracking", '["tracking","track","signup","m1"]'),
        (track(event=7, name="n"), "webhook", '["webhook","track",7,"m1"]'),
        (track(event={"b": [1.5], "a": None}), "webhook", '["webhook","track",{"a":null,"b":[1.5]},"m1"]'),
        (call("page", name="Home", event="E"), "webhook", '["webhook","page","Home","m1"]'),
        (call("screen"), "webhook", '["webhook","screen",null,"m1"]'),
        (call("identify", name="n", event="E"), "webhook", '["webhook","identify",null,"m1"]'),
        (call("", **{"": "x"}), "webhook", '["webhook","",null,"m1"]'),
        (track(event='"],', messageId='",["'), "webhook", '["webhook","track","\\"],","\\",[\\""]'),
    ],
)
def test_a_message_claims_its_door_type_name_and_id(sent: dict[str, Any], endpoint: str, claim: str):
    """Claims are the same in every version, for messages that are sent again during an upgrade."""
    assert item(sent, KNOWN, None, endpoint).claim == claim


@given(values=st.lists(st.tuples(st.text(), st.text(min_size=1)), min_size=2, max_size=2, unique=True))
def test_different_calls_never_have_one_claim(values: list[tuple[str, str]]):
    """Different messages have different claims, whatever their names and ids are."""
    one, two = (item(track(event=name, messageId=message_id), KNOWN, None) for name, message_id in values)

    assert one.claim != two.claim


@pytest.mark.parametrize(("max_bytes", "reason"), [(32_768, ""), (300, "message_too_large"), (None, "")])
def test_a_message_over_the_limit_is_set_aside(max_bytes: int | None, reason: str):
    """A message over the limit is rejected, unless its size was checked before."""
    taken = item(track(properties={"p": "x" * 300}), KNOWN, max_bytes)
    seen = impression_item(SEEN | {"label": "x" * 300}, max_bytes)

    assert taken.reason == reason
    assert seen.reason == reason
    assert taken.detail == (f"{len(taken.text)} bytes" if reason else "")


def test_an_impression_waits_in_its_own_lane_under_an_id_made_of_it():
    """An impression that is posted again has the same claim."""
    taken = impression_item(SEEN | {"label": None}, 32_768)

    assert taken.lanes == ("tracks",)
    assert orjson.loads(taken.text) == impressions.load(SEEN)
    assert taken == impression_item(dict(reversed(SEEN.items())) | {"new": 1}, 32_768)


@pytest.mark.parametrize(
    ("taken", "lane", "reason"),
    [
        (item(UNREADABLE, KNOWN, 100), "events", "not_json"),
        (item({"userId": [], "messageId": "m1"}, KNOWN, 100), "events", "id_not_string"),
        (item(track(properties={"p": "x" * 100}), KNOWN, 100), "events", "message_too_large"),
        (impression_item(UNREADABLE, 100), "tracks", "not_json"),
        (impression_item({"key": "u"}, 100), "tracks", "impression_incomplete"),
        (impression_item(SEEN, 10), "tracks", "message_too_large"),
    ],
)
def test_what_is_set_aside_claims_nothing_but_its_text(taken: Item, lane: str, reason: str):
    """A dead letter is kept once however often it is sent, and its repaired form is still accepted."""
    assert taken.lanes == (lane,)
    assert taken.reason == reason
    assert taken.claim.startswith("letter ")
    assert "m1" not in taken.claim


def test_the_text_of_a_letter_is_claimed_whole_and_for_its_door():
    """Dead letters differ by their whole text and by endpoint, so that a public one never hides another."""
    items = [{"userId": [], "a": "x" * 70_000 + end} for end in "ab"]

    claims = [item(each, KNOWN, None, endpoint).claim for each in items for endpoint in ("webhook", "tracking")]

    assert len(set(claims)) == 4
    assert claims[0] == item(dict(items[0]), KNOWN, None).claim


def test_a_text_that_was_completed_is_known_by_what_was_sent():
    """The Tracking API adds a new time to a rejected message each time; it is recognised all the same."""
    items = [
        Unreadable(text, MessageRejected("no_user_anon_id"), "m1", sent)
        for text, sent in [(b"1", b"sent"), (b"2", b"sent"), (b"2", b"other")]
    ]

    first, again, other = (item(each, KNOWN, None, "tracking") for each in items)

    assert first.text == b"1"
    assert again.text == b"2"
    assert first.claim == again.claim
    assert other.claim != again.claim


def test_the_beginning_of_a_text_is_no_message():
    """Even if it was cut just behind one."""
    whole = b'{"type":"delete","userId":"u"}'

    cut = beginning(whole + b" " * 100, len(whole) + 3)

    assert len(cut) == len(whole) + 3
    assert cut.startswith(whole)
    assert isinstance(payload.single(cut), Unreadable)
