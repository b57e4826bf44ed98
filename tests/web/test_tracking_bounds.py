"""What the Tracking API refuses can't fill Redis, for its write keys stand in every page."""

import pytest
from flask.testing import FlaskClient

from split_dest.inbox import ledger
from split_dest.inbox.ledger import LaneNumbers
from split_dest.inbox.store import Store
from split_dest.web.tracking import MAX_DEAD_LETTERS
from tests.support.endpoint import TRACK, call, post

BAD = {"userId": "u-1"}


def numbers(store: Store) -> LaneNumbers:
    """Return the events lane's numbers."""
    return ledger.read(store, ["web"]).lanes["web", "events"]


def letters(store: Store) -> int:
    """Return how many dead letters are kept."""
    return int(store.client.xlen("sd:web:dead"))


@pytest.fixture
def full(client: FlaskClient, store: Store) -> FlaskClient:
    """The endpoint of a destination that has one dead letter less than it may have."""
    for start in range(0, MAX_DEAD_LETTERS - 1, 1000):
        count = min(1000, MAX_DEAD_LETTERS - 1 - start)
        call(
            client,
            {"batch": [BAD | {"messageId": f"b-{start + n}", "type": "track"} for n in range(count)]},
            "/v1/batch",
        )
    assert letters(store) == MAX_DEAD_LETTERS - 1
    return client


def test_refused_messages_over_the_bound_are_counted_and_not_kept(full: FlaskClient, store: Store) -> None:
    """Their sender is told as ever, the books balance, and what is good in their batch is taken."""
    batch = [TRACK, *({"type": "track", "userId": "u-1", "messageId": f"n-{n}"} for n in range(5))]

    answers = [call(full, {"batch": batch}, "/v1/batch").status_code, call(full, BAD).status_code]

    found = numbers(store)
    assert answers == [200, 400]
    assert (letters(store), found.dead, found.pending) == (MAX_DEAD_LETTERS, MAX_DEAD_LETTERS, 1)
    assert found.filtered == {"dead_letters_full": 5}
    assert found.received == found.delivered + found.filtered_total + found.duplicate + found.pending + found.dead


def test_the_webhook_keeps_what_it_sets_aside_all_the_same(full: FlaskClient, store: Store) -> None:
    """Who has the secret is believed."""
    post(full, [{"type": "track", "userId": True}, {"type": "track", "userId": False}])

    assert letters(store) == MAX_DEAD_LETTERS + 1


def test_of_a_refused_message_64_kilobytes_are_kept(client: FlaskClient, store: Store) -> None:
    """It is larger than any message that could be replayed."""
    call(client, TRACK | {"properties": {"a": "x" * 400_000}})

    [(_, letter)] = store.client.xrange("sd:web:dead")
    assert (letter[b"reason"], len(letter[b"m"])) == (b"message_too_large", 65_536)
