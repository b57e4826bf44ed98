"""Damaged batches at the endpoints: readable messages are accepted, the rest is one dead letter."""

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from split_dest.config.settings import Secret, Settings, Source
from split_dest.inbox import dead_letters
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.support.endpoint import SECRET, TRACK, call, post, stored

ONE, TWO = (orjson.dumps(TRACK | {"messageId": f"m-{n}"}).decode() for n in (1, 2))
#: The body, and how many dead letters it makes.
DAMAGED = {
    "a comma at the beginning": (f'{{"batch":[\n,{ONE}\n,{TWO}],"writeKey":"wk"}}', 0),
    "two commas": (f'{{"writeKey":"wk","batch":[{ONE},,{TWO}]}}', 0),
    "a comma at the end": (f'{{"batch":[{ONE},{TWO},],"writeKey":"wk"}}', 0),
    "no comma": (f'{{"batch":[{ONE}{TWO}],"writeKey":"wk"}}', 0),
    "two envelopes": (f'{{"batch":[{ONE}],"writeKey":"wk"}}{{"batch":[{TWO}],"writeKey":"wk"}}', 0),
    "text after the end": (f'{{"batch":[{ONE},{TWO}],"writeKey":"wk"}} and more', 1),
    "a cut end": (f'{{"writeKey":"wk","batch":[{ONE},{TWO},{{"type":"track","event":"A","u', 1),
    "a message that is none": (f'{{"batch":[{ONE},{{"type":"track","event":}},{TWO}],"writeKey":"wk"}}', 1),
    "all of it": (f'x {{"writeKey":"wk","batch":[,{ONE}{{"a":b}},,{TWO}],"sentAt":"2026-', 2),
}


def letters(store: Store) -> list[str]:
    """Return the reasons of the dead letters."""
    return [letter.reason for letter in dead_letters.browse(store, "web")]


def check(answer: TestResponse, store: Store, dead: int) -> None:
    """Make sure that both messages are accepted and the rest is kept."""
    assert answer.status_code == 200
    assert [item.message_id for item in stored(store)] == ["m-1", "m-2"]
    assert letters(store) == ["not_json"] * dead


@pytest.mark.parametrize(("body", "dead"), DAMAGED.values(), ids=DAMAGED)
def test_the_webhook_takes_what_can_be_read(client: FlaskClient, store: Store, body: str, dead: int) -> None:
    """The webhook accepts the readable messages and reports how many there are."""
    answer = post(client, body.encode())

    check(answer, store, dead)
    assert answer.get_json() == {"success": True, "accepted": 2, "duplicates": 0, "set_aside": dead}


@pytest.mark.parametrize("key", ["wk", ""], ids=["key in the head", "key in the body"])
@pytest.mark.parametrize(("body", "dead"), DAMAGED.values(), ids=DAMAGED)
def test_the_tracking_api_takes_what_can_be_read(
    client: FlaskClient, store: Store, body: str, dead: int, key: str
) -> None:
    """The Tracking API accepts the readable messages, with the write key in the header or in the damaged body."""
    check(call(client, body.encode(), "/v1/b", key), store, dead)


def envelope(message_id: str, key: str | None) -> bytes:
    """Return an envelope of one message with a write key, if any."""
    message = TRACK | {"messageId": message_id, "userId": message_id}
    return orjson.dumps({"batch": [message]} | ({"writeKey": key} if key else {}))


@pytest.mark.parametrize("other", ["only-signed", "unknown", None])
@pytest.mark.parametrize("first", [True, False])
def test_joined_envelopes_with_different_keys_do_not_mix(
    client: FlaskClient, store: Store, other: str | None, first: bool
) -> None:
    """What came with another key, with an unknown one or with none is one dead letter, delivered nowhere."""
    texts = [envelope("m-1", "wk"), envelope("m-2", other), envelope("m-3", other), envelope("m-4", "both")]
    if not first and other != "only-signed":
        texts = [texts[1], texts[0], *texts[2:]]

    answers = [call(client, b"".join(texts), "/v1/batch", key="") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [item.message_id for item in stored(store)] == ["m-1", "m-4"]
    (letter,) = dead_letters.browse(store, "web")
    assert letter.reason == "write_key_differs"
    assert [orjson.loads(line)["messageId"] for line in letter.text.splitlines()] == ["m-2", "m-3"]
    assert [orjson.loads(line).get("writeKey") for line in letter.text.splitlines()] == [other, other]
    assert stored(store, "signed") == []


def test_each_destination_of_a_shared_key_judges_by_its_own_keys(client: FlaskClient, store: Store) -> None:
    """A destination that lists both keys gets both envelopes, one that lists the first gets only that."""
    call(client, envelope("m-1", "both") + envelope("m-2", "only-signed"), "/v1/batch", key="")

    assert [item.message_id for item in stored(store, "signed")] == ["m-1", "m-2"]
    assert [item.message_id for item in stored(store)] == ["m-1"]
    assert letters(store) == ["write_key_differs"]
    assert list(dead_letters.browse(store, "signed")) == []


def test_joined_envelopes_of_unknown_keys_are_refused(client: FlaskClient, store: Store) -> None:
    """There is no destination that could keep them."""
    answer = call(client, envelope("m-1", "no") + envelope("m-2", "none"), "/v1/batch", key="")

    assert (answer.status_code, answer.get_json()["code"]) == (401, "unknown_source")
    assert letters(store) == []


def test_the_impressions_endpoint_takes_what_can_be_read(settings: Settings, store: Store) -> None:
    """Readable impressions are accepted, for Split never retries a refused request."""
    settings.sources["flags"] = Source(tokens=(Secret(SECRET),))
    seen = [f'{{"key":"u-{n}","split":"f","treatment":"on","time":1572534218971}}' for n in (1, 2)]
    with create_app(settings).test_client() as client:
        answer = post(client, f"[{seen[0]}{seen[1]},,{{".encode(), "/impressions/flags")

    assert answer.get_json() == {"success": True, "accepted": 2, "duplicates": 0, "set_aside": 1}
    assert store.client.xlen(store.key("flags", "tracks", "stream")) == 2


@pytest.mark.parametrize("body", ['{"batch":[{"type":"tr', "[,]", "{]", "oops", '{"type":"track","ev', ""])
def test_only_when_nothing_can_be_read_is_a_body_refused(client: FlaskClient, store: Store, body: str) -> None:
    """A body without a readable message is refused with 400, and nothing of it is kept."""
    answers = post(client, body.encode()), call(client, body.encode(), "/v1/b")

    assert [(each.status_code, each.get_json()["code"]) for each in answers] == [(400, "invalid_json")] * 2
    assert letters(store) == []
