"""What is measured, side by side on one machine: the service, what it is compared with, Redis, a counter."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import urllib3

from split_dest import embedded_redis
from split_dest.inbox import ledger
from split_dest.inbox.embedded_socket import socket_path
from split_dest.inbox.store import Store, connect

SECRET = secrets.token_hex(16)
_SETTINGS = """
redis: {{url: "{redis}"}}
split: {{events_url: "{counter}"}}
destinations:
  web:
    authorization: ["${{BENCH_SECRET}}"]
    split: {{sdk_key: "${{BENCH_SDK_KEY}}", traffic_types: [user]}}
    map_identities: {{userId: user}}
    identify: {{enabled: false}}
    group: {{enabled: false}}
"""
#: Of every endpoint alike.
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
    store: Store
    counter: str
    redis_url: str
    _ends: ExitStack
    _http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=10))

    @property
    def environ(self) -> dict[str, str]:
        """The environment of every process."""
        return {
            **os.environ,
            "SPLIT_DEST_CONFIG": str(self.folder / "settings.yaml"),
            "BENCH_SECRET": SECRET,
            "BENCH_SDK_KEY": "bench-sdk-key",
            "BENCH_REDIS": self.redis_url,
            "BENCH_SPLIT": self.counter,
        }

    def counted(self) -> dict[str, Any]:
        """Return what came to the counter."""
        counts: dict[str, Any] = self._http.request("GET", self.counter).json()
        return counts

    def clear(self) -> None:
        """Empty Redis and the counter."""
        self.store.client.flushall()
        self._http.request("DELETE", self.counter)

    def waiting(self) -> int:
        """Return how many messages are stored and not settled."""
        return ledger.read(self.store, ["web"], []).lanes["web", "events"].pending

    def start_web(self, app: str, *, threaded: bool = False) -> tuple[str, subprocess.Popen[bytes]]:
        """Start an application; return its address and its master.

        Args:
            app: the name of its module.
            threaded: under gunicorn's own threads, instead of with the service's settings of gunicorn.
        """
        port = free_port()
        kind = _THREADED if threaded else "--config python:split_dest.web.gunicorn"
        sizes = f"--workers {WEB_PROCESSES} --bind 127.0.0.1:{port}"
        process = self.start(f"{app}-{port}", f"{BIN}/gunicorn {kind} {sizes} {app}:create_app()".split())
        wait_until(lambda: _listens(port, process))
        return f"http://127.0.0.1:{port}", process

    def start_workers(self, count: int) -> subprocess.Popen[bytes]:
        """Start workers, and wait until RQ knows them all: then they are ready for jobs."""
        command = [sys.executable, "-m", "workers"]
        workers = self.start("worker", command, WORKER_CONCURRENCY=str(count))
        wait_until(lambda: self.store.client.scard("sd:rq:workers") == count)
        return workers

    def start(self, name: str, command: list[str], **variables: str) -> subprocess.Popen[bytes]:
        """Start a process that ends with the yard, or before."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env={**self.environ, **variables})
        self._ends.callback(end, process)
        return process


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that the yard has started, if it still runs."""
    if process.poll() is None:
        process.terminate()
        process.wait(30)


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return when something holds.

    Raises:
        AssertionError: it does not in time.
    """
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"not within {seconds} s"
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "it has ended"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_up(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def yard(folder: Path) -> Iterator[Yard]:
    """Provide a yard with Redis and the counter at work; all that was started in it ends with the block."""
    data_dir, port = folder / "redis", free_port()
    redis_url, counter = f"unix://{socket_path(str(data_dir))}", f"http://127.0.0.1:{port}"
    (folder / "settings.yaml").write_text(_SETTINGS.format(redis=redis_url, counter=counter))
    with ExitStack() as ends:
        store = Store(connect(redis_url, "", timeout_seconds=60))
        ends.callback(store.client.close)
        made = Yard(folder, store, counter, redis_url, ends)
        made.start("redis", [*embedded_redis.command(str(data_dir)), *_REDIS_OPTIONS])
        wait_until(lambda: _is_up(store.client))
        process = made.start("counter", [sys.executable, "-m", "benchmarks.counter", str(port)])
        wait_until(lambda: _listens(port, process))
        yield made
