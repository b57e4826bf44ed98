"""What a worker that is killed leaves in Redis is gone after a while, but for what design.md says stays."""

import re
from collections.abc import Callable

from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks

#: The rows of the key table whose keys stay for as long as the deployment.
STAY = re.compile(
    r"sd:web:(\w+:stream|\w+:drain:\d:mapping|counts|dead)|sd:(workers|refused|owners|deployment|settings(:seen)?)"
    r"|.*(queues|queue:\w+|queue:\w+:intermediate|wip:\w+|finished:\w+|failed:\w+|workers|workers:\w+)"
)


def for_ever(service: Service) -> set[str]:
    """Return the keys that never expire."""
    client = service.store.client
    return {key.decode() for key in client.keys("*") if client.ttl(key) == -1}


def test_what_a_killed_worker_leaves_expires(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """Killed in its drain, again and again, and before it took the next job: no job of RQ's stays."""
    service = make_service()
    service.start_web()
    sandbox.faults({"api": "events", "delayMs": 5000})
    for round_number in range(3):
        worker = service.start_workers(1)
        service.post(tracks(5, round_number * 10))
        service.wait_until(lambda: service.lane().in_flight > 0)
        service.kill(worker)
        service.store.client.delete("sd:web:events:drain:0")
        service.post(tracks(1, round_number * 10 + 7))

    left = for_ever(service)

    jobs = [key.decode() for key in service.store.client.keys("*job:*")]
    assert len(jobs) >= 3
    assert max(service.store.client.ttl(job) for job in jobs) <= 86_400
    assert {key for key in left if not STAY.fullmatch(key)} == set()
    sandbox.faults()
    service.start_workers(1)
    service.wait_until(lambda: service.lane().pending == 0, 60)
    assert {key for key in for_ever(service) if not STAY.fullmatch(key)} == set()
