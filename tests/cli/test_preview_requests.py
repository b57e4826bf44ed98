"""preview --requests: what it prints is what Split then gets from the real service."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
import urllib3

from tests.support.sandbox import Sandbox
from tests.support.service import SECRET

KEPT_HEADERS = ("Content-Type", "Authorization", "x-api-key", "User-Agent")


class Recorder(ThreadingHTTPServer):
    """Stands between the service and the sandbox: notes each request and passes it on."""

    daemon_threads = True

    def __init__(self, sandbox: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sandbox = sandbox
        self.http = urllib3.PoolManager(retries=False, timeout=5)
        self.requests: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where the service finds it."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: self.headers[name] for name in KEPT_HEADERS if name in self.headers}
        if self.command != "GET":
            request = {"method": self.command, "path": self.path, "headers": headers, "body": orjson.loads(body)}
            self.server.requests.append(request)
        answer = self.server.http.request(
            self.command, self.server.sandbox + self.path, body=body, headers=headers
        )
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)

    do_GET = do_POST = do_PUT = do_PATCH = _pass_on


@pytest.fixture
def recorder(sandbox: Sandbox) -> Iterator[Recorder]:
    """A recorder in front of the sandbox."""
    with Recorder(sandbox.url) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
        server.http.clear()


MESSAGES = [
    {
        "type": "track",
        "event": "Order Completed",
        "messageId": "1",
        "userId": "u/1",
        "properties": {"total": "39.95"},
    },
    {"type": "track", "event": "ä b", "messageId": "2", "userId": "u-1", "anonymousId": "a-1"},
    {"type": "page", "name": "Home", "messageId": "3", "anonymousId": "a-1"},
    {"type": "page", "messageId": "4", "anonymousId": "a-1"},
    {"type": "identify", "messageId": "5", "userId": "u/1", "traits": {"plan": "pro", "seats": 3}},
    {"type": "identify", "messageId": "6", "userId": "u/1", "anonymousId": "a-1", "traits": {"plan": "max"}},
    {
        "type": "group",
        "messageId": "7",
        "userId": "u/1",
        "groupId": "g",
        "traits": {"split": {"account": "g.1"}, "n": 1},
    },
]
TIMED = [message | {"timestamp": "2026-01-15T09:30:00.250Z"} for message in MESSAGES]


def masked(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return requests in a fixed order, with keys masked and the names that preview has instead of Split's ids."""
    text = orjson.dumps(requests).decode()
    text = text.replace("sandbox-sdk-key", "****").replace("sandbox-admin-key", "****")
    text = text.replace("/trafficTypes/tt-", "/trafficTypes/").replace("/environments/env-p", "/environments/P")
    return sorted(orjson.loads(text), key=lambda request: (request["method"], request["path"]))


def shown(printed: list[dict[str, Any]], url: str) -> list[dict[str, Any]]:
    """Return what preview printed in the form that the recorder has."""
    names = {"%3C": "", "%3E": ""}
    requests = []
    for line in printed:
        path = line.pop("url").removeprefix(url)
        for old, new in names.items():
            path = path.replace(old, new)
        requests.append(line | {"path": path})
    return sorted(requests, key=lambda request: (request["method"], request["path"]))


@pytest.mark.parametrize(
    ("rules", "absent_before"),
    [
        ("      environment_name: prod\n    properties: {nested: json}\ndelivery: {batch_max_events: 2}\n", True),
        ("      admin_header: x-api-key\n    identify: {mode: replace}\n", False),
    ],
    ids=["merge, small batches", "replace, x-api-key"],
)
def test_the_printed_requests_are_those_that_split_gets(
    command, settings, recorder, sandbox, rules, absent_before
):
    """The same messages through the real endpoint and the real workers: same method, path, headers and body."""
    text = (
        settings.file.read_text()
        .replace(sandbox.url, recorder.url)
        .replace("delivery: {timeout_seconds: 2}\n", "")
    )
    settings.file.write_text(text + rules)
    printed = command("preview", "--destination", "web", "--requests", text=orjson.dumps(TIMED))
    settings.start_web()
    settings.start_workers(1)

    settings.post(TIMED)
    settings.wait_until(lambda: settings.lane().pending + settings.lane("identities").pending == 0)

    assert (printed.code, printed.err) == (0, "")
    expected = shown(printed.json, recorder.url)
    received = masked(recorder.requests)
    creations = [request for request in received if request["method"] == "PUT"]
    assert [request for request in received if request["method"] != "PUT"] == expected
    patches = [request for request in expected if request["method"] == "PATCH"]
    # What Split does not know yet it gets a second time, to be made.
    assert creations == ([request | {"method": "PUT"} for request in patches] if absent_before else [])
    assert SECRET not in printed.out
