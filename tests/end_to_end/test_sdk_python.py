"""Segment's Python SDK, unmodified, pointed at the service."""

import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from segment.analytics import Client

from split_dest.web.answers import RETRY_AFTER_SECONDS
from tests.support import sdks
from tests.support.sandbox import Sandbox
from tests.support.service import Service

AT = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_each_call_of_the_python_sdk_becomes_what_it_should(
    endpoint: Service, sandbox: Sandbox, gzip: bool
) -> None:
    """The six calls, compressed or not: three events, two identities, and an alias that is counted."""
    client = Client(sdks.WRITE_KEY, host=endpoint.url, gzip=gzip)
    client.identify("u-1", {"plan": "gold"})
    client.track("u-1", "Order Completed", {"revenue": 39.95}, timestamp=AT)
    client.page("u-1", name="Pricing", properties={"path": "/pricing"})
    client.screen("u-1", name="Settings")
    client.group("u-1", "acme", {"industry": "Tea"})
    client.alias("a-1", "u-1")
    client.flush()
    client.shutdown()

    sdks.six_calls_arrived(endpoint, sandbox, AT)


def test_the_python_sdk_tries_again_while_redis_is_silent(endpoint: Service, sandbox: Sandbox) -> None:
    """The endpoint answers 503 for a while: the client waits as it was told, and each event comes once."""
    client = Client(sdks.WRITE_KEY, host=endpoint.url, upload_size=10)
    endpoint.store.client.execute_command("CLIENT PAUSE", 2500, "ALL")
    started = time.monotonic()

    for n in range(30):
        client.track(f"u-{n}", "Tried")
    client.flush()
    client.shutdown()

    assert time.monotonic() - started > RETRY_AFTER_SECONDS
    assert "store_unavailable" in endpoint.log("web")
    endpoint.wait_until(lambda: endpoint.lane().delivered == 30)
    assert Counter(event["key"] for event in sandbox.received("events")) == Counter(f"u-{n}" for n in range(30))


def test_the_python_sdk_is_told_that_its_key_is_unknown(endpoint: Service, sandbox: Sandbox) -> None:
    """A wrong write key is an error at once, with words that say so, and nothing is stored."""
    errors: list[str] = []
    client = Client("wk-wrong", host=endpoint.url, on_error=lambda error, _: errors.append(str(error)))

    client.track("u-1", "Tried")
    client.flush()
    client.shutdown()

    assert len(errors) == 1
    assert "unknown_source" in errors[0]
    assert endpoint.lane().received == 0


def test_the_readme_tells_the_truth_about_the_python_sdk(endpoint: Service, sandbox: Sandbox) -> None:
    """Its example, with the service's address and key, delivers an event."""
    code = sdks.example("segment.analytics", endpoint.url)

    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)

    sdks.the_example_arrived(endpoint, sandbox)
