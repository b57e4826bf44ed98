"""What a message claims: its sender's id if it is stored for delivery, else only its own text."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson
import pytest

from split_dest.inbox import dead_letters, intake
from split_dest.inbox.intake import AcceptOptions, Receipt
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import impression_item, item
from split_dest.mapping.rules import Rules
from split_dest.segment import payload, tracking
from split_dest.segment.tracking import Call
from tests.support.steps import balance, numbers

TRACK = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "order-77"}
RULES = Rules()
MAX_BYTES = 300
LARGE = TRACK | {"properties": {"a": "x" * MAX_BYTES}}
IMPRESSION = {"key": "u1", "split": "flag", "treatment": "on", "time": 1572534218971}
#: What makes a message that neither of the two endpoints accepts.
BAD: list[dict[str, Any]] = [{"userId": [1]}, {"properties": 7}, {"traits": "x"}]
#: What only the Tracking API refuses.
REFUSED: list[dict[str, Any]] = [{"userId": None}, {"event": ""}, {"event": ["a"]}, {"type": "page", "name": 5}]

_numbers = count()


@pytest.fixture(autouse=True)
def books(store: Store) -> Iterator[None]:
    """Make sure that the books balance in the end."""
    yield
    assert balance(store) == 0


def post(store: Store, *messages: object, max_dead: int = intake.ANY_NUMBER) -> Receipt:
    """Store what is posted to the webhook."""
    found = payload.messages(orjson.dumps(messages))
    items = [item(each, RULES, MAX_BYTES) for each in found]
    return intake.accept(store, items, AcceptOptions("web", 24, max_dead=max_dead))


def call(store: Store, *messages: object, max_dead: int = intake.ANY_NUMBER) -> Receipt:
    """Store what is posted to the Tracking API, each time at another time."""
    number = next(_numbers)
    how = Call(None, 1_768_469_400_250 + number, MAX_BYTES, lambda: f"new-{number}")
    posted = tracking.posted(orjson.dumps({"batch": messages}), how)
    items = [item(each, RULES, None, "tracking") for each in posted.messages]
    return intake.accept(store, items, AcceptOptions("web", 24, max_dead=max_dead))


def letters(store: Store) -> int:
    """Return how many dead letters are kept."""
    return len(list(dead_letters.browse(store, "web")))


def test_a_write_key_takes_no_id_from_the_webhook(store: Store) -> None:
    """Write keys are public: with one, anybody can post an id before its message comes."""
    assert call(store, TRACK, LARGE, TRACK | {"userId": []}).accepted == 1

    assert post(store, TRACK) == Receipt(1, 0, 0)
    assert post(store, TRACK) == call(store, TRACK) == Receipt(0, 1, 0)


def test_a_write_key_takes_no_dead_letter_from_the_webhook(store: Store) -> None:
    """What the Tracking API keeps of a refused text may be cut, so the webhook keeps its own."""
    found = payload.messages(b'[{"userId":NaN},1]')

    for endpoint in ("tracking", "webhook"):
        items = [item(each, RULES, None, endpoint) for each in found]
        assert intake.accept(store, items, AcceptOptions("web", 24)) == Receipt(0, 0, 2)


@pytest.mark.parametrize(
    "other",
    [
        {"event": "Order Refunded"},
        {"event": 7},
        {"type": "identify", "traits": {"plan": "x"}},
        {"type": "page", "name": "Order Completed"},
        {"type": "screen", "name": "Order Completed"},
        {"messageId": "order-78"},
    ],
)
def test_two_mappings_make_two_messages_of_one_id(store: Store, other: dict[str, Any]) -> None:
    """Segment's Webhooks (Actions) posts each mapping's call under the messageId of the event that it maps."""
    for send in (post, call):
        assert send(store, TRACK, TRACK | other) == Receipt(2, 0, 0)
        assert send(store, TRACK | other, TRACK, TRACK | {"properties": {"a": 1}}) == Receipt(0, 3, 0)


@pytest.mark.parametrize("bad", [*BAD, LARGE])
def test_a_message_that_was_set_aside_is_stored_once_it_is_repaired(store: Store, bad: dict[str, Any]) -> None:
    """Its messageId is free, at the webhook."""
    assert post(store, TRACK | bad) == Receipt(0, 0, 1)

    assert post(store, TRACK) == Receipt(1, 0, 0)
    assert post(store, TRACK, TRACK | bad) == Receipt(0, 2, 0)
    assert letters(store) == 1


@pytest.mark.parametrize("bad", [*BAD, *REFUSED, LARGE])
def test_a_refused_message_is_stored_once_it_is_repaired(store: Store, bad: dict[str, Any]) -> None:
    """Its messageId is free, at the Tracking API; the same batch again makes no second dead letter."""
    assert call(store, TRACK | bad, 5) == Receipt(0, 0, 2)
    assert call(store, TRACK | bad, 5) == Receipt(0, 2, 0)

    assert call(store, TRACK) == Receipt(1, 0, 0)
    assert call(store, TRACK) == Receipt(0, 1, 0)
    assert letters(store) == 2


@pytest.mark.parametrize("max_dead", [0, 1])
@pytest.mark.parametrize("send", [post, call])
def test_what_is_only_counted_claims_nothing(store: Store, send: Any, max_dead: int) -> None:
    """With room again it becomes a letter, and its repaired form is stored all the same."""
    bad = [TRACK | each for each in BAD]

    first = send(store, *bad, max_dead=max_dead)
    again = send(store, *bad, *bad, max_dead=max_dead)
    room = send(store, *bad)

    assert (first.set_aside, again.set_aside, room.set_aside) == (max_dead, 0, 3 - max_dead)
    assert (first.duplicates, again.duplicates, room.duplicates) == (0, 2 * max_dead, max_dead)
    assert numbers(store).filtered == {"dead_letters_full": 9 - 3 * max_dead}
    assert send(store, TRACK, max_dead=max_dead) == Receipt(1, 0, 0)
    assert letters(store) == 3


def test_without_a_window_everything_is_kept_up_to_the_bound(store: Store) -> None:
    """Nothing is claimed, and nothing is a duplicate."""
    items = [item(each, RULES, None) for each in payload.messages(b"[1,1,1]")]

    receipts = [intake.accept(store, items, AcceptOptions("web", 0, max_dead=2)) for _ in range(2)]

    assert receipts == [Receipt(0, 0, 2), Receipt(0, 0, 0)]
    assert numbers(store).filtered == {"dead_letters_full": 4}


def test_an_impression_that_was_too_large_is_stored_once_it_is_smaller(store: Store) -> None:
    """Its own id is free; the large one is one dead letter."""
    large = IMPRESSION | {"label": "x" * MAX_BYTES}
    items = [impression_item(each, MAX_BYTES) for each in (large, large, IMPRESSION, IMPRESSION)]

    assert intake.accept(store, items, AcceptOptions("flags", 24)) == Receipt(1, 2, 1)
