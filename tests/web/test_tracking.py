"""The Tracking API's answers, with a real Redis behind it."""

import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from split_dest.config.settings import Destination, Redis, Settings
from split_dest.inbox import dead_letters, ledger
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.support.endpoint import TRACK, basic, call, stored

SINGLE = ["track", "identify", "page", "screen", "group", "alias", *"tipsga"]
SOMETHING = {"userId": "u-1", "event": "Tried", "name": "Home", "traits": {"a": 1}}
SUCCESS = (200, "application/json", {"success": True})


def said(answer: TestResponse) -> tuple[int, str, Any]:
    """Return what SDKs look at: status, type and body."""
    return answer.status_code, answer.mimetype, answer.get_json()


def reasons(store: Store, destination: str = "web") -> list[str]:
    """Return why messages were set aside."""
    return [letter.reason for letter in dead_letters.browse(store, destination)]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("kind", [*SINGLE, "batch", "import", "b"])
def test_every_address_answers_as_segment_does(client: FlaskClient, store: Store, kind: str, slash: str) -> None:
    """Exactly 200 with success: true, with and without a slash at its end, and never a redirect."""
    body = SOMETHING if kind in SINGLE else {"batch": [SOMETHING | {"type": "track"}]}

    answer = call(client, body, f"/v1/{kind}{slash}")

    assert said(answer) == SUCCESS
    (found,) = stored(store)
    assert found.type[0] == (kind[0] if kind in SINGLE else "t")


@pytest.mark.parametrize("path", ["/v1/m", "/v1/m/"])
@pytest.mark.parametrize("body", [b'{"series":[{"type":"Counter"}]}', b"", b"\xff"])
def test_telemetry_of_sdks_is_taken_and_left(client: FlaskClient, store: Store, path: str, body: bytes) -> None:
    """It is about the SDK, not about users, and needs no write key."""
    assert said(call(client, body, path, key="")) == SUCCESS
    assert stored(store) == []


@pytest.mark.parametrize("path", ["/v1//track", "/v1/track//", "/v1//t"])
def test_a_slash_too_many_in_an_address_means_nothing(client: FlaskClient, store: Store, path: str) -> None:
    """As of an apiHost that ends with one."""
    assert call(client, TRACK, path).status_code == 200
    assert client.get("/v1//projects/wk/settings").status_code == 200
    assert len(stored(store)) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/tracks", 404),
        ("POST", "/v1", 404),
        ("POST", "/v1//tracks", 404),
        ("GET", "/v1/track", 405),
        ("PUT", "/v1/batch/", 405),
        ("POST", "/v1/pixel/track", 405),
        ("POST", "/v1/projects/wk/settings", 405),
    ],
)
def test_wrong_addresses_are_told_in_json(client: FlaskClient, method: str, path: str, status: int) -> None:
    """As everywhere."""
    answer = client.open(path, method=method, json=TRACK, headers={"Authorization": basic("wk")})

    assert (answer.status_code, answer.get_json()["success"]) == (status, False)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (basic("wk"), TRACK),
        (basic("wk").replace("Basic", "basic"), TRACK),
        (basic("wk", "ignored"), TRACK),
        ("Basic d2s=", TRACK),
        (basic("wk"), TRACK | {"writeKey": "other"}),
        (basic(""), TRACK | {"writeKey": "wk"}),
        ("Basic %%%", TRACK | {"writeKey": "wk"}),
        ("Bearer ey.a.token", TRACK | {"writeKey": "wk"}),
        ("Bearer ey.a.token", {"batch": [TRACK], "writeKey": "wk"}),
        ("Bearer ey.a.token", {"batch": [TRACK | {"writeKey": "wk"}]}),
        ("", {"batch": [TRACK], "writeKey": "wk"}),
        ("", b'{"batch":[{"a":NaN},' + orjson.dumps(TRACK) + b'],"writeKey":"wk"}'),
    ],
)
def test_a_write_key_is_taken_wherever_sdks_put_it(
    client: FlaskClient, store: Store, header: str, body: Any
) -> None:
    """As the user name of Basic, with or without its colon, else in the body; a token alone names no source."""
    answer = call(client, body, "/v1/batch", key="", headers={"Authorization": header})

    assert said(answer) == SUCCESS
    assert [found.message_id for found in stored(store)] == ["m-1"]
    assert [found.fields for found in stored(store) if "writeKey" in found.fields] == []


@pytest.mark.parametrize(
    ("header", "key"),
    [("", None), ("", "no"), (basic("no"), "wk"), ("Bearer wk", None), ("wk", None), ("Basic", 5), ("\xff", "")],
)
def test_an_unknown_write_key_is_told_and_nothing_is_stored(
    client: FlaskClient, store: Store, header: str, key: Any
) -> None:
    """A silent 200, as Segment gives, would hide the mistake."""
    answer = call(client, TRACK | {"writeKey": key}, key="", headers={"Authorization": header})

    assert (answer.status_code, answer.mimetype) == (401, "application/json")
    told = answer.get_json()
    assert (told["success"], told["code"]) == (False, "unknown_source")
    assert told["message"] == told["error"] != ""
    assert stored(store) == []


def test_destinations_may_share_a_write_key(client: FlaskClient, store: Store) -> None:
    """Each gets every message once, however often it lists the key; others get none."""
    for key, message_id in (("both", "m-1"), ("only-signed", "m-2"), ("wk", "m-3")):
        call(client, TRACK | {"messageId": message_id}, key=key)

    assert [found.message_id for found in stored(store, "web")] == ["m-1", "m-3"]
    assert [found.message_id for found in stored(store, "signed")] == ["m-1", "m-2"]
    assert ledger.read(store, ["signed"]).lanes["signed", "events"].received == 2


def test_without_destinations_no_write_key_is_known(store: Store, redis_dir: Path) -> None:
    """A destination that lists none can't be reached by an empty one."""
    settings = Settings(redis=Redis(data_dir=str(redis_dir)), destinations={"web": Destination()})

    with create_app(settings).test_client() as client:
        answers = [call(client, TRACK | {"writeKey": key}, key="") for key in ("", None, "wk")]

    assert [answer.status_code for answer in answers] == [401] * 3


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/json; charset=utf-8", ""])
def test_headers_of_the_body_are_ignored(client: FlaskClient, store: Store, pack: Any, kind: str) -> None:
    """Browsers send text/plain, mobile SDKs gzip; gzip is known by its first bytes."""
    answer = call(client, pack(orjson.dumps({"batch": [TRACK]})), "/v1/b", headers={"Content-Type": kind})

    assert said(answer) == SUCCESS
    assert len(stored(store)) == 1


@pytest.mark.parametrize("cut", [slice(None, -1), slice(None, 12)])
def test_broken_gzip_is_told(client: FlaskClient, cut: slice) -> None:
    """Nothing would come of sending it again."""
    answer = call(client, gzip.compress(orjson.dumps(TRACK))[cut])

    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_gzip")


def test_two_calls_alike_are_two_messages_unless_they_have_an_id(client: FlaskClient, store: Store) -> None:
    """A made id is a new one each time; the one that an SDK made is known again."""
    for sent in (
        {"event": "A"},
        {"event": "A"},
        {"event": "B", "messageId": "m"},
        {"event": "B", "messageId": "m"},
    ):
        assert said(call(client, {"userId": "u-1", **sent})) == SUCCESS

    assert [found.fields["event"] for found in stored(store)] == ["A", "A", "B"]
    assert len({found.message_id for found in stored(store)}) == 3


def test_parameters_of_low_code_tools_may_be_texts(client: FlaskClient, store: Store) -> None:
    """A text that holds an object counts as that object, a batch that is a text as its messages."""
    texts = {"properties": '{"price":1.5}', "context": '{"ip":"1.1.1.1"}', "integrations": '{"All":true}'}
    call(client, {"event": "A", "userId": "u-1", **texts})
    call(client, {"batch": json.dumps([TRACK]), "context": '{"locale":"en"}'}, "/v1/batch")

    first, last = (found.fields for found in stored(store))
    assert (first["properties"], first["context"]) == ({"price": 1.5}, {"ip": "1.1.1.1"})
    assert first["integrations"] == {"All": True}
    assert (last["event"], last["context"]) == ("Tried", {"locale": "en"})
