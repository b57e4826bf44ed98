"""Whether a Redis keeps what it is given."""

from collections.abc import Iterator

from split_dest.inbox.store import Store, reported

#: The stream commands used here, and BLMOVE for RQ, came with it.
LEAST_VERSION = (6, 2)


def findings(store: Store) -> Iterator[tuple[bool, str]]:
    """Yield what must hold, and whether it does.

    Raises:
        StoreUnavailable: Redis is away.

    Source:
        Redis's documentation: key eviction; persistence.
    """
    with reported():
        info = store.client.info()
    version = str(info["redis_version"])
    yield tuple(map(int, version.split(".")[:2])) >= LEAST_VERSION, f"Redis version {version} (6.2 or newer)"
    policy = info["maxmemory_policy"]
    yield (
        policy == "noeviction",
        f"Redis maxmemory-policy {policy} (noeviction, else messages vanish when it is full)",
    )
    append_only = "yes" if info["aof_enabled"] else "no"
    yield append_only == "yes", f"Redis appendonly {append_only} (yes, or a crash loses what was acknowledged)"
