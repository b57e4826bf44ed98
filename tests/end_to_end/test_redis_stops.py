"""Redis is killed under a working service, and started again on the same directory."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from split_dest import embedded_redis
from split_dest.inbox.store import Store, connect
from tests.conftest import wait_for_redis
from tests.support.sandbox import Sandbox
from tests.support.service import SETTINGS, Service, tracks


def start_redis(folder: Path) -> subprocess.Popen[bytes]:
    """Starts a Redis on the directory and waits for it."""
    server = subprocess.Popen(embedded_redis.command(str(folder)))
    wait_for_redis(connect("embedded", str(folder)))
    return server


@pytest.fixture
def own(tmp_path: Path, sandbox: Sandbox) -> Iterator[Service]:
    """The service at work on a Redis of its own, whose calls to Split take a while."""
    folder = tmp_path / "own"
    servers = [start_redis(folder)]
    settings = SETTINGS.format(redis=f"unix://{folder}/redis.sock", sandbox=sandbox.url)
    service = Service(tmp_path, Store(connect("embedded", str(folder))), settings)
    service.change("delivery: {", "delivery: {batch_max_events: 50, ")
    sandbox.faults({"api": "events", "delayMs": 200})
    service.start_web()
    service.start_workers()
    service.restart_redis = lambda: restart(servers, folder)
    yield service
    service.stop()
    servers[-1].kill()
    servers[-1].wait(10)


def restart(servers: list[subprocess.Popen[bytes]], folder: Path) -> None:
    """Kills the last server and starts another on its directory."""
    servers[-1].kill()
    servers[-1].wait(10)
    servers.append(start_redis(folder))


def test_a_killed_redis_loses_nothing_and_all_goes_on_by_itself(own: Service, sandbox: Sandbox) -> None:
    """A kill -9 of Redis while batches are under way: what was acknowledged arrives within half a minute."""
    assert own.post(tracks(1000)).json()["accepted"] == 1000
    own.wait_until(lambda: own.lane().delivered >= 100)

    own.restart_redis()
    held = own.lane().delivered
    own.wait_until(lambda: own.lane().delivered > held, 30)
    sandbox.faults()
    own.wait_until(lambda: own.lane().pending == 0, 60)

    assert {event["key"] for event in sandbox.received("events")} == {f"u-{n}" for n in range(1000)}
    assert own.lane().delivered == 1000
