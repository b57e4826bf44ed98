"""Claim, settle, take over: a drain's life."""

import time

import pytest

from split_dest.errors import Refused, Remedy
from split_dest.inbox import dead_letters, drains
from split_dest.inbox.drains import dead, delivered, filtered
from split_dest.inbox.store import Store
from tests.inbox.steps import accept, balance, begin_mapping, leave_dead, numbers, take


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


def test_a_batch_that_kills_its_workers_is_taken_apart(store: Store) -> None:
    """After a death 32 messages are tried together, after two each alone, after three it is set aside.

    The others were together with it once.
    """
    accept(store, *(f"m-{n}" for n in range(100)))
    sizes = []
    for _ in range(3):
        drain = take(store)
        sizes.append(len(begin_mapping(drain, 100)))
        leave_dead(store, drain)
    drain = take(store)

    after = begin_mapping(drain, 100)

    assert sizes == [100, 32, 1]
    assert len(after) == 32
    (letter,) = dead_letters.browse(store, "web")
    assert (letter.reason, letter.text) == ("crashed_worker", b'{"messageId":"m-0"}')
    assert balance(store) == 0


def test_deaths_after_the_mapping_blame_no_message(store: Store) -> None:
    """Once a drain has vouched for what it claimed, any number of kills leaves the batch whole."""
    accept(store, *(f"m-{n}" for n in range(100)))

    for _ in range(5):
        drain = take(store)
        entries = begin_mapping(drain, 100)
        assert len(entries) == 100
        drain.vouch()
        leave_dead(store, drain)

    assert numbers(store).dead == 0


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


def test_an_emptied_redis_is_used_again(store: Store) -> None:
    """Streams, groups and scripts that vanish are made anew."""
    accept(store, "a")
    take(store)
    store.client.flushall()
    store.client.script_flush()

    accept(store, "b")
    entries = take(store).claim(10)

    assert [entry.text for entry in entries] == [b'{"messageId":"b"}']


@pytest.mark.parametrize("place", [0, 50, 99])
def test_a_poisonous_message_anywhere_kills_three_workers(store: Store, place: int) -> None:
    """Workers die while they map it; the others are vouched for and delivered, wherever it stands."""
    accept(store, *(f"m-{n}" for n in range(100)))
    poison, deaths = b'{"messageId":"m-%d"}' % place, 0
    while numbers(store).pending:
        drain = take(store)
        entries = begin_mapping(drain, 100)
        if any(entry.text == poison for entry in entries):
            deaths += 1
            leave_dead(store, drain)
            continue
        drain.vouch()
        drain.settle(delivered(entry.id) for entry in entries)
        drain.release("away")

    assert deaths == 3
    assert (numbers(store).delivered, numbers(store).dead) == (99, 1)


def test_a_drain_that_lost_its_slot_vouches_for_nothing(store: Store) -> None:
    """What the heir maps stays under suspicion."""
    accept(store, *(f"m-{n}" for n in range(40)))
    lost = take(store)
    begin_mapping(lost, 40)
    leave_dead(store, lost)
    heir = take(store)
    assert len(begin_mapping(heir, 40)) == 32

    lost.vouch()

    leave_dead(store, heir)
    assert len(begin_mapping(take(store), 40)) == 1


@pytest.mark.parametrize("end", ["release", "rest", "pass_on"])
def test_a_drain_that_ends_by_itself_blames_no_message(store: Store, end: str) -> None:
    """Whatever kept it from vouching, no message killed it: the batch stays whole."""
    accept(store, *(f"m-{n}" for n in range(40)))
    drain = take(store)
    begin_mapping(drain, 40)

    if end == "rest":
        drain.rest(Refused("rate_limited", "429", Remedy.WAIT, wait_seconds=0))
        store.client.delete("sd:web:events:rest")
    elif end == "release":
        drain.release("away")
    else:
        drain.pass_on()
        store.client.delete(drain.key)

    assert len(begin_mapping(take(store), 40)) == 40


@pytest.mark.parametrize("others", [0, 5])
def test_only_the_one_that_killed_is_set_aside(store: Store, others: int) -> None:
    """Drains that end between their claim and their mapping cost no later message its place."""
    accept(store, "poison", *(f"m-{n}" for n in range(others)))
    for _ in range(3):
        drain = take(store)
        begin_mapping(drain, 100)
        leave_dead(store, drain)
    take(store).claim(100)
    store.client.delete("sd:web:events:drain:0")
    assert numbers(store).dead == 1

    accept(store, *(f"late-{n}" for n in range(5)))
    for _ in range(5):
        drain = take(store)
        assert drain.claim(100)
        drain.rest(Refused("flag_awaited", "", Remedy.WAIT, wait_seconds=0))
        store.client.delete("sd:web:events:rest")
        drain = take(store)
        drain.claim(100)
        leave_dead(store, drain)

    assert (numbers(store).dead, numbers(store).pending, balance(store)) == (1, others + 5, 0)


def test_suspicion_falls_when_nothing_is_left(store: Store) -> None:
    """What comes later is claimed whole, however many workers died before."""
    accept(store, "a")
    for _ in range(2):
        drain = take(store)
        begin_mapping(drain, 100)
        leave_dead(store, drain)
    drain = take(store)
    (entry,) = begin_mapping(drain, 100)
    drain.vouch()
    drain.settle([delivered(entry.id)])
    assert drain.claim(100) == []
    assert drain.release("empty")

    accept(store, *(f"m-{n}" for n in range(40)))
    take(store).claim(100)
    store.client.delete("sd:web:events:drain:0")

    assert len(take(store).claim(100)) == 40


def test_a_take_whose_answer_was_lost_is_made_again(store: Store) -> None:
    """The same drain gets its slot."""
    accept(store, "a")
    drain = take(store)

    assert drain.take("")


def test_a_drain_that_fails_over_a_message_suspects_it(store: Store) -> None:
    """A message that can't be mapped is found as one that kills is."""
    accept(store, *(f"m-{n}" for n in range(40)))
    for most in (40, 32, 1):
        drain = take(store)
        assert len(begin_mapping(drain, 40)) == most
        drain.release("fault")

    take(store).claim(40)

    assert numbers(store).dead == 1


def test_suspicion_ends_with_what_was_left(store: Store) -> None:
    """New messages have no part in the deaths over old ones."""
    accept(store, "a")
    drain = take(store)
    begin_mapping(drain, 10)
    leave_dead(store, drain)
    accept(store, *(f"m-{n}" for n in range(40)))
    heir = take(store)
    (left,) = begin_mapping(heir, 1000)
    heir.vouch()
    heir.settle([delivered(left.id)])

    assert len(begin_mapping(heir, 1000)) == 40
    leave_dead(store, heir)
    assert len(begin_mapping(take(store), 1000)) == 32
