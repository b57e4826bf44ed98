"""Impressions to track calls: filters, ids, properties and sizes."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.errors import REASONS, MessageRejected
from split_dest.mapping.moments import CLOCK_ERROR_MS, moment
from split_dest.mapping.rules import SourceRules
from split_dest.mapping.tracks import MAX_BYTES, Tracked, message_id, to_segment
from split_dest.segment import message
from split_dest.segment.times import to_text
from split_dest.split.impressions import load
from tests.support.strategies import json_values

RULES = SourceRules()
NOW_MS = 1700000000000
SEEN = {"key": "u1", "split": "flag", "treatment": "on", "time": 1572534218971, "environmentName": "Production"}


def properties(value: Any, rules: SourceRules = RULES) -> dict[str, Any]:
    """Return the properties of the track call of an impression with its own properties."""
    tracked = to_segment(load(SEEN | {"properties": value}), rules, "user", NOW_MS)
    assert tracked.track is not None
    return dict(tracked.track["properties"])


@pytest.mark.parametrize(
    ("rules", "traffic_type", "dropped"),
    [
        (RULES, "user", None),
        (RULES, "account", "traffic_type_unmapped"),
        (RULES, None, "traffic_type_unknown"),
        (replace(RULES, default_identity="anonymousId"), None, None),
        (replace(RULES, default_identity="userId"), "account", "traffic_type_unmapped"),
        (replace(RULES, environments=frozenset({"Staging"})), "user", "environment"),
        (replace(RULES, environments=frozenset({"Production"})), "user", None),
    ],
)
def test_the_settings_decide_what_is_told(rules: SourceRules, traffic_type: str | None, dropped: str | None):
    """An impression of another environment, or of a traffic type without an id, is counted and not sent."""
    assert to_segment(load(SEEN), rules, traffic_type, NOW_MS).dropped == dropped


@pytest.mark.parametrize(("skips", "dropped"), [(True, "control_skipped"), (False, None)])
def test_control_is_skipped_on_request(skips: bool, dropped: str | None):
    """Impressions of control, where the flag was not evaluated, may be filtered out."""
    rules = replace(RULES, skip_control=skips)

    assert to_segment(load(SEEN | {"treatment": "control"}), rules, "user", NOW_MS).dropped == dropped


@pytest.mark.parametrize(
    ("ahead", "notes"),
    [(0, ()), (1, ()), (CLOCK_ERROR_MS + 1, ("timestamp_future",)), (10**12, ("timestamp_future",))],
)
def test_no_treatment_was_seen_after_it_was_received(ahead: int, notes: tuple[str, ...]):
    """A later time becomes that of the receipt, as for events; the id stays the impression's."""
    impression = load(SEEN | {"time": NOW_MS + ahead})
    tracked = to_segment(impression, RULES, "user", NOW_MS)

    assert tracked.track is not None
    assert tracked.track["timestamp"] == to_text(NOW_MS)
    assert tracked.track["messageId"] == message_id(impression)
    assert tracked.notes == notes


def test_the_key_stands_in_one_id_only():
    """The key of an anonymous flag is sent as anonymousId alone."""
    tracked = to_segment(load(SEEN), RULES, "anonymous", NOW_MS)

    assert tracked.track is not None
    assert tracked.track["anonymousId"] == "u1"
    assert "userId" not in tracked.track


@pytest.mark.parametrize(
    ("value", "added", "notes"),
    [
        ('{"plan":"gold","treatment":"off"}', {"plan": "gold"}, ()),
        ({"plan": "gold"}, {"plan": "gold"}, ()),
        ("null", {}, ()),
        (r'{"plan":"g\ud83d","n":NaN}', {"plan": "g\ufffd", "n": None}, ("number_left_out", "text_repaired")),
        *((value, {}, ("properties_left_out",)) for value in ("[1]", "reserved", "{", 7)),
    ],
)
def test_its_own_properties_are_added_and_override_nothing(
    value: Any, added: dict[str, Any], notes: tuple[str, ...]
):
    """An object, or the string of one, is merged under the built-in properties; other values are left out."""
    own = {"split": "flag", "treatment": "on", "key": "u1", "environmentName": "Production"}

    assert properties(value) == own | added
    assert to_segment(load(SEEN | {"properties": value}), RULES, "user", NOW_MS).notes == notes
    assert properties(value, replace(RULES, impression_properties="drop")) == own


def test_properties_that_make_the_call_too_large_are_left_out():
    """A call that would be too large is sent without the impression's own properties, and that is noted."""
    tracked = to_segment(load(SEEN | {"properties": {"p": "x" * MAX_BYTES}}), RULES, "user", NOW_MS)

    assert tracked.notes == ("properties_left_out",)
    assert tracked.track is not None
    assert "p" not in tracked.track["properties"]


def test_the_same_impression_has_the_same_id_and_any_other_another():
    """An impression that Split posts twice has one id, by which Segment recognises it."""
    others = [{name: value} for name, value in (("key", "u2"), ("time", 1), ("treatment", "off"), ("split", "f"))]
    ids = {message_id(load(SEEN | other)) for other in (*others, {}, {"label": "killed"})}

    assert len(ids) == len(others) + 1
    assert max(map(len, ids)) <= 100


@given(
    st.dictionaries(st.sampled_from([*SEEN, "properties", "label", "bucketingKey", "environmentId"]), json_values),
    st.sampled_from([None, "user", "account"]),
)
def test_any_impression_becomes_a_legal_call_or_has_its_reason(changes: dict[str, Any], traffic_type: str | None):
    """Any impression is mapped or rejected with a listed code, the same both times."""
    try:
        impression = orjson.loads(orjson.dumps(load(SEEN | changes)))
    except MessageRejected:
        return

    result = to_segment(impression, RULES, traffic_type, NOW_MS)

    assert result == to_segment(impression, RULES, traffic_type, NOW_MS)
    if result.track is None:
        assert result == Tracked(None, result.dropped)
        assert result.dropped in REASONS
    else:
        taken = message.load(orjson.loads(orjson.dumps(result.track)))
        assert taken.type == "track"
        seen_ms = min(impression["time"], NOW_MS)
        assert moment(taken, seen_ms, set()) == seen_ms
