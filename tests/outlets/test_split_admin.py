"""Flags of Split's Admin API: page by page, and answers that nobody expects."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from split_dest.errors import Refused, Remedy
from split_dest.outlets.http import Http
from split_dest.outlets.split_admin import Account, flag_traffic_types

FLAGS = [
    {"name": f"flag-{n}", "trafficType": {"id": "1", "name": "User" if n % 2 else "account"}} for n in range(120)
]


class Server(ThreadingHTTPServer):
    """Answers every call with what ``says`` makes of its query."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.says: Callable[[dict[str, list[str]]], Any] = page
        self.asked = 0

    @property
    def account(self) -> Account:
        """How to reach it."""
        return Account(f"http://127.0.0.1:{self.server_port}", "key", "authorization", "ws/1")


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Gives what the server says."""
        self.server.asked += 1
        assert urlsplit(self.path).path == "/splits/ws/ws%2F1"
        body = orjson.dumps(self.server.says(parse_qs(urlsplit(self.path).query)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def page(query: dict[str, list[str]]) -> dict[str, Any]:
    """Gives a page as Split does."""
    offset, limit = int(query["offset"][0]), int(query["limit"][0])
    return {"objects": FLAGS[offset : offset + limit], "offset": offset, "limit": limit, "totalCount": len(FLAGS)}


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of its own, in a thread."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_all_flags_are_read_page_by_page(server: Server):
    """120 flags need three calls; names of traffic types are lower-cased."""
    found = flag_traffic_types(Http(2), server.account)

    assert found == {f"flag-{n}": "user" if n % 2 else "account" for n in range(120)}
    assert server.asked == 3


def test_an_account_without_flags_is_asked_once(server: Server):
    """No flag is an answer."""
    server.says = lambda _: {"objects": [], "totalCount": 0}

    assert flag_traffic_types(Http(2), server.account) == {}


def test_a_count_that_is_never_reached_ends_all_the_same(server: Server):
    """A flag deleted between two pages does not make it ask for ever."""
    server.says = lambda query: page(query) | {"totalCount": 500}

    assert len(flag_traffic_types(Http(2), server.account)) == 120
    assert server.asked == 4


@pytest.mark.parametrize("answer", [[], {"objects": 1, "totalCount": 1}, {"objects": [{}], "totalCount": 1}, "x"])
def test_an_answer_that_nobody_expects_is_waited_out(server: Server, answer: Any):
    """It counts as an error of Split's; nothing of the answer is told."""
    server.says = lambda _: answer

    with pytest.raises(Refused) as caught:
        flag_traffic_types(Http(2), server.account)

    assert (caught.value.code, caught.value.remedy) == ("upstream_error", Remedy.WAIT)
    assert caught.value.detail == "GET /splits/ws/…: an answer that is not as documented"
