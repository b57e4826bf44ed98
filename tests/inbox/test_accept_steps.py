"""A step of accept is small enough for Redis to answer others soon."""

import pytest

from split_dest.inbox import intake
from split_dest.inbox.intake import AcceptOptions, Receipt
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from tests.support.steps import balance, numbers

TERMS = AcceptOptions("web", 24)


def items(count: int, size: int, name: str = "m", reason: str = "") -> list[Item]:
    """Return items with texts of this many bytes."""
    return [Item(("events",), f"{name}-{n}", b"x" * size, reason) for n in range(count)]


def steps(store: Store) -> int:
    """Return how many scripts have run since the last look."""
    done = store.client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
    store.client.config_resetstat()
    return int(done)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([], 0),
        (items(1, 1), 1),
        (items(1000, 10), 1),
        (items(1001, 10), 2),
        (items(2500, 10), 3),
        (items(1000, 1000), 1),
        (items(1000, 1001), 2),
        (items(10, 400_000), 5),
        (items(3, 1_000_001), 3),
        ([*items(2, 10, "a"), *items(1, 3_000_000), *items(2, 10, "b")], 3),
    ],
)
def test_a_step_ends_at_a_thousand_items_or_a_megabyte(store: Store, found: list[Item], wanted: int) -> None:
    """Whichever comes first; a single larger item goes alone."""
    intake.accept(store, items(1, 1, "first"), TERMS)
    steps(store)

    assert intake.accept(store, found, TERMS) == Receipt(len(found), 0, 0)

    assert steps(store) == wanted
    assert store.client.xlen("sd:web:events:stream") == len(found) + 1


def test_each_request_has_its_receipt_however_the_steps_end(store: Store) -> None:
    """Steps end within requests, and requests within steps."""
    requests = [
        items(700, 10, "a"),
        [*items(5, 400_000, "b"), *items(10, 10, "a")],
        [],
        items(600, 10, "c", "id_not_string"),
        [*items(1, 2_000_000, "d"), *items(700, 900, "e"), *items(5, 400_000, "b")],
    ]

    receipts = intake.accept_together(store, requests, TERMS)

    empty = Receipt(0, 0, 0)
    assert receipts == [Receipt(700, 0, 0), Receipt(5, 10, 0), empty, Receipt(0, 0, 600), Receipt(701, 5, 0)]
    assert [receipt.asleep for receipt in receipts] == [{"events"}, *[frozenset()] * 4]
    assert (numbers(store).pending, numbers(store).dead, balance(store)) == (1406, 600, 0)
