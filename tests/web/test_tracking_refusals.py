"""What the Tracking API refuses: permanent faults are 400, for some SDKs try again after anything else."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from split_dest.config.settings import Redis, Settings
from split_dest.errors import REASONS
from split_dest.inbox import dead_letters
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.support.endpoint import TRACK, call, stored
from tests.web.test_tracking import SUCCESS, reasons, said


def tracks(count: int, size: int) -> list[dict[str, Any]]:
    """Return this many messages whose JSON has this many bytes each."""
    found = [TRACK | {"messageId": f"m-{n:05}", "a": ""} for n in range(count)]
    return [each | {"a": "x" * (size - len(orjson.dumps(each)))} for each in found]


def padded(size: int) -> bytes:
    """Return a batch of good messages with this many bytes."""
    batch = orjson.dumps({"batch": tracks(15, 32_000)})
    return batch + b" " * (size - len(batch))


@pytest.mark.parametrize(("size", "status", "code"), [(32_768, 200, None), (32_769, 400, "message_too_large")])
def test_a_message_may_have_32_kilobytes(
    client: FlaskClient, store: Store, size: int, status: int, code: str | None
) -> None:
    """One byte more is told, and kept as a dead letter."""
    answer = call(client, tracks(1, size)[0])

    assert (answer.status_code, answer.get_json().get("code")) == (status, code)
    assert reasons(store) == [code] * (code is not None)
    if code:
        assert answer.get_json()["message"] == REASONS[code] + f" ({size} bytes)"


@pytest.mark.parametrize(("size", "status", "code"), [(512_000, 200, None), (512_001, 400, "body_too_large")])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_batch_may_have_512_000_bytes(
    client: FlaskClient, size: int, status: int, code: str | None, pack: Callable[[bytes], bytes]
) -> None:
    """SDKs in Ruby, PHP and Java fill their bodies so far; the limit holds when they are inflated."""
    answer = call(client, pack(padded(size)), "/v1/batch")

    assert (answer.status_code, answer.get_json().get("code")) == (status, code)
    if code:
        assert answer.get_json()["message"] == "The body, as it came or inflated, is over 512000 bytes."


@pytest.mark.parametrize(("count", "status", "code"), [(2500, 200, None), (2501, 400, "too_many_messages")])
def test_a_batch_may_have_2500_messages(
    client: FlaskClient, store: Store, count: int, status: int, code: str | None
) -> None:
    """One more is told, and none of them is stored."""
    answer = call(client, {"batch": tracks(count, 90)}, "/v1/batch")

    assert (answer.status_code, answer.get_json().get("code")) == (status, code)
    assert len(stored(store)) == (0 if code else count)


def test_a_context_that_many_messages_share_has_a_limit(client: FlaskClient, store: Store) -> None:
    """It is stored with each of them."""
    answer = call(client, {"batch": tracks(2000, 90), "context": {"a": "x" * 100_000}}, "/v1/batch")

    assert (answer.status_code, answer.get_json()["code"]) == (400, "body_too_large")
    assert "context" in answer.get_json()["error"]
    assert stored(store) == []


def test_one_bad_message_never_spoils_its_batch(client: FlaskClient, store: Store) -> None:
    """The batch is answered 200; each bad message is kept with Segment's own reason, or with ours."""
    sent = {"no_user_anon_id": {"type": "track", "event": "A"}}
    sent |= {
        code: {"type": kind, "userId": "u", "event": "A", **more}
        for code, kind, more in [
            ("id_not_string", "track", {"userId": True}),
            ("event_not_defined", "track", {"event": None}),
            ("event_not_string", "track", {"event": ["A"]}),
            ("properties_not_object", "track", {"properties": "x"}),
            ("traits_not_object", "identify", {"traits": [1]}),
            ("name_not_string", "page", {"name": 5}),
            ("message_too_large", "track", {"a": "x" * 40_000}),
            ("split_too_large", "track", {"properties": {"split": [{f"t{n}": "x"} for n in range(101)]}}),
        ]
    }

    answer = call(client, {"batch": [TRACK, *sent.values(), 5]}, "/v1/batch")

    assert said(answer) == SUCCESS
    assert [found.message_id for found in stored(store)] == ["m-1"]
    assert reasons(store) == [*sent, "not_an_object"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/batch", {"batch": []}, "empty_batch"),
        ("/v1/batch", [], "empty_batch"),
        ("/v1/batch", {"batch": "[]"}, "empty_batch"),
        ("/v1/batch", {"batch": "[oops,"}, "invalid_json"),
        ("/v1/batch", {"batch": "[1,"}, "not_an_object"),
        ("/v1/batch", {}, "no_user_anon_id"),
        ("/v1/batch", {"batch": [{"type": "track", "userId": "u"}] * 2}, "event_not_defined"),
        ("/v1/batch", {"batch": [{"type": "track", "userId": "u"}, 5]}, "multi_user_error"),
        ("/v1/track", {"event": "A"}, "no_user_anon_id"),
        ("/v1/track", {"event": "A", "userId": {}}, "id_not_string"),
        ("/v1/identify", {"userId": "u", "traits": "x"}, "traits_not_object"),
        ("/v1/track", b"", "invalid_json"),
        ("/v1/track", b"\xff", "invalid_json"),
        ("/v1/track", b'{"userId":"u",', "invalid_json"),
        ("/v1/track", b"5", "not_an_object"),
        ("/v1/track", b'{"userId":NaN,"event":"A"}', "number_not_finite"),
        ("/v1/track", b'{"userId":"\\ud800","event":"A"}', "text_not_unicode"),
        ("/v1/track", b'{"a":' * 500 + b"1" + b"}" * 500, "no_user_anon_id"),
    ],
)
def test_when_nothing_can_be_accepted_the_answer_says_why(
    client: FlaskClient, store: Store, path: str, body: Any, code: str
) -> None:
    """A 400 with what the SDKs of each language read; what was a message is kept all the same."""
    answer = call(client, body, path)

    assert (answer.status_code, answer.mimetype) == (400, "application/json")
    told = answer.get_json()
    assert (told["success"], told["code"]) == (False, code)
    assert told["message"] == told["error"]
    assert told["message"].startswith(REASONS[code] if code != "invalid_json" else "The body is not JSON: ")
    assert stored(store) == []
    kept = [] if code in ("empty_batch", "invalid_json") else [code]
    assert set(reasons(store)) == (
        {"event_not_defined", "not_an_object"} if code == "multi_user_error" else {*kept}
    )


@pytest.mark.parametrize("type_", ["delete", "Track", None, {}])
def test_what_is_no_call_of_an_sdk_becomes_nothing(client: FlaskClient, store: Store, type_: Any) -> None:
    """A write key is no secret, so that least of all a deletion may come this way."""
    answer = call(client, {"batch": [{"type": type_, "userId": "u-1"}]}, "/v1/batch")

    assert said(answer) == SUCCESS
    assert [found.type for found in stored(store)] == [""]


def test_while_redis_is_away_the_sender_shall_come_again(settings: Settings, tmp_path: Path) -> None:
    """A 503 with whole seconds in both headers that SDKs read; an unknown write key is told all the same."""
    away = replace(settings, redis=Redis(data_dir=str(tmp_path)))

    with create_app(away).test_client() as client:
        answer = call(client, TRACK)
        unknown = call(client, TRACK, key="no")

    assert (answer.status_code, answer.get_json()["code"]) == (503, "store_unavailable")
    assert answer.headers["Retry-After"] == answer.headers["X-RateLimit-Reset"] == "5"
    assert unknown.status_code == 401


def test_a_dead_letter_of_this_door_can_be_read_again(client: FlaskClient, store: Store) -> None:
    """It holds what came, completed, and not the write key."""
    call(client, {"userId": "u-1", "writeKey": "wk", "properties": {"a": 1}})

    (letter,) = dead_letters.browse(store, "web")
    kept = orjson.loads(letter.text)
    assert (kept["type"], kept["userId"], kept["properties"]) == ("track", "u-1", {"a": 1})
    assert "writeKey" not in kept
