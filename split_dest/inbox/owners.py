"""Every destination and source that had messages, so that those which the settings name no more are seen."""

from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import NamedTuple

from split_dest.inbox import lanes
from split_dest.inbox.store import Store, reported

#: What the keys of an owner look like below its name; not all that begins with the name is its own.
_KEYS = ("*:stream", "*:rest", "*:drain:*", "dead", "counts", "imports", "seen:*", "*:names", "*:names:wait")
_PAGE = 1000


class Left(NamedTuple):
    """What is left of an owner: how many messages wait, how many dead letters are kept."""

    pending: int
    dead: int


def register(store: Store, owner: str) -> None:
    """Write down that an owner has messages, once in a process.

    Raises:
        StoreUnavailable: Redis is away.
    """
    if owner not in store.registered:
        with reported():
            store.client.hset(store.key("owners"), owner, 1)
        store.registered.add(owner)


def unlisted(store: Store, listed: Collection[str]) -> dict[str, Left]:
    """Return what is left of owners that the settings do not list, by name; those of whom nothing is are left out.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        names = {name.decode() for name in store.client.hgetall(store.key("owners"))}
    others = sorted(names - set(listed))
    return {name: each for name, each in zip(others, left(store, others), strict=True) if any(each)}


def left(store: Store, names: Sequence[str]) -> list[Left]:
    """Return what is left of each owner.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported(), store.client.pipeline(transaction=False) as pipeline:
        for owner in names:
            for lane in lanes.SLOTS:
                pipeline.xlen(store.key(owner, lane, "stream"))
            pipeline.xlen(store.key(owner, "dead"))
        lengths = pipeline.execute()
    size = len(lanes.SLOTS) + 1
    return [Left(sum(each[:-1]), each[-1]) for each in (lengths[n * size :][:size] for n in range(len(names)))]


def forget(store: Store, owner: str) -> int:
    """Delete all keys of an owner, and return how many they were; needs the right to list keys.

    Raises:
        StoreUnavailable: Redis is away; the next call goes on.
    """
    deleted = 0
    with reported():
        keys = _keys(store, owner)
        while page := list(islice(keys, _PAGE)):
            deleted += store.client.unlink(*page)
        store.client.hdel(store.key("owners"), owner)
    return deleted


def _keys(store: Store, owner: str) -> Iterator[bytes]:
    beginning = store.key(owner, "")
    for key in store.client.scan_iter(f"{beginning}*", count=_PAGE):
        name = key.decode("utf-8", "replace")
        rest = name.removeprefix(beginning)
        # In what was typed, a star or a bracket would stand for other owners.
        if name.startswith(beginning) and any(fnmatchcase(rest, pattern) for pattern in _KEYS):
            yield key
