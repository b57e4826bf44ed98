"""How much memory an id costs in Redis.

Ids are claimed by the service's own accept, and count in no lane, so that nothing but claims is measured.
"""

import hashlib
from pathlib import Path

from split_dest.inbox.store import Store, connect
from tests.chaos.redis_server import RedisServer
from tests.chaos.scenario import Dose, scenario

#: What the endpoints use; a smaller measure uses a part of them, so that as many ids stand in each.
BUCKETS = 2**16
WINDOW_MS = 86_400_000
MOST_BYTES = 20
_STEP = 1000


def claim(store: Store, first: int, count: int, *, buckets: int = BUCKETS, window_ms: int = WINDOW_MS) -> int:
    """Claim this many ids, spread over this many sets; return how many were new."""
    new = 0
    for start in range(first, first + count, _STEP):
        numbers = range(start, min(start + _STEP, first + count))
        args: list[str | int] = [window_ms, 0, "", 0, 0, 1, "", "", "", "", len(numbers)]
        for number in numbers:
            digest = hashlib.blake2b(b"%d" % number, digest_size=16).digest()
            bucket, member = int.from_bytes(digest[8:]) % buckets, int.from_bytes(digest[:8], signed=True)
            args += [member, bucket, ""]
        new += store.run("accept", "web-production", *args)[0]
    return new


def used_bytes(store: Store) -> int:
    """Return all memory that Redis has taken: keys, what it needs to find them, and a little for itself."""
    return int(store.client.info("memory")["used_memory"])


@scenario("5 million ids are claimed, over four quarters of the window", "at most 20 bytes an id in Redis")
def claims(folder: Path, dose: Dose) -> str:
    """All of Redis's memory counts; the short form has fewer sets, with as many ids in each."""
    ids, buckets = dose.of((50_000, BUCKETS // 100), (5_000_000, BUCKETS))
    server = RedisServer(folder, "--appendonly", "no")
    server.start()
    try:
        store = Store(connect(server.url, "", timeout_seconds=60))
        before, share = used_bytes(store), ids // 4
        # The windows differ by a little, so the periods that are now have other numbers: nobody need wait.
        windows = (WINDOW_MS + n * 4000 for n in range(4))
        new = sum(claim(store, n * share, share, buckets=buckets, window_ms=w) for n, w in enumerate(windows))
        each, sets = (used_bytes(store) - before) / new, store.client.dbsize()
    finally:
        server.kill()
    assert new == ids
    assert each <= MOST_BYTES, each
    return f"{new:,} ids in {sets:,} sets: {each:.2f} bytes an id"
