"""Split's stand-in is stopped for a while, and comes back."""

from collections import Counter
from collections.abc import Callable

import urllib3

from tests.support.sandbox import Sandbox, free_port, running
from tests.support.service import Service, tracks


def test_a_stopped_split_costs_nothing(make_service: Callable[..., Service], sandbox: Sandbox) -> None:
    """Its process ends under load: messages wait while web goes on, and each arrives once when it is back."""
    port = free_port()
    service = make_service()
    service.change(sandbox.url, f"http://127.0.0.1:{port}")
    service.start_web()
    service.start_workers()
    with running(port):
        service.post(tracks(20))
        service.wait_until(lambda: service.lane().delivered == 20)

    assert service.post(tracks(50, 20)).json()["accepted"] == 50
    service.wait_until(lambda: service.lane().resting_reason == "upstream_unreachable")
    with running(port), urllib3.PoolManager(retries=False, timeout=10) as http:
        service.wait_until(lambda: service.lane().delivered == 70, 60)
        came = Counter(event["key"] for event in Sandbox(f"http://127.0.0.1:{port}", http).received("events"))

    assert came == Counter(f"u-{n}" for n in range(20, 70))
