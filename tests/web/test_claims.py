"""Whose message is a duplicate of whose: at the endpoints, with real claims."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from split_dest.inbox import dead_letters
from split_dest.inbox.store import Store
from tests.support.endpoint import TRACK, call, post, stored


def told(client: FlaskClient, body: Any) -> tuple[int, int, int]:
    """Return how many the webhook accepted, found to be duplicates, and kept as dead letters."""
    answer = post(client, body).get_json()
    return answer["accepted"], answer["duplicates"], answer["set_aside"]


def letters(store: Store) -> list[str]:
    """Return the reasons of the dead letters."""
    return [letter.reason for letter in dead_letters.browse(store, "web")]


def test_a_stranger_cannot_make_an_authenticated_message_vanish(client: FlaskClient, store: Store) -> None:
    """A write key is public, and ids of servers can be guessed."""
    assert call(client, TRACK).status_code == 200

    assert told(client, TRACK) == (1, 0, 0)
    assert call(client, TRACK).status_code == 200
    assert len(stored(store)) == 2


def test_two_mappings_that_make_two_calls_of_one_message_are_two(client: FlaskClient, store: Store) -> None:
    """Segment's Webhooks (Actions) sends each under the message's own id."""
    calls = [
        TRACK,
        TRACK | {"event": "Mapped"},
        {"type": "identify", "messageId": "m-1", "userId": "u-1", "traits": {"plan": "x"}},
        {"type": "page", "messageId": "m-1", "userId": "u-1", "name": "Home"},
        {"type": "page", "messageId": "m-1", "userId": "u-1", "name": "Cart"},
    ]

    assert [told(client, each) for each in calls] == [(1, 0, 0)] * 5
    assert [told(client, each) for each in calls] == [(0, 1, 0)] * 5
    assert len(stored(store)) == 5


@pytest.mark.parametrize("bad", [{"userId": True}, {"properties": "x"}, {"properties": {"x": "y" * 33_000}}])
def test_a_refused_message_that_was_repaired_is_delivered(
    client: FlaskClient, store: Store, bad: dict[str, Any]
) -> None:
    """Under the same id; the same refused one makes no second letter."""
    assert told(client, TRACK | bad) == (0, 0, 1)
    assert told(client, TRACK | bad) == (0, 1, 0)

    assert told(client, TRACK) == (1, 0, 0)
    assert len(letters(store)) == 1


@pytest.mark.parametrize("bad", [{"userId": ""}, {"event": ""}, {"properties": {"x": "y" * 33_000}}])
def test_what_the_tracking_api_refused_and_was_repaired_is_delivered(
    client: FlaskClient, store: Store, bad: dict[str, Any]
) -> None:
    """Although it was told 400 with the same id before; the same refused one makes no second letter."""
    assert [call(client, TRACK | bad).status_code for _ in range(2)] == [400, 400]
    assert len(letters(store)) == 1

    assert call(client, TRACK).status_code == 200
    assert [found.message_id for found in stored(store)] == ["m-1"]
