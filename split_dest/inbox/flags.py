"""The traffic types of a source's flags as Split told them, kept for all workers."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from split_dest.inbox import lanes
from split_dest.inbox.store import Store, reported


@dataclass(frozen=True, slots=True)
class Flags:
    """Flag -> lower-cased name of its traffic type, and when that was asked for, in ms."""

    traffic_types: Mapping[str, str]
    asked_ms: int


def get(store: Store, source: str) -> Flags | None:
    """Gives what is kept; None: nothing yet.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        kept = store.client.get(f"{lanes.prefix(source)}flags")
    return Flags(**orjson.loads(kept)) if kept else None


def put(store: Store, source: str, flags: Flags) -> None:
    """Keeps the flags until they are put anew.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.set(f"{lanes.prefix(source)}flags", orjson.dumps(flags))
