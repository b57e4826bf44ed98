"""Every destination and source that had messages, so that those which the settings name no more are seen."""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

import redis

from split_dest.inbox import dead_letters, lanes
from split_dest.inbox.store import Store, reported, stored_number

#: What the keys of an owner look like below its name; not all that begins with the name is its own.
_KEYS = ("*:stream", "*:rest", "*:drain:*", "dead", "counts", "imports", "seen:*", "*:names", "*:names:wait")
_PAGE = 1000
#: The lanes of each owner that the settings name.
Listed = Mapping[str, Collection[str]]


class Left(NamedTuple):
    """What nobody delivers of an owner: how many messages wait, how many dead letters are kept.

    With ``is_moved`` the settings name it, but as a source instead of a destination, or the other way round; then
    only the lanes count that it has no more.
    """

    pending: int
    dead: int
    is_moved: bool = False


def register(store: Store, owner: str) -> None:
    """Write down that an owner has messages, once in a process.

    Raises:
        StoreUnavailable: Redis is away.
    """
    if owner not in store.registered:
        with reported():
            store.client.hset(store.key("owners"), owner, 1)
        store.registered.add(owner)


def unlisted(store: Store, listed: Listed) -> dict[str, Left]:
    """Return what is left in lanes that the settings do not list, by owner; those of whom nothing is are left out.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        names = sorted(name.decode(errors="replace") for name in store.client.hgetall(store.key("owners")))
    found = zip(names, left(store, names, listed), strict=True)
    return {name: each for name, each in found if each.pending or each.dead}


def left(store: Store, names: Sequence[str], listed: Listed = MappingProxyType({})) -> list[Left]:
    """Return what is left of each owner in the lanes that are not listed.

    Raises:
        StoreUnavailable: Redis is away.
    """
    others = [(name, lane) for name in names for lane in lanes.SLOTS if lane not in listed.get(name, ())]
    with reported(), store.client.pipeline(transaction=False) as pipeline:
        for owner, lane in others:
            pipeline.xlen(store.key(owner, lane, "stream"))
            pipeline.hget(store.key(owner, "counts"), f"{lane}:dead")
        answers = pipeline.execute()
    pending, dead = Counter[str](), Counter[str]()
    for (owner, _), waiting, letters in zip(others, answers[::2], answers[1::2], strict=True):
        pending[owner] += waiting
        dead[owner] += stored_number(letters)
    return [Left(pending[name], dead[name], name in listed) for name in names]


def forget(store: Store, owner: str, listed: Collection[str] = ()) -> int:
    """Delete what is left of an owner, and return how many keys that were; needs the right to list keys.

    Of one with *listed* lanes only the other lanes go, and what was in them counts as filtered.

    Raises:
        StoreUnavailable: Redis is away; the next call goes on.
    """
    if listed:
        return sum(_forget_lane(store, owner, lane) for lane in lanes.SLOTS if lane not in listed)
    deleted = 0
    with reported():
        keys = _keys(store, owner, _KEYS)
        while page := list(islice(keys, _PAGE)):
            deleted += store.client.unlink(*page)
        store.client.hdel(store.key("owners"), owner)
    return deleted


def _forget_lane(store: Store, owner: str, lane: str) -> int:
    deque(dead_letters.drop(store, dead_letters.browse(store, owner, lane=lane)), 0)
    stream = store.key(owner, lane, "stream")

    def unlink(moment: redis.client.Pipeline) -> None:
        waiting = moment.xlen(stream)
        moment.multi()
        moment.hincrby(store.key(owner, "counts"), f"{lane}:filtered:dropped", waiting)
        moment.unlink(*keys)

    with reported():
        keys = list(_keys(store, owner, [f"{lane}:*"]))
        if keys:
            store.client.transaction(unlink, stream)
    return len(keys)


def _keys(store: Store, owner: str, patterns: Sequence[str]) -> Iterator[bytes]:
    beginning = store.key(owner, "")
    for key in store.client.scan_iter(f"{beginning}*", count=_PAGE):
        name = key.decode("utf-8", "replace")
        rest = name.removeprefix(beginning)
        # In what was typed, a star or a bracket would stand for other owners.
        if name.startswith(beginning) and any(fnmatchcase(rest, pattern) for pattern in patterns):
            yield key
