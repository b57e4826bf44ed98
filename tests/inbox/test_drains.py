"""Claim, settle, take over: a drain's life."""

import time
from pathlib import Path

import pytest

from split_dest.errors import StoreUnavailable
from split_dest.inbox import dead_letters, drains
from split_dest.inbox.drains import dead, delivered, filtered
from split_dest.inbox.embedded_socket import socket_path
from split_dest.inbox.store import Store, connect
from tests.support.cutting import Cutting
from tests.support.steps import accept, balance, begin_mapping, leave_dead, numbers, take


def test_what_is_accepted_is_claimed_in_order(store: Store) -> None:
    """A drain gets the messages as they came, up to the number it asks for."""
    accept(store, "a", "b", "c")
    drain = take(store)

    first, second, third = drain.claim(2), drain.claim(2), drain.claim(2)

    assert [entry.text for entry in first + second] == [
        b'{"messageId":"%s"}' % each for each in (b"a", b"b", b"c")
    ]
    assert third == []
    assert abs(first[0].accepted_ms - store.now_ms()) < 5000


def test_settled_messages_are_gone_and_counted(store: Store) -> None:
    """Each outcome has its number; a dead letter keeps its message."""
    accept(store, "a", "b", "c", "d")
    drain = take(store)
    one, two, three, _ = (entry.id for entry in drain.claim(10))

    drain.settle([delivered(one), filtered(two, "page_unnamed"), dead(three, "record_refused", "400")])

    n = numbers(store)
    assert (n.received, n.delivered, n.filtered, n.dead, n.pending, n.in_flight) == (
        4,
        1,
        {"page_unnamed": 1},
        1,
        1,
        1,
    )
    (letter,) = dead_letters.browse(store, "web")
    assert (letter.lane, letter.reason, letter.detail) == ("events", "record_refused", "400")
    assert letter.text == b'{"messageId":"c"}'


def test_settling_twice_counts_once(store: Store) -> None:
    """A drain that was thought dead and comes back changes nothing."""
    accept(store, "a")
    drain = take(store)
    (entry,) = drain.claim(10)

    drain.settle([delivered(entry.id, ["value_cut"])])
    drain.settle([delivered(entry.id, ["value_cut"]), dead(entry.id, "record_refused")])

    assert (numbers(store).delivered, numbers(store).dead, balance(store)) == (1, 0, 0)
    assert numbers(store).noted == {"value_cut": 1}


def test_a_slot_has_one_drain_at_a_time(store: Store) -> None:
    """While a drain gives signs of life, no other gets its slot; other slots are free."""
    accept(store, "a")
    first = take(store)

    assert drains.take(store, "web", "events", 0) is None
    assert drains.take(store, "web", "events", 1) is not None
    first.release("away")
    assert drains.take(store, "web", "events", 0) is not None


def test_a_silent_drain_loses_its_slot_and_a_beating_one_keeps_it(store: Store) -> None:
    """The hold runs out after its lease unless the worker's heartbeat renews it."""
    accept(store, "a")
    silent, beating = take(store, 0), take(store, 1)
    store.client.pexpire(silent.key, 200)
    store.client.pexpire(beating.key, 200)

    drains.beat(store, "worker-1", [beating])
    time.sleep(0.3)

    assert (silent.may_call(), beating.may_call()) == (False, True)


def test_a_drain_takes_over_what_a_dead_one_had_claimed(store: Store) -> None:
    """Messages claimed and never settled are claimed again, first of all."""
    accept(store, "a", "b")
    dead_drain = take(store)
    claimed = begin_mapping(dead_drain, 1)
    dead_drain.vouch()
    leave_dead(store, dead_drain)

    heir = take(store)

    assert [entry.text for entry in begin_mapping(heir, 10)] == [claimed[0].text]
    heir.settle([delivered(claimed[0].id)])
    assert [entry.text for entry in begin_mapping(heir, 10)] == [b'{"messageId":"b"}']


def test_an_empty_lane_falls_asleep_but_not_while_something_waits(store: Store) -> None:
    """A message that comes between the last look and the end of a drain keeps it awake."""
    accept(store, "a")
    drain = take(store)
    (entry,) = drain.claim(10)
    drain.settle([delivered(entry.id)])
    assert drain.claim(10) == []

    accept(store, "late")

    assert drain.release("empty") is False
    (late,) = drain.claim(10)
    drain.settle([delivered(late.id)])
    assert drain.release("empty") is True


def test_a_claim_whose_answer_was_lost_is_not_made_twice(store: Store, redis_dir: Path) -> None:
    """Else the drain would go on with later messages, and never know of the first."""
    accept(store, *"abcdef")
    way = Cutting(socket_path(str(redis_dir)))
    through = Store(connect(f"redis://127.0.0.1:{way.port}", "", timeout_seconds=20))
    drain = take(through)
    assert len(drain.claim(2)) == 2

    way.lose_answer_to(b"XREADGROUP")
    with pytest.raises(StoreUnavailable):
        drain.claim(2)

    assert store.client.xpending("sd:web:events:stream", "drains")["pending"] == 4
    through.client.close()
    way.close()


def test_an_emptied_redis_is_used_again(store: Store) -> None:
    """Streams, groups and scripts that vanish are made again."""
    accept(store, "a")
    take(store)
    store.client.flushall()
    store.client.script_flush()

    accept(store, "b")
    entries = take(store).claim(10)

    assert [entry.text for entry in entries] == [b'{"messageId":"b"}']


def test_a_take_whose_answer_was_lost_is_made_again(store: Store) -> None:
    """The same drain gets its slot."""
    accept(store, "a")
    drain = take(store)

    assert drain.take("")
