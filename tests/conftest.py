"""Fixtures that every folder uses; all of them are real: Redis, HTTP, processes."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
import urllib3

from split_dest import embedded_redis
from split_dest.inbox.store import Store, connect, name_rq

# Else an assertion of a helper would fail without saying what it compared.
pytest.register_assert_rewrite("tests.support", "tests.chaos")

from tests.support.redis_server import RedisServer, wait_for_redis
from tests.support.sandbox import Sandbox, free_port, running
from tests.support.service import SETTINGS, Service

# Before any test imports RQ.
name_rq("sd")
# A shell lets what it starts in the background ignore Ctrl-C; the commands of the tests must hear it all the same.
signal.signal(signal.SIGINT, signal.default_int_handler)
# pytest-xdist sets it, and the commands of the tests would fold their lines.
os.environ.pop("COLUMNS", None)
# How many examples each law is tried with; no deadline, because machines are shared.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)
hypothesis.settings.register_profile("long", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def redis_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of an embedded Redis that runs for all tests."""
    folder = tmp_path_factory.mktemp("redis")
    with (folder / "log").open("wb") as log:
        # Without fsync: what waits for the disk is tested with servers that are killed; here it is only noise.
        command = [*embedded_redis.command(str(folder)), "--appendfsync", "no"]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    wait_for_redis(connect("embedded", str(folder)))
    yield folder
    server.terminate()
    server.wait(10)


@pytest.fixture
def store(redis_dir: Path) -> Iterator[Store]:
    """An empty store."""
    client = connect("embedded", str(redis_dir), timeout_seconds=20)
    client.flushall()
    yield Store(client)
    client.close()


@pytest.fixture(scope="session")
def started_sandbox() -> Iterator[Sandbox]:
    """One sandbox for all tests."""
    port = free_port()
    with running(port), urllib3.PoolManager(retries=False, timeout=10) as http:
        yield Sandbox(f"http://127.0.0.1:{port}", http)


@pytest.fixture
def sandbox(started_sandbox: Sandbox) -> Sandbox:
    """The sandbox with nothing received and no faults."""
    started_sandbox.call("DELETE", "/_sandbox/faults")
    started_sandbox.call("DELETE", "/_sandbox/received")
    return started_sandbox


@pytest.fixture
def make_service(
    tmp_path: Path, store: Store, redis_dir: Path, sandbox: Sandbox
) -> Iterator[Callable[..., Service]]:
    """Make services on the tests' Redis and sandbox; what they started is stopped afterwards."""
    made: list[Service] = []

    def make(extra: str = "", **variables: str) -> Service:
        settings = SETTINGS.format(redis=f"unix://{redis_dir}/redis.sock", sandbox=sandbox.url) + extra
        made.append(Service(tmp_path, store, settings, **variables))
        return made[-1]

    yield make
    for service in made:
        service.stop()


@pytest.fixture(scope="module")
def make_lasting_service(
    tmp_path_factory: pytest.TempPathFactory, started_sandbox: Sandbox
) -> Iterator[Callable[..., Service]]:
    """Make services that stay at work for all tests of a file, each on its own Redis; see ``Service.forget``."""
    with ExitStack() as stack:

        def make(extra: str = "", **variables: str) -> Service:
            folder = tmp_path_factory.mktemp("lasting")
            redis = RedisServer(folder / "redis", "--appendfsync", "no")
            redis.start()
            stack.callback(redis.kill)
            settings = SETTINGS.format(redis=redis.url, sandbox=started_sandbox.url) + extra
            service = Service(folder, Store(connect(redis.url, "", timeout_seconds=20)), settings, **variables)
            stack.callback(service.stop)
            return service

        yield make


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    """The whole service at work: one web process and two workers."""
    made = make_service()
    made.start_web()
    made.start_workers()
    return made
