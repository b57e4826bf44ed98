"""Workers are killed in the middle of batches; nothing is lost, and little is doubled."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks, worker_pids

MESSAGES = 5000
KILLS = 20
BATCH = 100


def wait_for_a_call(service: Service, sandbox: Sandbox) -> None:
    """Waits until a batch is on its way to Split."""
    before = sum(sandbox.counts()["calls"].get("events", {}).values())
    service.wait_until(lambda: sum(sandbox.counts()["calls"].get("events", {}).values()) > before, 60)
    service.wait_until(lambda: service.lane().in_flight > 0, 60)


def killed(service: Service, worker: subprocess.Popen[bytes], *, whole: bool) -> subprocess.Popen[bytes]:
    """Kills a worker process, or with *whole* its supervisor as well; gives the supervisor that goes on."""
    if whole:
        service.kill(worker)
        return service.start_workers(1)
    (pid,) = worker_pids(worker.pid)
    os.kill(pid, signal.SIGKILL)
    return worker


@pytest.mark.timeout(900)
def test_twenty_kills_lose_nothing_and_double_at_most_a_batch_each(
    make_service: Callable[..., Service], sandbox: Sandbox
) -> None:
    """Kill -9 hits a worker, or all of them at once, while a call is under way, twenty times."""
    service = make_service()
    service.file.write_text(
        service.file.read_text().replace("delivery: {", f"delivery: {{batch_max_events: {BATCH}, ")
    )
    sandbox.faults({"api": "events", "delayMs": 300})
    service.start_web()
    worker = service.start_workers(1)
    for start in range(0, MESSAGES, 500):
        assert service.post(tracks(500, start)).json()["accepted"] == 500

    for kill in range(KILLS):
        wait_for_a_call(service, sandbox)
        time.sleep(random.uniform(0, 0.25))
        worker = killed(service, worker, whole=bool(kill % 2))
        held = service.lane().delivered
        service.wait_until(lambda held=held: service.lane().delivered > held, 60)
    sandbox.faults()
    service.wait_until(lambda: service.lane().pending == 0, 60)

    came = Counter(event["key"] for event in sandbox.received("events"))
    assert set(came) == {f"u-{n}" for n in range(MESSAGES)}
    assert sum(came.values()) - MESSAGES <= KILLS * BATCH
    assert service.lane().delivered == MESSAGES
