"""Bookmarks: a file's messages and how far it came are stored in one step, or neither is."""

from collections.abc import Iterator

import pytest

from split_dest.errors import BookmarkMoved, StoreUnavailable
from split_dest.inbox import imports, intake
from split_dest.inbox.imports import Bookmark
from split_dest.inbox.intake import AcceptOptions, Receipt
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import Item
from tests.support.steps import accept, balance, numbers

GOOD = [Item(("events",), f"m-{n}", b"{}") for n in range(3)]
BAD = Item(("events",), "bad", b"oops", "not_json", "line 4")


def move(store: Store, after: int, line: int, items: list[Item], **more: int) -> Receipt:
    """Store items behind a line, without any memory of ids."""
    return intake.accept_marked(store, items, AcceptOptions("web", 0, **more), Bookmark("file", after, line))


@pytest.fixture
def started(store: Store) -> Iterator[Store]:
    """A store with a bookmark at the beginning of a file."""
    assert imports.begin(store, "web", "file") == 0
    yield store
    assert balance(store) == 0


def test_a_bookmark_moves_with_the_messages(started: Store) -> None:
    """Each step moves it, and the next start is told where it stands."""
    assert move(started, 0, 3, GOOD) == Receipt(3, 0, 0)
    assert imports.begin(started, "web", "file") == 3
    assert move(started, 3, 9, [*GOOD, BAD]) == Receipt(3, 0, 1)
    assert imports.begin(started, "web", "file") == 9
    assert numbers(started).pending == 6


def test_the_same_step_again_is_stored_once_and_has_the_same_receipt(started: Store) -> None:
    """Whoever did not hear the answer asks again, even where no id is remembered."""
    receipts = [move(started, 0, 4, [*GOOD, BAD]) for _ in range(3)]

    assert receipts == [Receipt(3, 0, 1)] * 3
    assert (numbers(started).received, numbers(started).pending, numbers(started).dead) == (4, 3, 1)


@pytest.mark.parametrize(("after", "line"), [(0, 2), (2, 5), (4, 5), (2, 2)])
def test_a_bookmark_elsewhere_stores_nothing(started: Store, after: int, line: int) -> None:
    """Only the step that begins where the bookmark stands, or the last one again, is taken."""
    move(started, 0, 3, GOOD)

    with pytest.raises(BookmarkMoved):
        move(started, after, line, GOOD)

    assert imports.begin(started, "web", "file") == 3
    assert numbers(started).received == 3


def test_a_step_after_the_end_stores_nothing(started: Store) -> None:
    """A call that comes late finds no bookmark; a new start begins at the first line."""
    move(started, 0, 3, GOOD)
    imports.finish(started, "web", "file")

    for after in (0, 3):
        with pytest.raises(BookmarkMoved):
            move(started, after, 5, GOOD)

    assert numbers(started).received == 3
    assert started.client.exists("sd:web:imports") == 0
    assert imports.begin(started, "web", "file") == 0


def test_files_and_destinations_have_bookmarks_of_their_own(started: Store) -> None:
    """One file's way says nothing about another's, nor about the same file for another destination."""
    move(started, 0, 3, GOOD)

    assert imports.begin(started, "web", "other") == 0
    assert imports.begin(started, "app", "file") == 0
    imports.finish(started, "web", "other")
    assert imports.begin(started, "web", "file") == 3


def test_thousands_of_items_are_one_step_with_a_bookmark(started: Store) -> None:
    """An array of ten thousand on one line is stored whole, or not at all."""
    receipt = move(started, 0, 1, [Item(("events",), f"m-{n}", b"{}") for n in range(10_000)])

    assert receipt == Receipt(10_000, 0, 0)
    assert numbers(started).pending == 10_000


def test_ids_are_still_claimed_beside_a_bookmark(started: Store) -> None:
    """What the endpoint has taken counts as a duplicate of the file's."""
    accept(started, "m-0")

    receipt = intake.accept_marked(started, GOOD, AcceptOptions("web", 24), Bookmark("file", 0, 3))

    assert receipt == Receipt(2, 1, 0)


def test_too_few_copies_are_told_and_the_next_try_stores_nothing_twice(started: Store) -> None:
    """With wait_replicas the answer may be late; what is stored stays stored once, and the bookmark with it."""
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
            move(started, 0, 3, GOOD, wait_replicas=1)

    assert imports.begin(started, "web", "file") == 3
    assert numbers(started).received == 3
