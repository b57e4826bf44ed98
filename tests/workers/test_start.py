"""The start of workers: no process imports what only another one needs."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.service import Service

#: A supervisor that names what was imported before its first worker process ran.
WATCHED = """
import multiprocessing, sys

def hook(event, arguments):
    name = str(arguments[0]) if event == "import" else ""
    if name in ("redis", "rq", "urllib3", "workers.worker") and not multiprocessing.active_children():
        print("too early:", name, flush=True)

sys.addaudithook(hook)
from workers.supervisor import main
sys.exit(main())
"""


def test_workers_are_started_before_the_supervisor_needs_redis(make_service: Callable[..., Service]) -> None:
    """Redis's client and RQ are imported in the worker processes, and beside their start in the supervisor."""
    service = make_service()

    process = service._start("worker", [sys.executable, "-c", WATCHED], WORKER_CONCURRENCY="1")
    service.wait_until(lambda: service.store.client.zcard("sd:workers") == 1)

    assert service.stop(process) == [0]
    assert "too early" not in service.log("worker")
    assert service.store.client.zcard("sd:workers") == 0, "`status` still counts a worker that has ended"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("workers.supervisor", {"redis", "rq", "urllib3"}),
        ("workers.watchdog", {"urllib3", "workers.worker", "workers.drain"}),
        ("workers.worker", {"yaml", "split_dest.config.schema", "workers.supervisor"}),
    ],
)
def test_each_process_imports_what_it_needs(module: str, absent: set[str]) -> None:
    """The supervisor delivers nothing, its watchdog talks only to Redis, and a worker receives its settings."""
    script = f"import sys, {module}; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(ended.stdout.split())

    assert module in imported
    assert not imported & absent
