"""A sandbox in a separate process, and the calls that tests make to it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import urllib3

SDK_KEY = "sandbox-sdk-key"
ADMIN_KEY = "sandbox-admin-key"
WRITE_KEY = "sandbox-write-key"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox, and how to talk to it."""

    url: str
    http: urllib3.PoolManager

    def call(
        self, method: str, path: str, data: Any = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Send *data*, bytes as they are and anything else as JSON."""
        body = data if data is None or isinstance(data, bytes) else orjson.dumps(data)
        return self.http.request(method, self.url + path, body=body, headers=headers, redirect=False)

    def events(self, events: Any) -> urllib3.BaseHTTPResponse:
        """Post *events* in bulk, as the service does."""
        return self.call("POST", "/api/events/bulk", events, bearer(SDK_KEY))

    def impressions(self, flags: Any) -> urllib3.BaseHTTPResponse:
        """Post impressions in the SDKs' form."""
        return self.call("POST", "/api/testImpressions/bulk", flags, bearer(SDK_KEY))

    def admin(self, method: str, path: str, data: Any = None) -> urllib3.BaseHTTPResponse:
        """Call the Admin API."""
        return self.call(method, "/internal/api/v2" + path, data, bearer(ADMIN_KEY))

    def segment(self, path: str, data: Any, headers: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        """Call the Tracking API with the write key as Basic user name."""
        basic = urllib3.make_headers(basic_auth=WRITE_KEY + ":")
        return self.call("POST", "/v1" + path, data, {**basic, **(headers or {})})

    def faults(self, *faults: dict[str, Any]) -> urllib3.BaseHTTPResponse:
        """Replace the active faults."""
        return self.call("PUT", "/_sandbox/faults", list(faults))

    def received(self, kind: str, query: str = "") -> list[dict[str, Any]]:
        """Return the records of *kind*, newest last, without their time of arrival."""
        records = self.call("GET", f"/_sandbox/received?kind={kind}{query}").json()
        return [{name: value for name, value in record.items() if name != "receivedAt"} for record in records]

    def wait_for(self, kind: str, count: int, seconds: float = 10) -> list[dict[str, Any]]:
        """Return the records of *kind* once there are *count* of them."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            records = self.received(kind)
            if len(records) >= count:
                return records
            time.sleep(0.05)
        pytest.fail(f"{len(self.received(kind))} {kind} arrived, {count} were expected")

    def counts(self) -> Any:
        """Return the sandbox's counts."""
        return self.call("GET", "/_sandbox/counts").json()


def bearer(key: str) -> dict[str, str]:
    """Return the headers that show *key* as a Bearer token."""
    return {"Authorization": f"Bearer {key}"}


def event(**changes: Any) -> dict[str, Any]:
    """Return a legal event with *changes*."""
    legal = {"key": "u1", "trafficTypeName": "user", "eventTypeId": "order", "timestamp": 1_700_000_000_000}
    return {**legal, "value": None, "properties": None, **changes}


@contextmanager
def running(
    port: int, *, host: str = "127.0.0.1", within: Sequence[str] = (), **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a sandbox on *port* until the block ends; *within* is a command that runs it in another place."""
    # Not listen(), which takes the loopback address alone: no stranger reaches a host of the tests' own network.
    listener = f"socket.create_server(('{host}', {port}), backlog=2048)"
    script = f"import socket; from split_dest.sandbox import serve; serve({listener})"
    process = subprocess.Popen([*within, sys.executable, "-c", script], **options)
    try:
        wait_until_ready(port, process, host=host)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until_ready(
    port: int, process: subprocess.Popen[bytes], seconds: float = 15, *, host: str = "127.0.0.1"
) -> None:
    """Return once *port* accepts connections."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "the sandbox ended"
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the sandbox does not listen")


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
