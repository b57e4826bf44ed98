"""Split's own words are kept for people: one short line without the key; logs have only what we say ourselves."""

import base64

import pytest

from split_dest.errors import Refused
from split_dest.outlets import segment_tracking, split_admin, split_events, split_impressions
from split_dest.outlets.http import HttpClient, Request
from split_dest.outlets.split_admin import Account, IdentityScope, replace_identities
from split_dest.outlets.words import words_of
from split_dest.split.records import Identity
from tests.outlets.answers import answer, answering

KEY = "Key-1.of+the/account"
BASIC = base64.b64encode(f"{KEY}:".encode()).decode()
SCOPE = IdentityScope("tt-1", "env-1")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", ""),
        (b'{"message": "wrong"}', '{"message": "wrong"}'),
        (b"<html>\r\n\t<b>Bad\n\n Gateway</b>\0", "<html> <b>Bad Gateway</b>"),
        ("größer als 日本".encode(), "größer als 日本"),
        (b"\xff\xfeodd\x80", "\ufffd\ufffdodd\ufffd"),
        ("a\x1b[2Jb\x9bc\u202ed\u2066e\u200bf\u2028g\x7fh".encode(), "a [2Jb c d e f g h"),
        (b"x" * 1000, "x" * 500),
        ("ü".encode() * 300, "ü" * 250),
        (b"y" + "ü".encode() * 300, "y" + "ü" * 249),
        (b" " * 30_000 + b"late", ""),
    ],
)
def test_words_are_one_line_of_500_bytes_that_steers_no_terminal(body: bytes, words: str) -> None:
    """Valid UTF-8 in any case."""
    assert words_of(body, {}) == words
    assert len(words.encode()) <= 500


@pytest.mark.parametrize(
    "request_",
    [
        split_events.request("http://split", KEY, []),
        split_impressions.request("http://split", KEY, []),
        segment_tracking.request("http://segment", KEY, []),
        split_admin.bulk_request(Account("http://split", KEY, "authorization", "ws-1"), SCOPE, []),
        split_admin.bulk_request(Account("http://split", KEY, "x-api-key", "ws-1"), SCOPE, []),
    ],
    ids=["events", "impressions", "tracks", "admin", "migrated"],
)
def test_the_key_of_the_call_is_no_part_of_its_answers_words(request_: Request) -> None:
    """Whatever form of it is quoted, and wherever the words are cut."""
    for said in (KEY, KEY.upper(), BASIC if "Basic" in str(request_.headers) else KEY, f"Bearer {KEY}:"):
        words = words_of(f"no rights: {said}!".encode(), request_.headers)
        assert words.startswith("no rights: ")
        assert "****" in words
        assert said.lower() not in words.lower()
    for length in range(470, 500):
        assert "Key-1" not in words_of(b"x" * length + b" " + KEY.encode(), request_.headers)
    for length in (19_990, 65_530, 999_985):
        assert "Key-1" not in words_of(b" " * length + KEY.encode(), request_.headers)


def test_a_refusal_has_its_words_apart_from_its_detail() -> None:
    """What is logged is the call and its status alone."""
    with answering(answer(b"no key 'u@example.com'", status="400 Bad Request")) as server:
        client = HttpClient(10)
        with pytest.raises(Refused) as caught:
            client.send(Request("POST", server.url, {}, b"[]", "/events/bulk"))
        client._pool.clear()
        refused = caught.value
        del caught, client

        assert (refused.detail, refused.words) == ("POST /events/bulk: 400", "no key 'u@example.com'")
        assert "example.com" not in str(refused)
        refused.__traceback__ = None


def test_what_a_bulk_answer_lists_as_failed_has_words_too() -> None:
    """Split says of each identity why."""
    body = b'{"failed": [{"object": {"key": "u"}, "status": 400, "message": "attribute plan\\u202e of k-1"}]}'
    account = Account("", "k-1", "authorization", "ws-1")
    with answering(answer(body, "Connection: close")) as server:
        account = Account(server.url, "k-1", "authorization", "ws-1")
        failed = replace_identities(HttpClient(10), account, SCOPE, [Identity("user", "u", {"plan": "x"}, 1)])

    assert failed["u"].words == "attribute plan of ****"
    assert failed["u"].detail == "POST /…/identities: listed as failed: 400"
