"""The cost of a body at the Tracking API: how much is copied, and how long it takes, above all when refused."""

import itertools
import time
from typing import Any

import orjson
import pytest

from split_dest.errors import MessageRejected, RequestRefused
from split_dest.mapping.acceptance import item
from split_dest.mapping.rules import Rules
from split_dest.segment import message, tracking
from split_dest.segment.payload import Unreadable
from split_dest.segment.tracking import Call
from tests.segment.test_tracking import RECEIVED_MS, TRACK, code, one, posted

SENT = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "sent_at",
    ["2020-01-01T00:00:00." + "1" * 10_000 + "Z", "2020-01-01" + " " * 10_000 + "x", "x" * 10_000, ["x" * 10_000]],
    ids=["digits", "blanks", "no time", "no text"],
)
def test_what_is_no_time_is_not_copied_from_the_envelope(sent_at: Any):
    """A sentAt that is no time is not copied: a thousand copies would turn ten kilobytes into ten megabytes."""
    for more in ({}, {"event": ""}):
        items = posted({"batch": [TRACK | more] * 1000, "sentAt": sent_at}).messages
        texts = [each.text if isinstance(each, Unreadable) else orjson.dumps(each) for each in items]

        assert max(map(len, texts)) < 500


def test_a_time_is_copied_without_the_blanks_around_it():
    """A sentAt is stripped, so that no copy is longer than a time."""
    items = posted({"batch": [TRACK] * 2, "sentAt": " " * 10_000 + SENT + "\n" * 10_000}).messages

    assert [each["sentAt"] for each in items] == [SENT] * 2
    assert one({"batch": [TRACK], "sentAt": 1577836800})["sentAt"] == 1577836800


@pytest.mark.parametrize("name", ["timestamp", "originalTimestamp", "sentAt"])
def test_a_messages_own_time_stands_in_it_once(name: str):
    """A message's own time is stored once, however long it is."""
    entry = one(TRACK | {name: "2020-01-01T00:00:00." + "1" * 10_000 + "Z"})

    assert len(orjson.dumps(entry)) < 11_000


def test_what_is_no_object_is_not_copied_either():
    """A context that is no object is not copied, so it may be large."""
    body = {"batch": [TRACK] * 1000, "context": "x" * 2000, "integrations": ["x" * 2000]}

    assert [(each["context"], each["integrations"]) for each in posted(body).messages] == [({}, {})] * 1000


def test_what_several_envelopes_add_is_bounded_all_together():
    """The limit applies to all envelopes together."""
    batch = orjson.dumps({"batch": [TRACK] * 100, "context": {"a": "x" * 4000}})

    assert len(posted(batch * 2).messages) == 200
    with pytest.raises(RequestRefused) as caught:
        posted(batch * 3)

    assert caught.value.status == 413
    assert caught.value.code == "body_too_large"


def test_joined_batches_keep_their_own_context_and_time():
    """Each joined batch has its own context and time; the first write key counts."""
    bodies = [{"batch": [TRACK], "context": {"ip": ip}, "sentAt": SENT[:3] + ip + SENT[4:]} for ip in "12"]
    items = posted(b"\n".join(map(orjson.dumps, [*bodies, TRACK | {"writeKey": "w"}])))

    assert [each["context"] for each in items] == [{"ip": "1"}, {"ip": "2"}, {}]
    assert [each["sentAt"] for each in items] == ["2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z", None]
    assert items.write_keys == ["w"]
    assert posted(b'{"batch":[{"type":"track"},,{"writeKey":"item"}],"writeKey":"w"').write_keys == ["w"]


def test_texts_of_batches_may_be_joined():
    """A batch string that is no JSON is a message like any other; the limit applies to all of them together."""
    text = orjson.dumps({"batch": orjson.dumps([TRACK] * 1000).decode()})

    assert len(posted(text * 2).messages) == 2000
    assert [code(each) for each in posted(b'{"batch":"[tru"}' + orjson.dumps(TRACK))] == ["no_user_anon_id", ""]
    for many in (text * 3, text + orjson.dumps({"batch": orjson.dumps([TRACK] * 2501).decode()})):
        with pytest.raises(RequestRefused) as caught:
            posted(many)
        assert caught.value.status == 413
        assert caught.value.code == "too_many_messages"


def test_messages_are_completed_one_by_one():
    """Messages are completed when asked for, so that a process can do something else in between."""
    numbers = itertools.count()
    call = Call(None, RECEIVED_MS, 32_768, lambda: f"new-{next(numbers)}")
    items = iter(tracking.posted(b"[%b]" % b",".join([b'{"userId":"u"}', b"{}", b'{"userId":"u"}']), call))

    assert next(numbers) == 0
    assert next(items)["messageId"] == "new-1"
    assert next(numbers) == 2
    assert [code(each) for each in items] == ["no_user_anon_id", ""]
    assert next(numbers) == 4


def test_a_message_that_is_refused_gets_no_id():
    """A rejected message gets no new id, for it is recognised by its text."""
    (entry,) = posted(b'{"a":1}').messages

    assert isinstance(entry, Unreadable)
    assert entry.message_id == ""
    assert orjson.loads(entry.text)["messageId"] is None


@pytest.mark.parametrize(
    "sent",
    [{}, TRACK | {"event": ""}, TRACK | {"userId": {}, "writeKey": "w"}, TRACK | {"a": "x" * 40_000}],
    ids=["nobody", "no event", "no id", "large"],
)
def test_a_refused_message_is_kept_as_it_was_sent(sent: dict[str, Any]):
    """A rejected message is recognised by its text as sent, for the stored one has a new time."""
    first, again = (
        posted({"batch": [sent], "sentAt": at, "context": {"a": 1}}).messages[0] for at in (SENT, None)
    )

    assert isinstance(first, Unreadable)
    assert isinstance(again, Unreadable)
    assert first.sent == again.sent == orjson.dumps(sent)
    assert orjson.loads(first.text)["receivedAt"]
    assert orjson.loads(first.text)["context"] == {}
    assert first.message_id == again.message_id
    assert first.rejection.code == again.rejection.code


def test_what_can_not_be_read_has_no_other_text_as_it_was_sent():
    """An unreadable message has only one text."""
    (_, entry) = posted(b"[{},NaN]").messages

    assert isinstance(entry, Unreadable)
    assert entry.text == b"NaN"
    assert entry.sent == b""


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ({"userId": {}}, "at userId"),
        ({"traits": [1]}, "at traits"),
        ({"anonymousId": 1.5, "groupId": []}, "at anonymousId"),
        ({"properties": {"split": [{"a": "b"}] * 101}}, "at properties.split"),
    ],
)
def test_what_could_not_be_loaded_is_refused_at_once(bad: dict[str, Any], place: str):
    """A message that can't be loaded is rejected with the same reason, without the shared fields."""
    (entry,) = posted({"batch": [TRACK | bad], "context": {"a": "x" * 500}}).messages
    with pytest.raises(MessageRejected) as caught:
        message.load(TRACK | bad)

    assert isinstance(entry, Unreadable)
    assert entry.rejection.code == caught.value.code
    assert entry.rejection.detail == caught.value.detail
    assert entry.rejection.detail == place
    assert len(entry.text) < 1500


def _seconds(sent: dict[str, Any]) -> float:
    """Return the CPU seconds that 2,500 such messages take from the body to the stored items, at best."""
    body, call = orjson.dumps({"batch": [sent] * 2500}), Call(None, RECEIVED_MS, 32_768, lambda: "new")
    taken = []
    for _ in range(5):
        started = time.process_time()
        for entry in tracking.posted(body, call):
            item(entry, Rules(), None)
        taken.append(time.process_time() - started)
    return min(taken)


@pytest.mark.parametrize("sent", [{}, {"userId": {}}, TRACK | {"event": ""}, {"userId": 1, "traits": [1]}])
def test_a_refused_message_costs_little_more_than_one_that_is_taken(sent: dict[str, Any]):
    """A rejected message costs at most 2.5 times as much as an accepted one, on a busy machine."""
    assert _seconds(sent) < 2.5 * _seconds(TRACK)


def test_times_full_of_blanks_cost_little():
    """Times full of blanks are read once; five thousand bytes once took six seconds."""
    blanks = "2020-1-1" + " " * 3000 + "x"
    body = {"batch": [TRACK | {"timestamp": blanks}] + [TRACK] * 100, "sentAt": blanks}
    started = time.process_time()

    assert len(posted(body).messages) == 101
    assert time.process_time() - started < 0.5
