"""A claim is bounded by bytes as well as by number, so that large messages do not fill a worker's memory."""

import pytest

from split_dest.inbox import intake
from split_dest.inbox.drains import SlotLease, delivered
from split_dest.inbox.intake import AcceptOptions
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from tests.support.steps import leave_dead, numbers, take

LARGE, SMALL = 32_000, 300


def wait(store: Store, count: int, size: int) -> None:
    """Let this many messages of this size wait."""
    items = [Item(("events",), "", b"x" * size)] * count
    intake.accept(store, items, AcceptOptions("web", 0))


def sizes(drain: SlotLease) -> list[int]:
    """Claim and settle all that waits; return how many messages each claim brought."""
    found = []
    while entries := drain.claim(1000):
        found.append(len(entries))
        drain.settle(delivered(entry.id) for entry in entries)
    return found


def test_small_messages_are_claimed_by_the_thousand(store: Store) -> None:
    """But for the first claim of a drain, when it does not know yet how large they are."""
    wait(store, 3100, SMALL)

    assert sizes(take(store)) == [250, 1000, 1000, 850]


def test_large_messages_are_claimed_by_the_four_megabytes(store: Store) -> None:
    """A batch of a thousand of them would be 32 MB, and a worker has up to three of each of its drains."""
    wait(store, 600, LARGE)

    assert sizes(take(store)) == [250, 125, 125, 100]


def test_a_message_larger_than_a_batch_is_claimed_alone(store: Store) -> None:
    """The limit never keeps a message from being claimed."""
    drain = take(store)
    wait(store, 1, 5_000_000)
    assert len(drain.claim(1000)) == 1

    wait(store, 2, 5_000_000)

    assert [len(drain.claim(1000)) for _ in range(3)] == [1, 1, 0]


@pytest.mark.parametrize("claimed", [150, 400])
def test_what_a_dead_drain_left_is_claimed_so_too(store: Store, claimed: int) -> None:
    """All of it, before anything else."""
    wait(store, 400, LARGE)
    dead = take(store)
    left = sum(len(dead.claim(claimed)) for _ in range(2))
    leave_dead(store, dead)

    heir = take(store)

    first, *later = sizes(heir)
    assert first <= 250
    assert max(later) <= 125
    assert left > 125
    assert (numbers(store).pending, numbers(store).delivered) == (0, 400)
