"""Reasons for which the Tracking API rejects messages, integrations, and laws for any body."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.errors import REASONS, MessageRejected, RequestRefused
from split_dest.segment import message, tracking
from split_dest.segment.payload import Unreadable
from split_dest.segment.tracking import Posted
from tests.segment.test_tracking import RECEIVED, TRACK, code, one, posted, without
from tests.support.strategies import json_values, messages

SOMEONE = {"userId": "u-1"}


@pytest.mark.parametrize(
    ("kind", "sent", "reason"),
    [
        ("track", {"event": "A"}, "no_user_anon_id"),
        ("track", {"event": "A", "userId": "", "anonymousId": None}, "no_user_anon_id"),
        ("track", {"event": "A", "anonymousId": "a"}, ""),
        ("track", {"event": "A", "userId": 12345}, ""),
        ("track", {"event": "A", "groupId": "g"}, ""),
        ("track", {"event": "A", "properties": {"split": [{"account": "x"}]}}, ""),
        ("track", {"event": "A", "properties": {"split": "text"}}, "no_user_anon_id"),
        ("track", {"event": "A", "properties": '{"split":[{"account":"x"}]}'}, ""),
        ("track", SOMEONE, "event_not_defined"),
        ("track", SOMEONE | {"event": None}, "event_not_defined"),
        ("track", SOMEONE | {"event": ""}, "event_not_defined"),
        ("track", SOMEONE | {"event": True}, "event_not_string"),
        ("track", SOMEONE | {"event": {}}, "event_not_string"),
        ("track", SOMEONE | {"event": ["A"]}, "event_not_string"),
        ("track", SOMEONE | {"event": 7}, ""),
        ("page", SOMEONE, ""),
        ("page", SOMEONE | {"name": "", "category": None}, ""),
        ("page", SOMEONE | {"name": 5}, "name_not_string"),
        ("screen", SOMEONE | {"name": {}}, "name_not_string"),
        ("identify", SOMEONE | {"name": 5, "event": {}}, ""),
        ("identify", {"traits": {"a": 1}}, "no_user_anon_id"),
        ("group", {"groupId": "g", "traits": {"split": {"account": "x"}}}, ""),
        ("group", {"traits": {"split": {"account": "x"}}}, ""),
        ("group", {"traits": {"name": "x"}}, "no_user_anon_id"),
        ("alias", {"userId": "new", "previousId": "old"}, ""),
        ("alias", {"previousId": "old"}, "no_user_anon_id"),
        ("batch", {"type": "track", "event": "A"}, "no_user_anon_id"),
        ("batch", {"event": "A"}, "no_user_anon_id"),
        ("batch", {}, "no_user_anon_id"),
    ],
)
def test_what_segment_refuses_has_segments_own_reason(kind: str, sent: dict[str, Any], reason: str):
    """Messages are rejected as at Segment, save those that Split can use, such as ids that are numbers."""
    (item,) = posted(sent, kind).messages

    assert code(item) == reason


def test_a_refused_message_is_kept_whole_with_its_id():
    """A rejected message is kept completed, so that it can be replayed once the fault is fixed."""
    (item,) = posted(without("event"), "track").messages

    assert isinstance(item, Unreadable)
    stored = orjson.loads(item.text)
    assert stored["userId"] == "u-1"
    assert stored["receivedAt"] == RECEIVED
    assert stored["messageId"] == item.message_id == "m-1"


@pytest.mark.parametrize(
    ("integrations", "is_meant"),
    [
        (None, True),
        ([], True),
        ({}, True),
        ({"All": True}, True),
        ({"All": False}, False),
        ({"all": False}, False),
        ({"ALL": False, "Mixpanel": True}, False),
        ({"All": "false"}, True),
        ({"All": 0}, True),
        ({"All": None, "all": False}, False),
        ({"Firebase": False}, True),
        ('{"All":false}', False),
        *(({name: False}, False) for name in ("Split", "Harness FME", "Harness")),
        *(({"All": False, name: True}, True) for name in ("Split", "Harness FME", "Harness")),
        ({"All": False, "Split": {"environment": "prod"}}, True),
        ({"All": False, "Split": None}, True),
        ({"Split": 0}, True),
        ({"Split": True, "Harness": False}, False),
        ({"All": False, "split": True, "Split.io": True}, False),
    ],
)
def test_integrations_say_who_is_meant(integrations: Any, is_meant: bool):
    """At this endpoint All counts, in any case; Split's name counts more, and any object counts as true."""
    for body in (TRACK | {"integrations": integrations}, {"batch": [TRACK], "integrations": integrations}):
        assert (one(body)["integrations"].get("Split") is not False) == is_meant


def test_a_message_may_be_meant_although_its_batch_is_not():
    """A message's own integrations count more than those of its batch."""
    batch = [TRACK, TRACK | {"integrations": {"Split": True}}, TRACK | {"integrations": {"All": True}}]

    items = posted({"batch": batch, "integrations": {"All": False}}).messages

    assert [each["integrations"].get("Split") for each in items] == [False, True, None]


_ENVELOPE = {
    "context": json_values,
    "integrations": st.one_of(st.dictionaries(st.sampled_from(["All", "all", "Split"]), json_values), json_values),
    "sentAt": json_values,
    "writeKey": json_values,
}
_TEXTS = json_values.map(lambda value: orjson.dumps(value).decode())
_ITEMS = st.one_of(
    messages,
    json_values,
    st.builds(
        lambda values, texts: values | texts,
        messages,
        st.dictionaries(st.sampled_from(["properties", "traits", "context", "integrations"]), _TEXTS),
    ),
)
_LISTS = st.lists(_ITEMS, max_size=4)
_BATCHES = st.builds(
    lambda batch, beside: {"batch": batch, **beside}, _LISTS, st.fixed_dictionaries({}, optional=_ENVELOPE)
)
_KINDS = st.sampled_from(list(tracking.KINDS))


def _is_sound(item: dict[str, Any] | Unreadable) -> bool:
    if isinstance(item, Unreadable):
        return item.rejection.code in REASONS and bool(item.message_id or item.text)
    return isinstance(item["messageId"], str) and isinstance(item["timestamp"], str)


def _restored(item: dict[str, Any] | Unreadable) -> str:
    """Return the reason code of a message that can't be loaded from its text; empty for one that can."""
    sent = orjson.loads(item.text) if isinstance(item, Unreadable) else item
    try:
        loaded = message.load(sent) if isinstance(sent, dict) else None
    except MessageRejected as rejected:
        return rejected.code
    assert loaded is None or message.restore(message.dump(loaded)) == loaded
    return ""


def _outcome(body: Any, kind: str) -> tuple[Posted, str]:
    """Return the messages of a body, or the code with which it is refused; nothing else may be raised."""
    try:
        return posted(body, kind), ""
    except RequestRefused as refused:
        return posted(b"[]", kind), refused.code


@given(_BATCHES, _KINDS)
def test_every_message_in_a_batch_is_one_message_or_a_reason(body: dict[str, Any], kind: str):
    """Each message of any body can be stored and loaded, or has a reason code."""
    items = posted(body, kind).messages

    assert len(items) == len(body["batch"])
    for each in items:
        assert _is_sound(each)
        assert _restored(each) in ("", *REASONS)


@given(st.one_of(messages, json_values, _LISTS, st.fixed_dictionaries({"batch": json_values})), _KINDS)
def test_json_of_any_shape_is_messages_or_refused(body: Any, kind: str):
    """Any bytes are read or refused."""
    result, why = _outcome(body, kind)

    assert why in ("", "invalid_json")
    assert all(isinstance(key, str) and key for key in result.write_keys)
    for each in result.messages:
        assert _is_sound(each)
        assert _restored(each) in ("", *REASONS)


@given(st.one_of(st.binary(), st.text('[]{},:"\\ 1NaNbatch').map(str.encode)), _KINDS)
def test_any_bytes_are_messages_or_refused(body: bytes, kind: str):
    """Damaged JSON is read or refused as well."""
    result, why = _outcome(body, kind)

    assert why in ("", "invalid_json")
    assert [each for each in result.messages if not _is_sound(each)] == []


@given(st.lists(st.tuples(st.sampled_from(["w", "v", "x", ""]), st.integers(1, 3)), min_size=2, max_size=6))
def test_each_message_of_joined_envelopes_goes_where_its_key_belongs_or_into_the_letter(
    envelopes: list[tuple[str, int]],
):
    """However many envelopes are joined, with or without keys: no message is lost, and none goes elsewhere."""
    ids = [[f"{key}-{n}-{i}" for i in range(size)] for n, (key, size) in enumerate(envelopes)]
    texts = [
        orjson.dumps({"batch": [{"userId": each} for each in part]} | ({"writeKey": key} if key else {}))
        for part, (key, _) in zip(ids, envelopes, strict=True)
    ]
    result = posted(b"".join(texts))

    kept = result.only(result.messages, ("w", "x"))

    ours = [each for part in ids for each in part if each[0] in "wx"]
    others = [each for part in ids for each in part if each[0] not in "wx"]
    assert [each["userId"] for each in kept if isinstance(each, dict)] == ours
    letters = [each for each in kept if isinstance(each, Unreadable)]
    assert [orjson.loads(line)["userId"] for letter in letters for line in letter.text.splitlines()] == others
    assert [letter.rejection.code for letter in letters] == ["write_key_differs"] * bool(others)


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[{"type":"track","userId":"u","event":"A"}],"context":' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b'{"type":"track","userId":"u","event":"A","context":' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b'{"type":"track","userId":"u","event":"A","context":"' + b'{\\"a\\":' * 900 + b"1" + b"}" * 900 + b'"}',
        b'{"batch":"' + b"[" * 900 + b"]" * 900 + b'","context":' + b'{"a":' * 60 + b"1" + b"}" * 61,
    ],
    ids=["context of a batch", "context", "context as a text", "batch as a text"],
)
def test_depth_does_no_harm(body: bytes):
    """Values that are nested too deep are left out, or make the message unreadable."""
    (item,) = posted(body).messages

    assert _is_sound(item)
    assert code(item) in ("", "nested_too_deep", "not_an_object")
    if isinstance(item, dict):
        assert message.dump(message.load(item))
