"""What Split says of a destination's or source's names, kept for all workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from split_dest.inbox import lanes
from split_dest.inbox.store import Store, reported


@dataclass(frozen=True, slots=True)
class Names:
    """When Split was asked, in ms, and what it said.

    ``traffic_types`` leads from a traffic type's lower-cased name to its id and ``environments`` from an
    environment's name to its id, for a destination.

    For a source ``flags`` leads from a flag's name to the lower-cased name of its traffic type. ``absent`` are
    flags that came and that Split did not have when it was asked. ``offset`` is where an unfinished listing goes
    on.
    """

    asked_ms: int
    traffic_types: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    absent: Sequence[str] = field(default_factory=list)
    offset: int = 0


def get(store: Store, owner: str) -> Names | None:
    """Return what is kept; None: nothing yet.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        kept = store.client.get(f"{lanes.prefix(owner)}names")
    return Names(**orjson.loads(kept)) if kept else None


def may_ask(store: Store, owner: str) -> bool:
    """True unless Split lately did not tell.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        return not store.client.exists(f"{lanes.prefix(owner)}names:wait")


def ask_later(store: Store, owner: str, seconds: float) -> None:
    """Keep all workers from asking for so long.

    Raises:
        StoreUnavailable: Redis is away.
    """
    store.run("keep", f"{lanes.prefix(owner)}names:wait", 1, int(seconds * 1000))


def put(store: Store, owner: str, names: Names) -> None:
    """Keep the names until they are put anew.

    Raises:
        StoreUnavailable: Redis is away.
    """
    store.run("keep", f"{lanes.prefix(owner)}names", orjson.dumps(names), 0)
