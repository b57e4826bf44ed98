"""Bodies posted to the Tracking API."""

import itertools
import json
from typing import Any

import orjson
import pytest

from split_dest.errors import RequestRefused
from split_dest.segment import message, tracking
from split_dest.segment.payload import Unreadable
from split_dest.segment.tracking import Call, Posted

RECEIVED_MS = 1_790_000_000_000
RECEIVED = "2026-09-21T14:13:20.000Z"
TRACK = {"type": "track", "event": "Tried", "userId": "u-1", "messageId": "m-1"}


def posted(body: Any, kind: str = "batch", max_bytes: int = 32_768, write_key: str | None = None) -> Posted:
    """Return the content of a body that is posted to a path; new ids are new-0, new-1 and so on."""
    numbers = itertools.count()
    call = Call(tracking.KINDS[kind], RECEIVED_MS, max_bytes, lambda: f"new-{next(numbers)}", write_key)
    return tracking.posted(body if isinstance(body, bytes) else orjson.dumps(body), call)


def one(body: Any, kind: str = "batch") -> dict[str, Any]:
    """Return the only message of a body."""
    (item,) = posted(body, kind).messages
    assert isinstance(item, dict), item.rejection
    return item


def code(item: dict[str, Any] | Unreadable) -> str:
    """Return the reason code of a rejected message; empty for an accepted one."""
    return item.rejection.code if isinstance(item, Unreadable) else ""


def without(name: str, **more: Any) -> dict[str, Any]:
    """Return a track call that lacks a field and has others."""
    return {key: value for key, value in TRACK.items() if key != name} | more


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        *((name, name) for name in ("track", "identify", "page", "screen", "group", "alias")),
        *zip("tipsga", ("track", "identify", "page", "screen", "group", "alias"), strict=True),
    ],
)
def test_the_type_comes_from_the_path(kind: str, type_: str):
    """The path's type counts more than the message's own."""
    assert one(TRACK, kind)["type"] == one(without("type"), kind)["type"] == type_


@pytest.mark.parametrize("kind", ["batch", "import", "b"])
def test_each_message_of_a_batch_names_its_type(kind: str):
    """Types that no SDK sends count as none; only Segment itself may send delete."""
    types = ["track", "identify", "page", "screen", "group", "alias", "delete", "Track", "", None, 5, {}, []]

    items = posted({"batch": [TRACK | {"name": "N", "type": each} for each in types]}, kind).messages

    assert [message.load(each).type for each in items] == [*types[:6], *[""] * 7]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"batch": [TRACK], "writeKey": "w"}, "w"),
        ({"batch": [TRACK | {"writeKey": "item"}], "writeKey": "w"}, "w"),
        ({"batch": [TRACK, TRACK | {"writeKey": "item"}], "writeKey": ""}, "item"),
        ({"batch": [TRACK | {"writeKey": 5}, 5, TRACK | {"writeKey": "item"}]}, "item"),
        (TRACK | {"writeKey": "w"}, "w"),
        ([TRACK | {"writeKey": "w"}], "w"),
        ({"batch": json.dumps([TRACK]), "writeKey": "w"}, "w"),
        (TRACK, ""),
        ({"batch": [], "writeKey": "w"}, "w"),
        (b'{"batch":[{"a":NaN}],"writeKey":"w"}', "w"),
        (b'{"batch":[1],"sentAt":NaN,"writeKey":"w"}', "w"),
        (b'{"userId":"u","properties":{"a":NaN},"writeKey":"w"}', "w"),
        (b'{"batch":[{"a":' + b"[" * 99 + b"]" * 99 + b'}],"writeKey":"w"}', "w"),
        (b'{"batch":[1],"context":' + b"[" * 99 + b"]" * 99 + b',"writeKey":"w"}', "w"),
    ],
)
def test_the_write_key_is_the_envelopes_or_an_items(body: Any, key: str):
    """The write key is read even beside unreadable messages, and is not passed on."""
    result = posted(body)

    assert result.write_keys == ([key] if key else [])
    assert not [each for each in result.messages if isinstance(each, dict) and "writeKey" in each]


A, B, C = ('{"userId":"a"}', '{"userId":"b"}', '{"userId":"c"}')
A_OF_W, B_OF_V = '{"userId":"a","writeKey":"w"}', '{"userId":"b","writeKey":"v"}'


def envelope(message: str, key: str = "") -> str:
    """Return an envelope of one message."""
    return f'{{"batch":[{message}]' + (f',"writeKey":"{key}"' if key else "") + "}"


@pytest.mark.parametrize(
    ("body", "header", "ours", "others"),
    [
        (envelope(A, "w") + envelope(B, "v"), None, "a", B_OF_V),
        (envelope(A, "v") + envelope(B, "w"), None, "b", '{"userId":"a","writeKey":"v"}'),
        (envelope(A, "x") + envelope(B, "w"), None, "ab", ""),
        (envelope(A, "w") + envelope('{"a":oops}', "v"), None, "a", '{"a":oops}'),
        (envelope(A) + envelope(B, "w"), None, "b", A),
        (f'{{"batch":[{A}' + envelope(B, "w"), None, "b", A),
        (f'{{"writeKey":"w","batch":[{A}]}}{{"batch":[{B}', None, "a", B),
        (f'{{"writeKey":"w","batch":[{A}]}},{B}]}}', None, "ab", ""),
        (A + envelope(B, "w"), None, "ab", ""),
        (A_OF_W + B_OF_V + C, None, "a", f'{B_OF_V}\n{{"userId":"c","writeKey":"v"}}'),
        (f"[{A_OF_W},{B_OF_V}]", None, "a", B_OF_V),
        (envelope(f"{A_OF_W},{B_OF_V},{C}"), None, "ac", B_OF_V),
        (envelope('{"userId":"a","writeKey":"v"}', "w"), None, "a", ""),
        (f'{{"batch":{json.dumps(f"[{A}]")},"writeKey":"w"}}' + envelope(B, "v"), None, "a", B_OF_V),
        (envelope(A, "v"), "w", "a", ""),
        (envelope(A) + envelope(B, "v"), "w", "ab", ""),
        (envelope(A) + envelope(B, "v") + envelope(C, "w"), "w", "ac", B_OF_V),
    ],
)
def test_messages_of_joined_envelopes_go_where_their_key_belongs(
    body: str, header: str | None, ours: str, others: str
) -> None:
    """What came with another write key, or in an envelope whose key is lost, is one unreadable message."""
    result = posted(body.encode(), write_key=header)

    messages = result.only(result.messages, ("w", "x"))

    letters = [each for each in messages if code(each) == "write_key_differs"]
    assert "".join(each["userId"] for each in messages if isinstance(each, dict)) == ours
    assert [letter.text.decode() for letter in letters] == ([others] if others else [])
    assert messages[len(messages) - len(letters) :] == letters


@pytest.mark.parametrize(
    ("sent", "envelope", "timestamp", "original"),
    [
        ({}, {}, RECEIVED, None),
        ({"timestamp": "2020-01-01T00:00:00Z"}, {}, "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00Z"),
        (
            {"timestamp": "2015-12-10T04:08:31.152Z", "sentAt": "2015-12-10T04:08:31.169Z"},
            {},
            "2026-09-21T14:13:19.983Z",
            "2015-12-10T04:08:31.152Z",
        ),
        (
            {"originalTimestamp": "2030-01-01T00:00:00Z"},
            {"sentAt": "2030-01-01T00:00:09Z"},
            "2026-09-21T14:13:11.000Z",
            "2030-01-01T00:00:00Z",
        ),
        (
            {"timestamp": "2020-01-01T00:00:00Z", "sentAt": "2020-01-01T00:00:01Z"},
            {"sentAt": "2020-01-01T00:00:09Z"},
            "2026-09-21T14:13:19.000Z",
            "2020-01-01T00:00:00Z",
        ),
        (
            {"timestamp": "soon", "originalTimestamp": "2020-01-01T00:00:00Z", "sentAt": "now"},
            {"sentAt": "2020-01-01T00:00:09Z"},
            "2026-09-21T14:13:11.000Z",
            "2020-01-01T00:00:00Z",
        ),
        ({"timestamp": "soon", "sentAt": "2020-01-01T00:00:00Z"}, {}, RECEIVED, "soon"),
        ({"sentAt": None, "timestamp": None}, {"sentAt": "2020-01-01T00:00:00Z"}, RECEIVED, None),
        ({"timestamp": "1971-01-01", "sentAt": "9999-12-30"}, {}, "1971-01-01T00:00:00.000Z", "1971-01-01"),
        ({"timestamp": "9999-12-30", "sentAt": "1971-01-01"}, {}, "9999-12-30T00:00:00.000Z", "9999-12-30"),
        (
            {"timestamp": "2020-01-01T00:00:05Z", "sentAt": "2020-01-01T00:00:01Z"},
            {"sentAt": "2020-01-01T00:00:09Z"},
            "2026-09-21T14:13:16.000Z",
            "2020-01-01T00:00:05Z",
        ),
        (
            {"timestamp": "2020-01-01T00:00:05Z", "sentAt": "2020-01-01T00:00:01Z"},
            {"sentAt": "2020-01-01T00:00:02Z"},
            "2020-01-01T00:00:05.000Z",
            "2020-01-01T00:00:05Z",
        ),
        (
            {"timestamp": "2020-01-01T00:00:05.9Z", "sentAt": "2020-01-01T00:00:05Z"},
            {},
            "2026-09-21T14:13:20.900Z",
            "2020-01-01T00:00:05.9Z",
        ),
        (
            {"timestamp": 1577836800000, "sentAt": "1577836809"},
            {},
            "2026-09-21T14:13:11.000Z",
            1577836800000,
        ),
    ],
)
def test_the_time_is_corrected_by_the_senders_clock(
    sent: dict[str, Any], envelope: dict[str, Any], timestamp: str, original: str | None
):
    """The time is receivedAt - (sentAt - originalTimestamp), if one clock can have written both of the latter."""
    item = one({"batch": [TRACK | sent], **envelope})

    assert item["timestamp"] == timestamp
    assert item["originalTimestamp"] == original
    assert item["receivedAt"] == RECEIVED


def test_what_a_batch_says_stands_under_each_messages_own():
    """Both context and integrations are merged level by level; a message's own values count more."""
    own = {"ip": "1.1.1.1", "device": {"id": "d"}, "os": None}
    shared = {"ip": "2.2.2.2", "device": {"id": "e", "type": "phone"}, "os": {"name": "x"}, "locale": "en"}
    items = [TRACK | {"context": own, "integrations": {"A": False}}, TRACK | {"context": [], "integrations": None}]

    first, last = posted({"batch": items, "context": shared, "integrations": {"A": True, "B": {}}}).messages

    assert first["context"] == {
        "ip": "1.1.1.1",
        "device": {"id": "d", "type": "phone"},
        "os": None,
        "locale": "en",
    }
    assert first["integrations"] == {"A": False, "B": {}}
    assert last["context"] == shared
    assert last["integrations"] == {"A": True, "B": {}}


def test_a_batch_whose_context_is_large_and_shared_by_many_is_refused():
    """A large context is stored with each message, so a few bytes of gzip would become megabytes."""
    large = {"batch": [TRACK] * 250, "context": {"a": "x" * 4000}}

    assert len(posted(large | {"batch": [TRACK] * 200}).messages) == 200
    with pytest.raises(RequestRefused) as caught:
        posted(large)

    assert caught.value.status == 413
    assert caught.value.code == "body_too_large"


@pytest.mark.parametrize("sent", [None, "", {}, [], True, False, 1.5])
def test_a_message_without_an_id_gets_a_new_one(sent: Any):
    """Two equal calls without an id are two messages."""
    items = posted({"batch": [TRACK | {"messageId": sent}, without("messageId")]}).messages

    assert [each["messageId"] for each in items] == ["new-0", "new-1"]


@pytest.mark.parametrize(("sent", "stored"), [("m-9", "m-9"), (0, "0"), (77, "77")])
def test_an_id_is_kept(sent: Any, stored: str):
    """A whole number becomes its digits."""
    assert one(TRACK | {"messageId": sent})["messageId"] == stored


@pytest.mark.parametrize("name", ["properties", "traits", "context", "integrations"])
@pytest.mark.parametrize("text", ['{"a":{"b":1}}', ' \n{"a": {"b": 1}} '])
def test_a_text_that_holds_an_object_counts_as_that_object(name: str, text: str):
    """Low-code tools send objects as strings, in messages and as the context of a batch."""
    assert one(TRACK | {name: text})[name] == {"a": {"b": 1}}
    if name in ("context", "integrations"):
        assert one({"batch": [TRACK], name: text})[name] == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        (r'{"a":"x\ud83d"}', {"a": "x\ufffd"}, "text_repaired"),
        ('{"a":NaN}', {"a": None}, "number_left_out"),
        ('{"a":[' + '{"a":' * 63 + "1" + "}" * 63 + "]}", None, "nested_too_deep"),
    ],
)
@pytest.mark.parametrize("name", ["properties", "context"])
def test_an_object_in_a_text_is_repaired(name: str, text: str, value: Any, code: str):
    """What can't be used in an object that is a string is repaired, and noted in its message."""
    item = one(TRACK | {name: text})

    assert value in (None, item[name])
    assert item["_repaired"] == [code]
    assert one({"batch": [TRACK], "context": text})["_repaired"] == [code]


@pytest.mark.parametrize("sent", ["soon", "2019", 1, -1, [], {}, True, "1" * 65])
@pytest.mark.parametrize("name", ["timestamp", "originalTimestamp", "sentAt"])
def test_a_time_that_cannot_be_read_is_noted(name: str, sent: Any):
    """It is kept as it was sent, and the time of receipt counts instead."""
    item = one({"batch": [without("timestamp", **{name: sent})]})

    assert item["timestamp"] == RECEIVED
    assert item[{"timestamp": "originalTimestamp"}.get(name, name)] == sent
    assert item["_repaired"] == ["timestamp_unreadable"]
    assert one({"batch": [TRACK], "sentAt": sent})["_repaired"] == ["timestamp_unreadable"]
    assert "_repaired" not in one({"batch": [TRACK | {name: ""}, TRACK | {name: None}][:1], "sentAt": None})


@pytest.mark.parametrize("sent", ["x", True, {"a": 1}])
def test_a_time_beside_another_is_noted_if_it_cannot_be_read(sent: Any):
    """The one that can be read counts."""
    item = one(TRACK | {"timestamp": sent, "originalTimestamp": RECEIVED})

    assert item["timestamp"] == item["originalTimestamp"] == RECEIVED
    assert item["_repaired"] == ["timestamp_unreadable"]


@pytest.mark.parametrize(
    "text", ["", "a", '{"a":', "{a:1}", '["a"]', '{"a":NaN b}', '{"a":' * 65 + "1" + "}" * 64, '{"a":' * 2000]
)
def test_any_other_text_stays_a_text(text: str):
    """A string without an object is rejected in properties and traits, and ignored elsewhere."""
    (refused,) = posted(TRACK | {"properties": text}).messages

    assert code(refused) == "properties_not_object"
    assert one(TRACK | {"context": text})["context"] == {}


@pytest.mark.parametrize("batch", [[TRACK, TRACK | {"event": "Again"}], [], TRACK])
def test_a_batch_may_be_a_text(batch: Any):
    """The envelope of a batch that is a string counts as for any other batch."""
    body = {"batch": json.dumps(batch), "context": '{"ip":"1.1.1.1"}', "sentAt": RECEIVED}

    result = posted(body)

    assert [each["event"] for each in result.messages] == ["Tried", "Again"][: len(result.messages)]
    assert len(result.messages) == (len(batch) if isinstance(batch, list) else 1)
    for each in result.messages:
        assert each["context"] == {"ip": "1.1.1.1"}
        assert each["sentAt"] == RECEIVED


def test_a_batch_that_is_no_json_is_refused():
    """At the path of a single call, batch is a field like any other."""
    with pytest.raises(RequestRefused) as caught:
        posted({"batch": "[tru,"})

    assert caught.value.status == 400
    assert caught.value.code == "invalid_json"
    assert one(TRACK | {"batch": "[1,"}, "track")["event"] == "Tried"
    assert one({"batch": [TRACK, TRACK][:1]})["event"] == "Tried"


def test_more_messages_than_segment_takes_are_refused():
    """2,500 messages are accepted, one more is refused, also in a batch that is a string."""
    assert len(posted({"batch": [TRACK] * 2500}).messages) == 2500
    for batch in ([TRACK] * 2501, json.dumps([TRACK] * 2501)):
        with pytest.raises(RequestRefused) as caught:
            posted({"batch": batch})

        assert caught.value.code == "too_many_messages"
        assert caught.value.detail == "More than 2500 messages in one request."


def test_a_message_over_the_limit_is_refused_alone():
    """A message's size is that of the JSON alone as it was sent, without the fields that the batch shares."""
    size = len(orjson.dumps(TRACK | {"a": ""}))
    items = [TRACK | {"a": "x" * (200 - size)}, TRACK | {"a": "x" * (201 - size), "messageId": "m-2"}]

    taken, refused = posted({"batch": items, "context": {"a": "x" * 500}}, max_bytes=200).messages

    assert code(taken) == ""
    assert code(refused) == "message_too_large"
    assert isinstance(refused, Unreadable)
    assert refused.rejection.detail == "201 bytes"
    assert refused.message_id == "m-2"
    assert orjson.loads(refused.text)["a"] == items[1]["a"]


def test_a_dead_letter_is_read_again_with_its_times():
    """They were corrected when it came; a letter without them gets the times of its receipt."""
    call = Call(None, 1_768_469_400_250, 32_768, lambda: "new")
    first = one({"batch": [{"type": "track", "userId": "u", "event": "E", "timestamp": "2026-01-01T00:00:00Z"}]})

    kept = tracking.again(orjson.dumps(first), call)
    raw = tracking.again(b'{"type":"track","userId":"u","event":"E"}', call)

    assert kept == first
    assert isinstance(raw, dict)
    assert raw["timestamp"] == raw["receivedAt"] == "2026-01-15T09:30:00.250Z"


def test_a_dead_letter_that_is_no_message_is_unreadable():
    """An array is not opened: it was one element of its batch."""
    assert (
        code(tracking.again(b'[{"type":"track","userId":"u","event":"E"}]', Call(None, 0, 32_768, str)))
        == "not_an_object"
    )
