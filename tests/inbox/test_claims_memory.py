"""What a claimed id costs in Redis; the measure at 5 million ids is tests/chaos/claims.py."""

import pytest

from split_dest.inbox import intake
from split_dest.inbox.store import Store
from tests.support.claims import BUCKETS, MOST_BYTES, WINDOW_MS, claim, used_bytes

IDS = 100_000


@pytest.mark.parametrize("measured", [5_000_000, 5_000_000 // 4], ids=["in-one-period", "over-the-window"])
def test_an_id_costs_at_most_twenty_bytes(store: Store, measured: int) -> None:
    """As many ids stand in a set as at 5 million, for fewer sets; keys, tables and expiry times count as well."""
    claim(store, 0, 1)
    store.client.flushdb()
    before = used_bytes(store)

    new = claim(store, 0, IDS, buckets=round(BUCKETS * IDS / measured))

    held = used_bytes(store) - before
    assert new == IDS
    assert 8 < held / IDS <= MOST_BYTES
    assert claim(store, 0, 1000, buckets=round(BUCKETS * IDS / measured)) == 0


def test_the_measure_uses_the_sets_of_the_doors(store: Store) -> None:
    """The measure spreads ids over as many sets as accept does, for as long as a day's window."""
    numbers = {intake._claim(str(n))[1] for n in range(20 * BUCKETS)}
    assert (len(numbers), max(numbers)) == (BUCKETS, BUCKETS - 1)
    assert WINDOW_MS == 24 * 3_600_000
    assert claim(store, 0, 10) == 10
    assert len(store.client.keys("sd:web-production:seen:*:*")) == 10


def test_a_claim_has_the_same_hash_in_every_version() -> None:
    """Claims are kept for a day: another hash, and all that is sent again meanwhile would be delivered twice."""
    assert intake._claim("ajs-next-1700000000000") == (8634217170896146495, 37902)


def test_sets_of_a_full_day_stay_arrays_of_integers(store: Store) -> None:
    """At 1,000 messages a second a set has 330 ids in its quarter of a day, and Redis keeps it as an array."""
    claim(store, 0, 3300, buckets=10)

    (sizes, kinds) = zip(
        *(
            (store.client.scard(key), store.client.object("encoding", key))
            for key in store.client.keys("*:seen:*:*")
        ),
        strict=True,
    )
    assert set(kinds) == {b"intset"}
    assert max(sizes) < 512
