"""Accept: the messages of one request are stored, or nobody is told that they are."""

import hashlib
import math
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from split_dest.errors import BookmarkMoved, StoreUnavailable
from split_dest.inbox import lanes, owners
from split_dest.inbox.imports import Bookmark
from split_dest.inbox.store import Store, reported
from split_dest.mapping.acceptance import Item

#: Of a claim's hash 64 bits are a member of a set, and 16 say of which: at 1,000 messages a second a set gets
#: about 330 in six hours, which Redis keeps as an array of integers (set-max-intset-entries is 512).
_CLAIM = struct.Struct(">q6xH")
_LOOK_SECONDS = 1.0
#: Redis does nothing else while a script runs: this many items take it about 20 ms, the bytes a few more.
STEP_ITEMS = 1000
STEP_BYTES = 1_000_000
#: More dead letters than Redis could hold.
ANY_NUMBER = 2**53
_NO_BOOKMARK = Bookmark("", 0, 0)
_SHARED = attrgetter("lanes", "reason", "detail", "endpoint")
_SLOTS = " ".join(f"{lane} {slots}" for lane, slots in lanes.SLOTS.items())


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the messages of one request, and which lanes want to be woken for them."""

    accepted: int
    duplicates: int
    set_aside: int
    asleep: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class AcceptOptions:
    """What holds for all messages of a step.

    ``destination`` is the name of the destination or source, ``dedupe_hours`` how long a claim lasts (0: every
    item is new), ``wait_replicas`` how many replicas must have the items before a receipt is given. While the
    destination has ``max_dead`` dead letters, what would become another claims nothing and is only counted, as
    filtered: ``dead_letters_full``.
    """

    destination: str
    dedupe_hours: float
    wait_replicas: int = 0
    max_dead: int = ANY_NUMBER


class _Step(NamedTuple):
    """What ``accept.lua`` tells: how many became what, what each did as a letter, and lanes between commas."""

    accepted: int
    duplicates: int
    set_aside: int
    outcomes: bytes
    asleep: bytes

    @property
    def lanes_asleep(self) -> list[str]:
        return [lane for lane in self.asleep.decode().split(",") if lane]


def accept(store: Store, items: Sequence[Item], options: AcceptOptions) -> Receipt:
    """Store the items, at any number, each with its claim in one atomic step, and return the receipt.

    Raises:
        StoreUnavailable: the sender may only be told to try again; what was stored of it counts as a duplicate
            then.
    """
    return accept_together(store, [items], options)[0]


def accept_together(store: Store, requests: Sequence[Sequence[Item]], options: AcceptOptions) -> list[Receipt]:
    """Store the items of several requests as ``accept`` does, and return a receipt for each request.

    The first one names the lanes to wake for all of them.
    """
    items = (item for request in requests for item in request)
    steps = [_accept(store, step, options, _NO_BOOKMARK) for step in _steps(items)]
    outcomes, at, receipts = b"".join(step.outcomes for step in steps), 0, []
    asleep = frozenset(lane for step in steps for lane in step.lanes_asleep)
    for request in requests:
        mine = outcomes[at : at + len(request)]
        at += len(request)
        receipts.append(Receipt(mine.count(b"a"), mine.count(b"d"), mine.count(b"s"), asleep))
        asleep = frozenset()
    return receipts


def _steps(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut the items into steps that keep Redis busy for a short time; an item over a step's bytes goes alone."""
    step: list[Item] = []
    size = 0
    for item in items:
        if step and (len(step) == STEP_ITEMS or size + len(item.text) > STEP_BYTES):
            yield step
            step, size = [], 0
        step.append(item)
        size += len(item.text)
    if step:
        yield step


def accept_marked(store: Store, items: Sequence[Item], options: AcceptOptions, bookmark: Bookmark) -> Receipt:
    """Store the items and move a bookmark in one atomic step, and return the receipt.

    The same call once more stores nothing and returns the same numbers.

    Raises:
        BookmarkMoved: the bookmark stands elsewhere than the caller thinks; nothing was stored.
        StoreUnavailable: it is not known whether anything was stored.
    """
    step = _accept(store, items, options, bookmark)
    return Receipt(step.accepted, step.duplicates, step.set_aside, frozenset(step.lanes_asleep))


def _accept(store: Store, items: Sequence[Item], options: AcceptOptions, bookmark: Bookmark) -> _Step:
    window_ms = int(options.dedupe_hours * 3_600_000)
    args: list[str | bytes | int] = [window_ms, options.max_dead]
    args += (*bookmark.arguments, lanes.PER_SLOT, _SLOTS)
    args += _described(items)
    owners.register(store, options.destination)
    reply = store.run_copied("accept", options.destination, *args, wait_replicas=options.wait_replicas)
    if not reply:
        raise BookmarkMoved
    return _Step(*reply)


def _described(items: Sequence[Item]) -> list[str | bytes | int]:
    """Return what ``accept.lua`` reads of items: once what neighbours share, and each one's claim and text."""
    arguments: list[str | bytes | int] = []
    for (names, *shared), alike in groupby(items, _SHARED):
        together = list(alike)
        arguments += (",".join(names), *shared, len(together))
        for item in together:
            arguments += (*_claim(item.claim), item.text)
    return arguments


def _claim(claim: str) -> tuple[int, int]:
    """Return the member that stands for a claim, and the number of its set."""
    digest = hashlib.blake2b(claim.encode(), digest_size=_CLAIM.size).digest()
    return _CLAIM.unpack(digest)


class HighWater:
    """The mark of Redis's ``maxmemory`` above which only delivery may go on; looked at once a second.

    Only the caller that looks waits for a silent Redis.
    """

    def __init__(self, store: Store, full_at_percent: int) -> None:
        self._store = store
        self._full_at_percent = full_at_percent
        self._trouble: tuple[str, str] | None = None
        self._looked = -math.inf

    def check(self) -> None:
        """Make sure that Redis is below the mark.

        Raises:
            StoreUnavailable: it is above (``store_full``), or Redis is away.
        """
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            self._trouble = self._look()
        if self._trouble is not None:
            raise StoreUnavailable(*self._trouble)

    def _look(self) -> tuple[str, str] | None:
        """Return what is the matter, and its reason code."""
        try:
            with reported():
                memory = self._store.client.info("memory")
        except StoreUnavailable as error:
            return error.detail, error.code
        limit = memory["maxmemory"]
        if not limit or memory["used_memory"] * 100 < limit * self._full_at_percent:
            return None
        return f"Redis: over {self._full_at_percent} % of maxmemory", "store_full"


def check_writable(store: Store) -> None:
    """Write a key to Redis that expires at once.

    Raises:
        StoreUnavailable: Redis is away, or takes no writes.
    """
    with reported():
        store.client.set(store.key("probe"), 1, px=1000)
