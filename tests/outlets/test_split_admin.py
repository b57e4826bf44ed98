"""Split's Admin API: flags page by page, odd answers, how long a refusal asks to wait, and accounts."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from split_dest.errors import Refused, Remedy
from split_dest.outlets.http import HttpClient
from split_dest.outlets.split_admin import Account, FlagPage, flag_page, look_up
from tests.support.sandbox import ADMIN_KEY, Sandbox

FLAGS = [
    {"name": f"flag-{n}", "trafficType": {"id": "1", "name": "User" if n % 2 else "account"}} for n in range(120)
]


class Server(ThreadingHTTPServer):
    """Answers every call with what ``reply`` returns for its query."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply: Callable[[dict[str, list[str]]], Any] = page
        self.refusal: dict[str, str] | None = None
        self.calls = 0

    @property
    def account(self) -> Account:
        """How to reach it."""
        return Account(f"http://127.0.0.1:{self.server_port}", "key", "authorization", "ws/1")


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Send the server's reply."""
        self.server.calls += 1
        assert urlsplit(self.path).path == "/splits/ws/ws%2F1"
        body = orjson.dumps(self.server.reply(parse_qs(urlsplit(self.path).query)))
        self.send_response_only(200 if self.server.refusal is None else 503)
        for name, value in (self.server.refusal or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def page(query: dict[str, list[str]]) -> dict[str, Any]:
    """Return a page as Split does."""
    offset, limit = int(query["offset"][0]), int(query["limit"][0])
    return {"objects": FLAGS[offset : offset + limit], "offset": offset, "limit": limit, "totalCount": len(FLAGS)}


@pytest.fixture
def server() -> Iterator[Server]:
    """A separate server, in a thread."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_flags_come_page_by_page(server: Server):
    """120 flags need three calls; names of traffic types are lower-cased."""
    flags: dict[str, str] = {}
    offset = 0
    while not flags or offset:
        page = flag_page(HttpClient(2), server.account, offset)
        flags, offset = {**flags, **page.traffic_types}, page.next_offset

    assert flags == {f"flag-{n}": "user" if n % 2 else "account" for n in range(120)}
    assert server.calls == 3


@pytest.mark.parametrize(
    ("reply", "page"),
    [
        ({"objects": [], "totalCount": 0}, FlagPage({}, 0)),
        ({"objects": [], "totalCount": 500}, FlagPage({}, 0)),
        ({"objects": FLAGS[1:2], "totalCount": 5}, FlagPage({"flag-1": "user"}, 1)),
        (
            {"objects": [{"name": "odd", "trafficType": None}, {"name": "none"}, FLAGS[0]], "totalCount": 3},
            FlagPage({"flag-0": "account"}, 0),
        ),
    ],
)
def test_odd_pages_end_the_listing_too(server: Server, reply: Any, page: FlagPage):
    """No flags, a count that is never reached, flags without a traffic type: the listing still ends."""
    server.reply = lambda _: reply

    assert flag_page(HttpClient(2), server.account, 0) == page


@pytest.mark.parametrize(
    "answer", [[], {"objects": 1, "totalCount": 1}, {"objects": [{}], "totalCount": 1}, {"objects": ["x"]}, "x"]
)
def test_an_undocumented_answer_is_retried_later(server: Server, answer: Any):
    """It counts as an error of Split's; the detail quotes nothing of the answer."""
    server.reply = lambda _: answer

    with pytest.raises(Refused) as caught:
        flag_page(HttpClient(2), server.account, 0)

    assert caught.value.code == "upstream_error"
    assert caught.value.remedy is Remedy.WAIT
    assert caught.value.detail == "GET /splits/ws/…: an answer that is not as documented"


@pytest.mark.parametrize(
    ("headers", "wait_seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"X-RateLimit-Reset": "9", "Retry-After": "7"}, 9),
        ({"X-RateLimit-Reset": "1900000000"}, None),
        ({"Retry-After": "3600"}, 3_600),
        ({"Retry-After": "3601"}, 3_600),
        ({"Retry-After": "99999999"}, 3_600),
        ({"Retry-After": "1900000000"}, 3_600),
        ({"Retry-After": "inf"}, 3_600),
        ({"Retry-After": "1e400"}, 3_600),
        ({"Retry-After": "-inf"}, None),
        ({"X-RateLimit-Reset-Seconds-Org": "1e9"}, 3_600),
        ({"X-RateLimit-Reset": "7200"}, 3_600),
        ({"X-RateLimit-Reset": "inf"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 09:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:26:50 GMT"}, 3_600),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 +99999999999999999999"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:26:50 GMT"}, 70),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:29:00 GMT"}, None),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "nan"}, None),
        ({"X-RateLimit-Reset-Seconds-Org": "3", "X-RateLimit-Reset-Seconds-IP": "5"}, 5),
    ],
)
def test_the_longest_wait_of_an_answer_counts(server: Server, headers: dict[str, str], wait_seconds: Any):
    """A very large reset is a time since 1970, as many proxies write it; a date refers to the sender's clock."""
    server.refusal = headers

    with pytest.raises(Refused) as caught:
        flag_page(HttpClient(2), server.account, 0)

    assert caught.value.code == "upstream_error"
    assert caught.value.wait_seconds == wait_seconds
    asked_for_more = wait_seconds == 3_600 and headers != {"Retry-After": "3600"}
    note = "; asked to wait for more than an hour, which is the most" if asked_for_more else ""
    assert caught.value.detail == f"GET /splits/ws/…: 503{note}"


@pytest.mark.parametrize(
    ("ask", "place"),
    [(look_up, "/trafficTypes/ws/…"), (lambda *account: flag_page(*account, 0), "/splits/ws/…")],
    ids=["names", "flags"],
)
def test_a_workspace_that_split_lacks_is_for_a_person_to_fix(
    sandbox: Sandbox, ask: Callable[..., Any], place: str
) -> None:
    """It never appears by waiting, and the detail names it."""
    account = Account(f"{sandbox.url}/internal/api/v2", ADMIN_KEY, "authorization", "ws-9")

    with pytest.raises(Refused) as caught:
        ask(HttpClient(2), account)

    assert caught.value.code == "workspace_unknown"
    assert caught.value.remedy is Remedy.FIX
    assert caught.value.detail == f"workspace ws-9, GET {place}: 404"


def test_an_account_is_known_by_address_workspace_and_key() -> None:
    """Each of the three makes another digest, and the key can't be read in it."""
    account = Account("https://split", "a-key", "authorization", "ws-1")

    others = {
        replace(account, admin_url="https://other").digest,
        replace(account, admin_key="another-key").digest,
        replace(account, workspace_id="ws-2").digest,
    }

    assert len(others) == 3
    assert account.digest not in others
    assert replace(account).digest == account.digest
    assert "a-key" not in account.digest
