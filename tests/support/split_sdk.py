"""Split's own SDK with the sandbox as its Split."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from splitio import get_factory

from tests.support.sandbox import SDK_KEY, Sandbox


@contextmanager
def running(sandbox: Sandbox, **config: Any) -> Iterator[Any]:
    """Provide an SDK factory that is ready; at the end it sends what it holds."""
    api = sandbox.url + "/api"
    factory = get_factory(
        SDK_KEY,
        config={"impressionsMode": "debug", "impressionsRefreshRate": 1, "eventsPushRate": 1, **config},
        sdk_api_base_url=api,
        events_api_base_url=api,
        auth_api_base_url=api,
        telemetry_api_base_url=api,
    )
    factory.block_until_ready(5)
    yield factory
    flushed = threading.Event()
    factory.destroy(flushed)
    assert flushed.wait(10)
