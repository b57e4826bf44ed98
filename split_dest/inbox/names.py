"""What Split says of a destination's or source's names, kept for all workers by the account that was asked.

So other names count as soon as the settings name another workspace or key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from split_dest.inbox import lanes
from split_dest.inbox.store import Store, reported

#: How long names are kept after they were asked for last: those of a former account are of no use.
_KEPT_MS = 30 * 86_400_000


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


def _key(owner: str, account: str) -> str:
    return f"{lanes.prefix(owner)}{account}:names"


def get(store: Store, owner: str, account: str) -> Names | None:
    """Return the names that are kept; None: the account was not asked yet.

    Args:
        store: where they are kept.
        owner: the name of a destination or source.
        account: the digest of the account that is asked.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        text = store.client.get(_key(owner, account))
    return Names(**orjson.loads(text)) if text else None


def put(store: Store, owner: str, account: str, names: Names) -> None:
    """Keep the names until they are put again.

    Raises:
        StoreUnavailable: Redis is away.
    """
    store.run("keep", _key(owner, account), orjson.dumps(names), _KEPT_MS)


def may_ask(store: Store, owner: str, account: str) -> bool:
    """Return False while all workers wait because Split did not answer an earlier question.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        return not store.client.exists(f"{_key(owner, account)}:wait")


def ask_later(store: Store, owner: str, account: str, seconds: float) -> None:
    """Keep all workers from asking for this long.

    Raises:
        StoreUnavailable: Redis is away.
    """
    store.run("keep", f"{_key(owner, account)}:wait", 1, int(seconds * 1000))
