"""How much memory an id costs in Redis.

Ids are claimed by the service's own accept, and count in no lane, so that nothing but claims is measured.
"""

from pathlib import Path

from split_dest.inbox.store import Store, connect
from tests.chaos.scenario import Dose, scenario
from tests.support.claims import BUCKETS, MOST_BYTES, WINDOW_MS, claim, used_bytes
from tests.support.redis_server import RedisServer


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
