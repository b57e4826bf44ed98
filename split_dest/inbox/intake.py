"""Accept: the messages of one request are stored, or nobody is told that they are."""

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from split_dest.errors import BookmarkMoved, StoreUnavailable
from split_dest.inbox import lanes
from split_dest.inbox.imports import Bookmark
from split_dest.inbox.store import Store, reported
from split_dest.mapping.acceptance import Item

#: Ids of a period stand in so many sets: at 1,000 messages a second about 330 a set in six hours, which Redis
#: keeps as an array of integers (set-max-intset-entries is 512).
_BUCKETS = 2**16
_WAIT_MS = 500
_LOOK_SECONDS = 1.0
#: Redis does nothing else while a script runs: so many items take it about 20 ms.
_STEP = 1000
#: More dead letters than Redis could hold.
ANY_NUMBER = 2**53
_NO_BOOKMARK = Bookmark("", 0, 0)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the messages of one request."""

    accepted: int
    duplicates: int
    set_aside: int


def accept(
    store: Store,
    destination: str,
    items: Sequence[Item],
    *,
    dedupe_hours: float,
    wait_replicas: int = 0,
    bookmark: Bookmark | None = None,
    most_dead: int = ANY_NUMBER,
) -> Receipt:
    """Stores the items, each with its claim in one atomic step, and gives the receipt.

    Args:
        store: where to.
        destination: the name of the destination or source whose items they are.
        items: at any number; an id that was stored within the window counts as a duplicate.
        dedupe_hours: the window; 0: every item is new.
        wait_replicas: how many replicas must have the items before the receipt is given.
        bookmark: moved in the same atomic step as the items, which are one step then, at any number; the same call
            once more stores nothing and gives the same receipt.
        most_dead: while the destination has so many dead letters, what would become another is only counted, as
            filtered: ``dead_letters_full``.

    Raises:
        BookmarkMoved: the bookmark stands elsewhere than the caller thinks; nothing was stored.
        StoreUnavailable: nothing may be said to the sender but to try again; what was stored of it counts as a
            duplicate then, if its id is the same.
    """
    window_ms = int(dedupe_hours * 3_600_000)
    begin = (lanes.prefix(destination), window_ms, most_dead, *(bookmark or _NO_BOOKMARK).arguments)
    step = len(items) or 1 if bookmark else _STEP
    receipts = [
        _accept(store, begin, items[start : start + step], wait_replicas) for start in range(0, len(items), step)
    ]
    return Receipt(*(sum(numbers) for numbers in zip((0, 0, 0), *receipts, strict=True)))


def _accept(store: Store, begin: Sequence[str | int], items: Sequence[Item], wait_replicas: int) -> Sequence[int]:
    args: list[str | bytes | int] = [*begin]
    for item in items:
        args += (",".join(item.lanes), *_claim(item.message_id), item.reason, item.detail, item.text)
    receipt: Sequence[int] = (
        store.run("accept", *args) if not wait_replicas else _copied(store, args, wait_replicas)
    )
    if not receipt:
        raise BookmarkMoved
    return receipt


def _copied(store: Store, args: Sequence[str | bytes | int], wait_replicas: int) -> Sequence[int]:
    with reported(), store.client.pipeline(transaction=False) as pipeline:
        store.run("accept", *args, pipeline=pipeline)
        # WAIT speaks of the writes of its own connection, hence the pipeline.
        pipeline.execute_command("WAIT", wait_replicas, _WAIT_MS)
        receipt, replicas = pipeline.execute()
    if replicas < wait_replicas:
        raise StoreUnavailable(f"Redis: {replicas} of {wait_replicas} replicas have the messages")
    copied: Sequence[int] = receipt
    return copied


def _claim(message_id: str) -> tuple[int, int]:
    digest = hashlib.blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    bucket = int.from_bytes(digest[8:]) % _BUCKETS
    return bucket, int.from_bytes(digest[:8], signed=True)


class HighWater:
    """The mark of Redis's ``maxmemory`` above which only delivery may go on; looked at once a second."""

    def __init__(self, store: Store, full_at_percent: int) -> None:
        self._store = store
        self._full_at_percent = full_at_percent
        self._is_full = False
        self._looked = -math.inf

    def check(self) -> None:
        """Makes sure that Redis is below the mark.

        Raises:
            StoreUnavailable: it is above (``store_full``), or Redis is away.
        """
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._is_full = self._look()
            self._looked = time.monotonic()
        if self._is_full:
            raise StoreUnavailable(f"Redis: over {self._full_at_percent} % of maxmemory", "store_full")

    def _look(self) -> bool:
        with reported():
            memory = self._store.client.info("memory")
        limit = memory["maxmemory"]
        return bool(limit) and memory["used_memory"] * 100 >= limit * self._full_at_percent


def check_writable(store: Store) -> None:
    """Writes to Redis and forgets it.

    Raises:
        StoreUnavailable: Redis is away, or takes no writes.
    """
    with reported():
        store.client.set("sd:probe", 1, px=1000)
