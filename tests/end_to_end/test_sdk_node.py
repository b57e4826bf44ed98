"""Segment's Node SDK, unmodified, pointed at the service."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.support import proxy, sdks
from tests.support.sandbox import Sandbox, free_port
from tests.support.service import Service

pytestmark = sdks.needs_node

CALLS = 40


def each_came_once(service: Service, sandbox: Sandbox) -> None:
    """Wait for the events of all calls."""
    service.wait_until(lambda: service.lane().delivered == CALLS)
    assert Counter(event["key"] for event in sandbox.received("events")) == Counter(f"u-{n}" for n in range(CALLS))


def many_calls(host: str) -> subprocess.Popen[str]:
    """Start a program that makes the calls and prints each request."""
    return sdks.node("many_calls.mjs", host, sdks.WRITE_KEY, str(CALLS))


def test_each_call_of_the_node_sdk_becomes_what_it_shall(endpoint: Service, sandbox: Sandbox) -> None:
    """The six calls in one batch: three events, two identities, and an alias that is counted."""
    at = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)

    with sdks.node("six_calls.mjs", endpoint.url, sdks.WRITE_KEY, at.isoformat()) as client:
        assert client.stdout.read() == ""

    assert client.returncode == 0
    sdks.six_calls_arrived(endpoint, sandbox, at)


def test_the_node_sdk_sends_in_batches(endpoint: Service, sandbox: Sandbox) -> None:
    """Forty calls are three requests, each answered as a success, and forty events."""
    with many_calls(endpoint.url) as client:
        requests = [json.loads(line) for line in client.stdout]

    assert requests == [{"size": size, "retry": 0} for size in (15, 15, 10)]
    each_came_once(endpoint, sandbox)


@pytest.mark.parametrize("trouble", ["limited", "dropped", "lost"])
def test_the_node_sdk_tries_again_after_trouble(endpoint: Service, sandbox: Sandbox, trouble: str) -> None:
    """A post that met 429, had no answer, or whose answer was lost comes again, and each event once."""
    with proxy.running(endpoint.url, trouble) as between, many_calls(f"http://{between.host}") as client:
        requests = [json.loads(line) for line in client.stdout]

    assert len(requests) > 3
    assert max(request["retry"] for request in requests) >= 1
    each_came_once(endpoint, sandbox)


def test_the_node_sdk_tries_again_until_the_service_is_there(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """Connections are refused until the service has started; then each event comes once."""
    service, port = make_service(sdks.SETTINGS), free_port()
    with many_calls(f"http://127.0.0.1:{port}") as client:
        while not json.loads(client.stdout.readline())["retry"]:
            pass
        service.start_web(port)
        client.stdout.read()

    service.start_workers()
    each_came_once(service, sandbox)


def test_the_readme_tells_the_truth_about_the_node_sdk(endpoint: Service, sandbox: Sandbox) -> None:
    """Its example, with the service's address and key, delivers an event."""
    with sdks.node("--input-type=module", "-e", sdks.example("@segment/analytics-node", endpoint.url)) as client:
        assert client.stdout.read() == ""

    sdks.the_example_arrived(endpoint, sandbox)
