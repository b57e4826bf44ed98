"""What is measured, side by side on one machine: the service, what it is compared with, Redis, a counter."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from split_dest.inbox.store import Store, connect
from tests.chaos.redis_server import RedisServer
from tests.support.sandbox import free_port, wait_until_ready
from tests.support.service import SECRET, Service

_SETTINGS = """
redis: {{url: "{redis}"}}
split: {{events_url: "{counter}"}}
destinations:
  web:
    authorization: ["${{TEST_SECRET}}"]
    split: {{sdk_key: "${{TEST_SDK_KEY}}", traffic_types: [user]}}
    map_identities: {{userId: user}}
    identify: {{enabled: false}}
    group: {{enabled: false}}
"""
#: Of every door alike.
WEB_PROCESSES = 2
_WEB_THREADS = 8
_THREADED = f"--worker-class gthread --threads {_WEB_THREADS} --keep-alive 75 --no-control-socket"
#: As a Redis of one's own is set up: on disk within a second.
_REDIS_OPTIONS = ("--appendfsync", "everysec")
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Yard:
    """What measurements stand on; ``counter`` is the address of the stand-in that only counts."""

    folder: Path
    service: Service
    counter: str
    redis_url: str
    _ends: ExitStack

    @property
    def store(self) -> Store:
        """Redis, as the service sees it."""
        return self.service.store

    def counted(self) -> dict[str, Any]:
        """Return what came to the counter."""
        told: dict[str, Any] = self.service.http.request("GET", self.counter).json()
        return told

    def clear(self) -> None:
        """Empty Redis and the counter."""
        self.store.client.flushall()
        self.service.http.request("DELETE", self.counter)

    def start_door(self, app: str, *, threaded: bool) -> tuple[str, subprocess.Popen[bytes]]:
        """Start an app of this folder; return its address and its master.

        Args:
            app: the name of its module.
            threaded: under gunicorn's own threads, instead of with the service's settings of gunicorn.
        """
        port = free_port()
        kind = _THREADED if threaded else "--config python:split_dest.web.gunicorn"
        sizes = f"--workers {WEB_PROCESSES} --bind 127.0.0.1:{port}"
        command = f"{BIN}/gunicorn {kind} {sizes} benchmarks.{app}:create_app()"
        process = self.start(f"{app}-{port}", command.split())
        wait_until_ready(port, process)
        return f"http://127.0.0.1:{port}", process

    def start_workers(self, count: int) -> subprocess.Popen[bytes]:
        """Start workers, and wait until RQ knows them all: then they are ready for jobs."""
        workers = self.service.start_workers(count)
        self.service.wait_until(lambda: self.store.client.scard("rq:workers") == count)
        return workers

    def start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a process that ends with the yard, or before."""
        environ = {
            **self.service.environ,
            "BENCH_SECRET": SECRET,
            "BENCH_REDIS": self.redis_url,
            "BENCH_SPLIT": self.counter,
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environ)
        self._ends.callback(end, process)
        return process


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that the yard has started, if it still runs."""
    if process.poll() is None:
        process.terminate()
        process.wait(30)


@contextmanager
def yard(folder: Path) -> Iterator[Yard]:
    """Provide a yard with Redis and the counter at work; all that was started in it ends with the block."""
    redis = RedisServer(folder / "redis", *_REDIS_OPTIONS)
    port = free_port()
    counter = f"http://127.0.0.1:{port}"
    settings = _SETTINGS.format(redis=redis.url, counter=counter)
    store = Store(connect(redis.url, "", timeout_seconds=60))
    service = Service(folder, store, settings, WEB_CONCURRENCY=str(WEB_PROCESSES))
    with ExitStack() as ends:
        ends.callback(redis.kill)
        redis.start()
        ends.callback(store.client.close)
        ends.callback(service.stop)
        made = Yard(folder, service, counter, redis.url, ends)
        wait_until_ready(port, made.start("counter", [sys.executable, "-m", "benchmarks.counter", str(port)]))
        yield made
