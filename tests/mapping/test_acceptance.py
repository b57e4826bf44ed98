"""What is stored of a message or an impression, and where it waits."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from split_dest.errors import MessageRejected
from split_dest.mapping.acceptance import Item, impression_item, item
from split_dest.mapping.rules import Exposures
from split_dest.segment import message
from split_dest.segment.payload import Unreadable
from split_dest.split import impressions
from tests.mapping.calls import KNOWN, call, track

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
def test_a_message_is_stored_as_it_is_cleaned_with_its_id_and_lanes(sent: dict[str, Any], lanes: tuple[str, ...]):
    """A worker reads back what the door has taken."""
    taken = item(sent, replace(KNOWN, exposures=Exposures(enabled=True)), 32_768)

    assert (taken.lanes, taken.message_id, taken.reason) == (lanes, "m1", "")
    assert message.restore(taken.text) == message.load(sent)


@pytest.mark.parametrize(("most", "reason"), [(32_768, ""), (300, "message_too_large"), (None, "")])
def test_a_message_over_the_limit_is_set_aside(most: int | None, reason: str):
    """Unless its size was judged before."""
    taken = item(track(properties={"p": "x" * 300}), KNOWN, most)
    seen = impression_item(SEEN | {"label": "x" * 300}, most)

    assert (taken.reason, seen.reason) == (reason, reason)
    assert taken.detail == (f"{len(taken.text)} bytes" if reason else "")


def test_an_impression_waits_in_its_own_lane_under_an_id_made_of_it():
    """Posted again, it is known again."""
    taken = impression_item(SEEN | {"label": None}, 32_768)

    assert taken.lanes == ("tracks",)
    assert orjson.loads(taken.text) == impressions.load(SEEN)
    assert taken == impression_item(dict(reversed(SEEN.items())) | {"new": 1}, 32_768)


@pytest.mark.parametrize(
    ("taken", "lane", "reason"),
    [
        (item(UNREADABLE, KNOWN, 100), "events", "not_json"),
        (item({"userId": []}, KNOWN, 100), "events", "id_not_string"),
        (impression_item(UNREADABLE, 100), "tracks", "not_json"),
        (impression_item({"key": "u"}, 100), "tracks", "impression_incomplete"),
    ],
)
def test_what_cannot_be_read_is_known_by_its_content(taken: Item, lane: str, reason: str):
    """It is kept as it came, once, however often it comes."""
    assert (taken.lanes, taken.reason) == ((lane,), reason)
    assert taken.message_id.startswith("content-")


def test_a_refused_message_keeps_the_id_of_its_sender():
    """So that its next try is known again, whatever else changed in it."""
    named = Unreadable(b"{}", MessageRejected("no_user_anon_id"), "m-7")

    assert item(named, KNOWN, None).message_id == "m-7"
