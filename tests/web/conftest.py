"""The application on the tests' Redis, without a server in front."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from split_dest.config.settings import Destination, Intake, Redis, Secret, Settings
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.support.door import SECRET


@pytest.fixture
def settings(redis_dir: Path) -> Settings:
    """Two destinations, one plain, one that asks for signatures; one write key leads to both."""
    secrets = (Secret("the-old-one"), Secret(SECRET))
    return Settings(
        redis=Redis(data_dir=str(redis_dir)),
        intake=Intake(max_body_bytes=200_000),
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
