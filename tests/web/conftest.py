"""The application on the tests' Redis, without a server in front, and a Redis to be stopped and killed."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from split_dest import embedded_redis
from split_dest.config.settings import Destination, IntakeLimits, Redis, Secret, Settings
from split_dest.inbox.store import Store, connect
from split_dest.web import create_app
from tests.support.endpoint import SECRET
from tests.support.redis_server import wait_for_redis


@pytest.fixture
def settings(redis_dir: Path) -> Settings:
    """Two destinations, one plain, one that asks for signatures; one write key leads to both."""
    secrets = (Secret("the-old-one"), Secret(SECRET))
    return Settings(
        redis=Redis(data_dir=str(redis_dir)),
        intake=IntakeLimits(max_body_bytes=200_000),
        destinations={
            "web": Destination(authorization=secrets, write_keys=("wk", "both")),
            "signed": Destination(
                authorization=secrets,
                signature_secrets=(Secret("other"), Secret("abc123")),
                write_keys=("both", "both", "only-signed"),
            ),
        },
    )


@pytest.fixture
def client(settings: Settings, store: Store) -> Iterator[FlaskClient]:
    """A client of the application on an empty store."""
    with create_app(settings).test_client() as client:
        yield client


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis of the test's own, to be stopped and killed."""
    server = subprocess.Popen(embedded_redis.command(str(tmp_path / "own")))
    wait_for_redis(connect("embedded", str(tmp_path / "own")))
    yield server
    if server.poll() is None:
        server.send_signal(signal.SIGCONT)
        server.kill()
        server.wait(10)
