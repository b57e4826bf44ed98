"""Redis's clock was ahead and has gone back, or another Redis took over whose clock is behind."""

import pytest

from split_dest.inbox import dead_letters, drains, ledger
from split_dest.inbox.drains import delivered
from split_dest.inbox.store import Store
from tests.support.steps import accept, balance, numbers, take

HOUR_MS = 3_600_000
DEAD = "sd:web:dead"


@pytest.fixture
def ahead(store: Store) -> Store:
    """A store whose streams have an id of an hour ahead, so that all that come later are ahead as well."""
    then = store.now_ms() + HOUR_MS
    store.client.xadd(
        DEAD, {"lane": "events", "reason": "gave_up", "detail": "", "m": "{}", "t": then}, f"{then}-5"
    )
    store.client.xadd("sd:web:events:stream", {"m": "{}", "t": then}, f"{then}-5")
    store.client.hset("sd:web:counts", mapping={"events:received": 2, "events:dead": 1, "events:oldest_ms": then})
    return store


def test_dead_letters_ahead_of_the_clock_are_met(ahead: Store) -> None:
    """The one of an hour ahead, and the real one that came after it."""
    accept(ahead, "bad", reason="not_json")
    last_id = dead_letters.last_id(ahead, "web")

    met = list(dead_letters.browse(ahead, "web", last_id=last_id))

    assert [letter.reason for letter in met] == ["gave_up", "not_json"]
    assert met[-1].id == last_id
    accept(ahead, "later", reason="not_json")
    assert list(dead_letters.browse(ahead, "web", last_id=last_id)) == met


def test_the_filters_by_time_mean_the_times_of_the_letters(ahead: Store) -> None:
    """*until* now leaves them out, *since* now takes them in, whatever the end is."""
    now_ms, last_id = ahead.now_ms(), dead_letters.last_id(ahead, "web")

    def met(**times: int) -> int:
        return len(list(dead_letters.browse(ahead, "web", last_id=last_id, **times)))

    assert (met(until_ms=now_ms), met(since_ms=now_ms)) == (0, 1)
    assert (met(since_ms=now_ms + 2 * HOUR_MS), met(until_ms=now_ms + 2 * HOUR_MS)) == (0, 1)


def test_without_letters_ahead_the_end_is_now(store: Store) -> None:
    """Also where there are none at all."""
    accept(store, "bad", reason="not_json")

    assert dead_letters.last_id(store, "other").isdigit()
    assert int(dead_letters.last_id(store, "other")) <= store.now_ms()
    letters = list(dead_letters.browse(store, "web"))
    assert list(dead_letters.browse(store, "web", last_id=dead_letters.last_id(store, "web"))) == letters


def test_messages_ahead_of_the_clock_are_claimed_and_have_no_negative_age(ahead: Store) -> None:
    """In the order in which they came."""
    accept(ahead, "a")
    assert numbers(ahead).oldest_seconds == 0
    drain = take(ahead)

    entries = drain.claim(10)

    assert [entry.text for entry in entries] == [b"{}", b'{"messageId":"a"}']
    drain.settle(delivered(entry.id) for entry in entries)
    assert (numbers(ahead).delivered, balance(ahead)) == (2, 0)


def test_a_dead_worker_ahead_of_the_clock_does_not_live_for_ever(store: Store) -> None:
    """It last gave a sign of life when the clock was an hour ahead."""
    store.client.zadd("sd:workers", {"gone": store.now_ms() + HOUR_MS})
    assert ledger.read(store, []).workers == 0

    drains.beat(store, "alive", [])

    assert ledger.read(store, []).workers == 1
    assert store.client.zrange("sd:workers", 0, -1) == [b"alive"]
