"""Ids claimed by the service's own accept, and what Redis holds of them; they count in no lane."""

import hashlib

from split_dest.inbox.store import Store

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
        args: list[str | int] = [window_ms, 0, "", 0, 0, 1, "", "", "", "", "", len(numbers)]
        for number in numbers:
            digest = hashlib.blake2b(b"%d" % number, digest_size=16).digest()
            bucket, member = int.from_bytes(digest[8:]) % buckets, int.from_bytes(digest[:8], signed=True)
            args += [member, bucket, ""]
        new += store.run("accept", "web-production", *args)[0]
    return new


def used_bytes(store: Store) -> int:
    """Return all memory that Redis has taken: keys, what it needs to find them, and a little for itself."""
    return int(store.client.info("memory")["used_memory"])
