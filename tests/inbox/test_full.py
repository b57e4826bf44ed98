"""Redis over its maxmemory, with noeviction: what makes room goes on, what takes room is refused."""

from collections.abc import Iterator

import pytest

from split_dest.errors import Refused, Remedy, StoreUnavailable
from split_dest.inbox import dead_letters, drains, wake
from split_dest.inbox.drains import dead, delivered
from split_dest.inbox.names import NameCache, Names
from split_dest.inbox.store import Store
from tests.support.steps import accept, balance, numbers, take


@pytest.fixture
def full(store: Store) -> Iterator[Store]:
    """A Redis with five messages that takes nothing more."""
    accept(store, *"abcde")
    store.client.config_set("maxmemory", 1)
    yield store
    store.client.config_set("maxmemory", 0)


def test_a_full_redis_takes_no_message(full: Store) -> None:
    """It says that it is full, and nothing is half stored."""
    with pytest.raises(StoreUnavailable) as told:
        accept(full, "f")

    assert told.value.code == "store_full"
    assert (numbers(full).received, balance(full)) == (5, 0)


def test_a_full_redis_is_drained(full: Store) -> None:
    """Claimed, delivered, set aside, rested, counted, as ever."""
    drain = take(full)
    entries = drain.claim(10)
    drain.vouch()
    drains.beat(full, "worker-1", [drain])
    NameCache(full, "web", "account").save(Names(1))

    assert drain.may_call()
    drain.settle([delivered(entries[0].id), dead(entries[1].id, "record_refused")])
    drain.rest(Refused("upstream_error", "503", Remedy.WAIT, wait_seconds=60))

    n = numbers(full)
    assert (n.delivered, n.dead, n.pending, n.resting_reason, balance(full)) == (1, 1, 3, "upstream_error", 0)
    (letter,) = dead_letters.browse(full, "web")
    assert dead_letters.replay(full, letter, "events", letter.text)


def test_a_turn_that_ends_while_rq_is_refused_leaves_the_slot_free(full: Store) -> None:
    """RQ can't take the job that would follow, so no mark may wait for it."""
    drain = take(full)

    with pytest.raises(StoreUnavailable):
        drain.pass_on()

    assert not full.client.exists(drain.key)
    with pytest.raises(StoreUnavailable):
        wake.wake(full, "web")
