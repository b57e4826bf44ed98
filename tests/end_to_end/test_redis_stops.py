"""Redis is killed under a working service, and started again on the same directory."""

import subprocess
from pathlib import Path

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


def test_a_killed_redis_loses_nothing_and_all_goes_on_by_itself(tmp_path: Path, sandbox: Sandbox) -> None:
    """A kill -9 of Redis while batches are under way: what was acknowledged arrives within half a minute."""
    folder = tmp_path / "own"
    server = start_redis(folder)
    settings = SETTINGS.format(redis=f"unix://{folder}/redis.sock", sandbox=sandbox.url)
    service = Service(tmp_path, Store(connect("embedded", str(folder))), settings)
    try:
        service.change("delivery: {", "delivery: {batch_max_events: 50, ")
        sandbox.faults({"api": "events", "delayMs": 200})
        service.start_web()
        service.start_workers()
        assert service.post(tracks(1000)).json()["accepted"] == 1000
        service.wait_until(lambda: service.lane().delivered >= 100)

        server.kill()
        server.wait(10)
        server = start_redis(folder)
        held = service.lane().delivered
        service.wait_until(lambda: service.lane().delivered > held, 30)
        sandbox.faults()
        service.wait_until(lambda: service.lane().pending == 0, 60)

        assert {event["key"] for event in sandbox.received("events")} == {f"u-{n}" for n in range(1000)}
        assert service.lane().delivered == 1000
    finally:
        service.stop()
        server.kill()
        server.wait(10)
