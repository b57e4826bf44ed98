"""The webhook's answers, with a real Redis behind it."""

import base64
import gzip
import hashlib
import hmac
import os
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from split_dest.config.settings import Settings
from split_dest.inbox import dead_letters, ledger
from split_dest.inbox.ledger import LaneNumbers
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.support.endpoint import SECRET, TRACK, basic, call, post, stored


def numbers(store: Store, lane: str = "events", destination: str = "web") -> LaneNumbers:
    """Return a lane's numbers."""
    return ledger.read(store, [destination]).lanes[destination, lane]


@pytest.mark.parametrize(
    "header",
    [
        SECRET,
        "the-old-one",
        f"Bearer {SECRET}",
        f"bearer {SECRET}",
        basic(SECRET, ""),
        basic("anyone", SECRET),
        "Basic " + base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_any_secret_opens_in_any_form(client: FlaskClient, header: str) -> None:
    """A secret may stand verbatim, as Bearer, or as user or password of Basic; each configured one counts."""
    answer = post(client, TRACK, headers={"Authorization": header.encode().decode("latin-1")})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "header", ["", "wrong", "Bearer wrong", "Bearer", "Basic %%%", basic("", ""), basic("a", "b"), "\xff\xfe"]
)
def test_a_wrong_secret_is_told_and_nothing_is_stored(client: FlaskClient, store: Store, header: str) -> None:
    """Whatever else stands in the header, or nothing at all, the answer is 401 in JSON."""
    answer = post(client, TRACK, headers={"Authorization": header})

    assert answer.status_code == 401
    said = answer.get_json()
    assert (said["success"], said["code"]) == (False, "unauthorized")
    assert said["message"] == said["error"] != ""
    assert numbers(store).received == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("path", ["/webhook/web", "/webhook/web/"])
def test_each_method_and_slash_form_is_taken_without_a_redirect(
    client: FlaskClient, method: str, path: str
) -> None:
    """Segment's Actions may use any of the three methods, and a redirect would turn a POST into a GET."""
    answer = post(client, TRACK, path, method=method)

    assert answer.status_code == 200
    assert answer.get_json() == {"success": True, "accepted": 1, "duplicates": 0, "set_aside": 0}


@pytest.mark.parametrize("path", ["/webhook//web", "/webhook/web//", "///webhook///web"])
def test_a_slash_too_many_in_an_address_means_nothing(client: FlaskClient, path: str) -> None:
    """The commonest slip in a URL has one meaning, and what is refused with 404 is lost."""
    assert post(client, TRACK, path).get_json()["accepted"] == 1


def test_a_destination_may_have_any_name_that_the_settings_allow(settings: Settings, store: Store) -> None:
    """A name with dots, dashes and underscores is an address, too."""
    named = replace(settings, destinations=dict.fromkeys(("a.b-c_D", "a"), settings.destinations["web"]))
    with create_app(named).test_client() as client:
        answer = post(client, TRACK, "/webhook/a.b-c_D")

    assert answer.status_code == 200
    assert numbers(store, destination="a.b-c_D").received == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/webhook/none", 404, "unknown_destination"),
        ("POST", "/elsewhere", 404, "not_found"),
        ("POST", "/webhook//none", 404, "unknown_destination"),
        ("GET", "/webhook/web", 405, "method_not_allowed"),
    ],
)
def test_wrong_addresses_are_told_in_json(
    client: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    """An unknown destination, address or method gets an answer that a machine can read."""
    answer = post(client, TRACK, path, method=method)

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        (TRACK, 1),
        ([TRACK, TRACK | {"messageId": "m-2"}], 2),
        ({"batch": [TRACK, TRACK | {"messageId": "m-2"}], "sentAt": "2026-01-15T09:30:00Z"}, 2),
        ([{"json": TRACK}, {"json": TRACK | {"messageId": "m-2"}}], 2),
        ([], 0),
    ],
    ids=["message", "array", "envelope", "wrapped", "empty"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_every_form_of_body_is_read_whatever_the_headers_say(
    client: FlaskClient, body: Any, accepted: int, pack: Any, kind: str
) -> None:
    """Content-Type and Content-Encoding are ignored; gzip is known by its first bytes."""
    answer = post(client, pack(orjson.dumps(body)), headers={"Content-Type": kind})

    assert answer.get_json()["accepted"] == accepted


def test_one_bad_message_never_spoils_its_batch(client: FlaskClient, store: Store) -> None:
    """Good neighbours are accepted; each bad one is kept with its own reason."""
    bad = [
        "5",
        '{"a":b}',
        '{"userId":NaN}',
        '{"userId":true}',
        '{"properties":"x"}',
        '{"traits":[1]}',
        '{"userId":"\\ud800"}',
        "[" * 70 + "]" * 70,
    ]
    large = orjson.dumps(TRACK | {"messageId": "big", "properties": {"x": "y" * 33_000}}).decode()
    body = "[" + ",".join([orjson.dumps(TRACK).decode(), *bad, large]) + "]"

    answer = post(client, body.encode())

    assert answer.get_json() == {"success": True, "accepted": 1, "duplicates": 0, "set_aside": 9}
    reasons = [letter.reason for letter in dead_letters.browse(store, "web")]
    assert reasons[:4] == ["not_an_object", "not_json", "number_not_finite", "id_not_string"]
    assert reasons[4:6] == ["properties_not_object", "traits_not_object"]
    assert reasons[6:] == ["text_not_unicode", "not_an_object", "message_too_large"]
    assert (numbers(store).pending, numbers(store).dead) == (1, 9)


@pytest.mark.parametrize(
    ("value", "kept", "note"),
    [
        (rb'"so far \ud83d"', '"so far \ufffd"', "text_repaired"),
        (b'"\xff"', '"\ufffd"', "text_repaired"),
        (b"NaN", "null", "number_left_out"),
        (b"1e999", "null", "number_left_out"),
        (b"[" * 70 + b"]" * 70, "[" * 62 + "null" + "]" * 62, "nested_too_deep"),
    ],
)
def test_a_value_that_cannot_be_used_costs_no_message(
    client: FlaskClient, store: Store, value: bytes, kept: str, note: str
) -> None:
    """It is repaired or left out alone, at both endpoints, and the message says so."""
    sent = b'{"type":"track","event":"A","userId":"u","properties":{"p":%b}}' % value

    answers = post(client, sent), call(client, sent, "/v1/track")

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [orjson.dumps(each.fields["properties"]["p"]).decode() for each in stored(store)] == [kept] * 2
    assert [each.fields["_repaired"] for each in stored(store)] == [[note]] * 2
    assert numbers(store).dead == 0


@pytest.mark.parametrize(
    "body", [b"", b"not json", b'{"type":"track"', b"[,]", b"[x,]", b"x [y] z", b"{'a':1}", b"\xff\xfe"]
)
def test_what_is_not_json_is_told(client: FlaskClient, store: Store, body: bytes) -> None:
    """A body that no parser reads is refused as a whole, with where it broke."""
    answer = post(client, body)

    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_json")
    assert numbers(store).received == 0


@pytest.mark.parametrize(
    "body",
    [b" " * 200_001, gzip.compress(b" " * 200_001), gzip.compress(b" " * 20_000_000), os.urandom(200_001)],
    ids=["plain", "gzip", "bomb", "noise"],
)
def test_a_body_over_the_limit_is_told(client: FlaskClient, body: bytes) -> None:
    """The limit holds before and after inflation."""
    answer = post(client, body)

    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("cut", [slice(None, -1), slice(None, 12)])
def test_broken_gzip_is_told(client: FlaskClient, cut: slice) -> None:
    """What begins like gzip and ends too early is refused."""
    answer = post(client, gzip.compress(orjson.dumps(TRACK))[cut])

    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_gzip")


def test_a_message_seen_before_is_acknowledged_and_not_stored_again(client: FlaskClient, store: Store) -> None:
    """Segment batches again when it tries again, so each message counts by its own id."""
    post(client, [TRACK, TRACK | {"messageId": "m-2"}])

    again = post(client, [TRACK | {"messageId": "m-3"}, TRACK, TRACK])

    assert again.get_json() == {"success": True, "accepted": 1, "duplicates": 2, "set_aside": 0}
    assert numbers(store).pending == 3
    assert numbers(store).received == 5


def test_a_message_without_an_id_is_known_by_its_content(client: FlaskClient) -> None:
    """Raw webhooks carry no messageId; a second try still counts as a duplicate."""
    anonymous = {"type": "track", "event": "Tried", "userId": "u-1", "timestamp": "2026-01-15T09:30:00Z"}

    answers = [post(client, anonymous).get_json() for _ in range(2)]

    assert [answer["duplicates"] for answer in answers] == [0, 1]


def test_destinations_do_not_share_ids(client: FlaskClient) -> None:
    """The same message posted to two destinations counts at both."""
    signature = hmac.new(b"abc123", orjson.dumps(TRACK), hashlib.sha1).hexdigest()
    post(client, TRACK)

    answer = post(client, TRACK, "/webhook/signed", headers={"X-Signature": signature})

    assert answer.get_json()["accepted"] == 1


def test_no_window_means_no_dedupe(settings: Settings, store: Store) -> None:
    """With dedupe_hours: 0 every message counts."""
    open_ended = replace(settings, intake=replace(settings.intake, dedupe_hours=0))

    with create_app(open_ended).test_client() as client:
        answers = [post(client, TRACK).get_json() for _ in range(2)]

    assert [answer["accepted"] for answer in answers] == [1, 1]


@pytest.mark.parametrize("item", [b"1", b"{}", b'{"a":NaN}'], ids=["scalar", "object", "broken"])
def test_a_body_of_too_many_messages_is_told_at_once(client: FlaskClient, store: Store, item: bytes) -> None:
    """More than ten thousand messages are refused before anything is made of them."""
    body = b"[" + b",".join([item] * 10_001) + b"]"

    answer = post(client, body)

    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_many_messages")
    assert numbers(store).received == 0
