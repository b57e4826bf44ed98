"""A workspace's flags are listed page by page, which may take longer than a drain's turn or a worker's life."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from split_dest.inbox.names import NameCache
from split_dest.outlets.split_admin import Account
from tests.end_to_end.test_impressions import ENDPOINT, SOURCE, impression
from tests.support.sandbox import ADMIN_KEY, Sandbox
from tests.support.service import Service, tracks


class Endless(ThreadingHTTPServer):
    """An Admin API whose workspace has a flag behind each flag, until it is told where the last one is."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.offsets: list[int] = []
        self.flags = 1_000_000_000

    def cache(self, service: Service) -> NameCache:
        """Return the names that the source's workers keep of it."""
        account = Account(self.url, ADMIN_KEY, "authorization", "ws-1")
        return NameCache(service.store, "flags", account.digest)


class _Page(BaseHTTPRequestHandler):
    server: Endless
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with 50 flags."""
        (offset,) = map(int, parse_qs(urlsplit(self.path).query)["offset"])
        self.server.offsets.append(offset)
        numbers = range(offset, min(offset + 50, self.server.flags))
        flags = [{"name": f"flag-{n}", "trafficType": {"name": "user"}} for n in numbers]
        body = orjson.dumps({"objects": flags, "totalCount": self.server.flags})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endless() -> Iterator[Endless]:
    """An Admin API that lists flags without end."""
    with Endless() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def service(make_service: Callable[..., Service], sandbox: Sandbox, endless: Endless) -> Service:
    """A service with a source whose flags are asked of it, and one impression of a flag that is far behind."""
    only_events = "    identify: {enabled: false}\n    group: {enabled: false}\n"
    made = make_service(only_events + SOURCE.format(sandbox=sandbox.url))
    made.change(f"{sandbox.url}/internal/api/v2", endless.url)
    made.start_web()
    made.post([impression(1, split="flag-999999")], ENDPOINT)
    return made


def test_a_worker_that_lists_flags_ends_when_it_is_told(service: Service, endless: Endless) -> None:
    """It ends by itself, after the current page, and the next worker goes on with the page behind."""
    worker = service.start_workers(1)
    service.wait_until(lambda: len(endless.offsets) > 20)
    assert endless.cache(service).load() is None, "all names were written again after each page"

    assert service.stop(worker) == [0]

    assert '"event":"worker_killed"' not in service.log("worker")
    names = endless.cache(service).load()
    assert names is not None
    assert (names.offset, len(names.flags)) == (len(endless.offsets) * 50,) * 2
    endless.flags = names.offset + 80
    service.post([impression(2, split=f"flag-{names.offset + 75}")], ENDPOINT)
    service.start_workers(1)
    service.wait_until(lambda: service.lane("tracks", "flags").pending == 0, 30)
    assert endless.offsets == list(range(0, names.offset + 80, 50)), "no page was asked for twice"
    lane = service.lane("tracks", "flags")
    assert (lane.delivered, lane.filtered) == (1, {"traffic_type_unknown": 1})


def test_a_worker_that_lists_flags_has_time_for_others(service: Service, endless: Endless) -> None:
    """It is the only one: after its turn of five seconds the other destination's messages are delivered."""
    service.start_workers(1)
    service.wait_until(lambda: len(endless.offsets) > 5)
    service.post(tracks(3))

    service.wait_until(lambda: service.lane().delivered == 3, 30)

    assert service.lane("tracks", "flags").pending == 1
    listed = len(endless.offsets)
    service.wait_until(lambda: len(endless.offsets) > listed + 5, 30)
    assert len(set(endless.offsets)) == len(endless.offsets), "the listing began again"


def test_impressions_of_known_flags_do_not_wait_for_a_listing(service: Service, endless: Endless) -> None:
    """Those whose traffic type has been listed leave, though the listing has not come to its end."""
    worker = service.start_workers(1)
    service.wait_until(lambda: len(endless.offsets) > 20)
    service.stop(worker)
    (entry,) = service.store.client.xrange("sd:flags:tracks:stream")
    service.store.client.xack("sd:flags:tracks:stream", "drains", entry[0])
    service.store.client.xdel("sd:flags:tracks:stream", entry[0])
    asked = len(endless.offsets)

    service.post([impression(2, split="flag-7")], ENDPOINT)
    service.start_workers(1)

    service.wait_until(lambda: service.lane("tracks", "flags").delivered == 1)
    assert len(endless.offsets) == asked
