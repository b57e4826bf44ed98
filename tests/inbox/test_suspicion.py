"""Messages that kill their workers: suspected, taken apart, set aside; and innocent ones, which are not."""

import pytest

from split_dest.errors import Refused, Remedy
from split_dest.inbox import dead_letters
from split_dest.inbox.drains import delivered
from split_dest.inbox.store import Store
from tests.support.steps import accept, balance, begin_mapping, leave_dead, numbers, take


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
