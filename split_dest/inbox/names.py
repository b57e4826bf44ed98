"""The ids that Split gave to names of a destination's traffic types and environments, kept for all workers."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from split_dest.inbox import lanes
from split_dest.inbox.store import Store, reported


@dataclass(frozen=True, slots=True)
class Names:
    """Lower-cased traffic type name -> id, environment name -> id, and when they were asked for, in ms."""

    traffic_types: Mapping[str, str]
    environments: Mapping[str, str]
    asked_ms: int


def get(store: Store, destination: str) -> Names | None:
    """Gives what is kept; None: nothing yet.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        kept = store.client.get(f"{lanes.prefix(destination)}names")
    return Names(**orjson.loads(kept)) if kept else None


def may_ask(store: Store, destination: str) -> bool:
    """True unless Split lately did not tell.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        return not store.client.exists(f"{lanes.prefix(destination)}names:wait")


def ask_later(store: Store, destination: str, seconds: float) -> None:
    """Keeps all workers from asking for so long.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.set(f"{lanes.prefix(destination)}names:wait", 1, px=int(seconds * 1000))


def put(store: Store, destination: str, names: Names) -> None:
    """Keeps the names until they are put anew.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.set(f"{lanes.prefix(destination)}names", orjson.dumps(names))
