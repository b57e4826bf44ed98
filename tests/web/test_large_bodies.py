"""Bodies far above the default, where no message is recognised again: what is answered is what was stored."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import pytest

from split_dest.inbox.store import Store
from split_dest.web.app import _REDIS_SECONDS
from tests.support.service import Service, tracks

SETTINGS = "intake: {dedupe_hours: 0, max_body_bytes: 200000000, max_message_bytes: 10000000}\n"


@contextmanager
def slowest_microseconds(store: Store) -> Iterator[list[int]]:
    """Yield a list that, once the block has ended, holds how long its slowest command took in Redis."""
    former, slowest = store.client.config_get("slowlog-*"), list[int]()
    store.client.config_set("slowlog-max-len", 10_000)
    store.client.config_set("slowlog-log-slower-than", 0)
    store.client.slowlog_reset()
    yield slowest
    slowest.append(max(entry["duration"] for entry in store.client.slowlog_get(10_000)))
    for name, value in former.items():
        store.client.config_set(name, value)


@pytest.mark.parametrize(("count", "size"), [(10_000, 3_000), (200, 500_000)])
def test_no_step_takes_redis_so_long_that_a_stored_one_is_refused(
    make_service: Callable[..., Service], count: int, size: int
) -> None:
    """A 503 for what is stored would store it again with each retry. Steps are small, however large a body is."""
    service = make_service(SETTINGS)
    service.http.connection_pool_kw["timeout"] = 120
    service.start_web(WEB_CONCURRENCY="1")
    body = orjson.dumps([track | {"properties": {"text": "x" * size}} for track in tracks(count)])

    with slowest_microseconds(service.store) as slowest:
        answer = service.post(body)

    assert (answer.status, answer.json()["accepted"]) == (200, count)
    assert service.lane().received == service.store.client.xlen("sd:web:events:stream") == count
    assert slowest[0] / 1_000_000 < _REDIS_SECONDS / 2
