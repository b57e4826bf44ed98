"""How much memory an id costs in Redis: ``python -m tests.chaos.measure_dedupe --ids 5000000 --periods 4``.

Ids are claimed by the service's own accept, and count in no lane, so that nothing but claims is measured.
"""

import hashlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
import redis

from split_dest import embedded_redis
from split_dest.inbox.store import Store, connect

#: What the doors use; a smaller measure uses a part of them, so that as many ids stand in each.
BUCKETS = 2**16
WINDOW_MS = 86_400_000
_STEP = 1000


def claim(store: Store, first: int, count: int, *, buckets: int = BUCKETS, window_ms: int = WINDOW_MS) -> int:
    """Claims so many ids, spread over so many sets; gives how many were new."""
    new = 0
    for start in range(first, first + count, _STEP):
        args: list[str | int] = ["sd:web-production:", window_ms, "", 0, 0]
        for number in range(start, min(start + _STEP, first + count)):
            digest = hashlib.blake2b(b"%d" % number, digest_size=16).digest()
            bucket, member = int.from_bytes(digest[8:]) % buckets, int.from_bytes(digest[:8], signed=True)
            args += ["", bucket, member, "", "", ""]
        new += store.run("accept", *args)[0]
    return new


def used_bytes(store: Store) -> int:
    """Gives all memory that Redis has taken: keys, what it needs to find them, and a little for itself."""
    return int(store.client.info("memory")["used_memory"])


@contextmanager
def _started() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        command = [*embedded_redis.command(folder), "--appendonly", "no"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            client = connect("embedded", folder, timeout_seconds=60)
            try:
                yield Store(_ready(client))
            finally:
                server.terminate()


def _ready(client: redis.Redis) -> redis.Redis:
    for _ in range(500):
        try:
            client.ping()
        except redis.RedisError:
            time.sleep(0.02)
        else:
            return client
    raise click.ClickException("Redis does not answer")


@click.command()
@click.option("--ids", default=5_000_000, show_default=True, help="How many.")
@click.option("--periods", default=4, show_default=True, help="Over how many quarters of the window; at most 4.")
@click.option("--buckets", default=BUCKETS, show_default=True, help="Fewer, for as many ids a set with fewer ids.")
def main(ids: int, periods: int, buckets: int) -> None:
    """Measures a Redis of its own."""
    with _started() as store:
        before, share = used_bytes(store), ids // periods
        # The windows differ by a little, so the periods that are now have other numbers: nobody need wait.
        windows = (WINDOW_MS + n * 4000 for n in range(periods))
        new = sum(claim(store, n * share, share, buckets=buckets, window_ms=w) for n, w in enumerate(windows))
        held = used_bytes(store) - before
        sets, version = store.client.dbsize(), store.client.info("server")["redis_version"]
    found = f"{new:,} ids in {sets:,} sets, {new / sets:.0f} a set: {held / new:.2f} bytes an id"
    click.echo(f"Redis {version}: {found}")


if __name__ == "__main__":
    main()
