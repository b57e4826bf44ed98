"""Segment's Tracking API."""

import gzip
from typing import Any

import orjson
import pytest

from tests.support.sandbox import SDK_KEY, WRITE_KEY, Sandbox, bearer

TRACK = {"type": "track", "event": "get_treatment", "userId": "u1", "properties": {"split": "a"}}


def test_a_message_is_kept_with_the_type_of_its_path(sandbox: Sandbox):
    """Six calls, six messages, each answered as Segment does."""
    types = ("track", "identify", "page", "screen", "group", "alias")
    answers = [sandbox.segment(f"/{kind}", {"event": "e", "userId": "u1"}) for kind in types]

    assert {(answer.status, answer.data) for answer in answers} == {(200, b'{"success":true}')}
    assert [message["type"] for message in sandbox.received("tracks")] == list(types)


@pytest.mark.parametrize("path", ["/batch", "/import", "/import/"])
def test_a_batch_is_kept_message_by_message(sandbox: Sandbox, path: str):
    """One record a message, as it came, with and without the slash that the Java client sends."""
    anonymous = {"type": "page", "anonymousId": "a1"}

    assert sandbox.segment(path, {"batch": [TRACK, anonymous]}).status == 200
    assert sandbox.received("tracks") == [TRACK, anonymous]


def test_the_write_key_stands_in_the_header_or_in_the_body(sandbox: Sandbox):
    """Either opens; a wrong one, or none, is 401."""
    with_key = {**TRACK, "writeKey": WRITE_KEY}

    assert sandbox.call("POST", "/v1/track", with_key).status == 200
    assert sandbox.call("POST", "/v1/batch", {"batch": [TRACK], "writeKey": WRITE_KEY}).status == 200
    assert sandbox.call("POST", "/v1/track", {**TRACK, "writeKey": "wrong"}).status == 401
    answer = sandbox.call("POST", "/v1/batch", {"batch": [TRACK]})
    assert answer.status == 401
    assert answer.json()["success"] is False
    assert answer.json()["code"] == "unknown_source"
    assert sandbox.counts()["tracks"] == 2


def test_gzip_is_inflated(sandbox: Sandbox):
    """Several SDKs compress; a body that is declared as gzip and is not is refused."""
    headers = {"Content-Encoding": "gzip"}

    assert sandbox.segment("/batch", gzip.compress(orjson.dumps({"batch": [TRACK]})), headers).status == 200
    assert sandbox.segment("/batch", {"batch": [TRACK]}, headers).status == 400
    assert sandbox.received("tracks") == [TRACK]


def test_the_sizes_are_segments_own(sandbox: Sandbox):
    """32 KB a message, 500 KB a batch, measured after inflation; 2500 messages a batch."""
    large = {**TRACK, "properties": {"text": "x" * 32_768}}
    many = {"batch": [{"type": "page", "userId": "u"}] * 2501}
    batch = orjson.dumps({"batch": [TRACK]})

    assert sandbox.segment("/track", large).status == 400
    assert sandbox.segment("/batch", {"batch": [TRACK, large]}).status == 400
    assert sandbox.segment("/batch", many).status == 400
    assert sandbox.segment("/batch", batch.ljust(512_001)).status == 400
    zipped = gzip.compress(batch.ljust(5_000_000))
    assert sandbox.segment("/batch", zipped, {"Content-Encoding": "gzip"}).status == 400
    assert sandbox.received("tracks") == []
    assert sandbox.segment("/batch", batch.ljust(512_000)).status == 200
    assert sandbox.segment("/batch", {"batch": many["batch"][:2500]}).status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"userId": None}, "no_user_anon_id"),
        ({"userId": 42}, "id_not_string"),
        ({"userId": ""}, "id_not_string"),
        ({"event": None}, "event_not_defined"),
        ({"event": 1}, "event_not_string"),
        ({"properties": []}, "properties_not_object"),
        ({"type": "identify", "traits": "x"}, "traits_not_object"),
        ({"type": "page", "name": 1}, "name_not_string"),
        ({"type": "page", "category": 1}, "category_not_string"),
        ({"messageId": "m" * 101}, "bad_request"),
        ({"type": "unknown"}, "bad_request"),
        ({"type": None}, "bad_request"),
    ],
)
def test_a_message_that_segment_would_discard_is_refused_with_its_reason(
    sandbox: Sandbox, changes: dict, code: str
):
    """The real API drops such a message in silence; here the whole batch is 400."""
    answer = sandbox.segment("/batch", {"batch": [TRACK, {**TRACK, **changes}]})

    assert answer.status == 400
    assert answer.json()["code"] == code
    assert sandbox.received("tracks") == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", {"batch": {}}, {"batch": []}, {"batch": [1]}, {}])
def test_a_body_that_is_not_a_batch_is_refused(sandbox: Sandbox, body: Any):
    """JSON errors and empty batches are 400."""
    assert sandbox.segment("/batch", body).status == 400


def test_alias_may_name_a_previous_id_only(sandbox: Sandbox):
    """An alias call needs an id of the right kind."""
    assert sandbox.segment("/alias", {"previousId": "a1"}).status == 200
    assert sandbox.segment("/track", {"event": "e", "previousId": "a1"}).status == 400


def test_the_first_message_that_breaks_a_rule_is_named(sandbox: Sandbox):
    """Whichever rule a later message breaks."""
    answer = sandbox.segment("/batch", {"batch": [TRACK, {"type": "page"}, {**TRACK, "properties": 1}, 1]})

    assert answer.json()["message"] == "message 1: no_user_anon_id"


@pytest.mark.parametrize("depth", [60, 250, 251, 252, 253, 254, 300, 1010, 1100])
def test_what_is_too_deep_to_be_shown_is_refused(sandbox: Sandbox, depth: int):
    """Wherever JSON is taken; all that is accepted can be looked at."""
    deep = b"[" * depth + b"]" * depth
    track = b'{"type":"track","event":"E","userId":"u","properties":{"p":%b}}' % deep[3:-3]

    statuses = [
        sandbox.segment("/track", track).status,
        sandbox.segment("/batch", b'{"batch":[%b]}' % track).status,
        sandbox.call("POST", "/api/events/bulk", deep, bearer(SDK_KEY)).status,
        sandbox.call("POST", "/api/testImpressions/bulk", deep, bearer(SDK_KEY)).status,
        sandbox.call("PUT", "/_sandbox/faults", deep).status,
    ]

    assert set(statuses) <= {200, 400}
    assert len(sandbox.received("tracks")) == statuses.count(200)
    assert (200 in statuses) == (depth <= 253)
