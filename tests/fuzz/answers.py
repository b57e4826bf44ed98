"""Split's responses: any bytes are a documented response, or an error with a remedy."""

import socket
import threading
from collections.abc import Iterator
from functools import cache

from split_dest.errors import REASONS, Refused
from split_dest.outlets import split_admin
from split_dest.outlets.http import HttpClient, HttpResponse
from split_dest.outlets.split_admin import Account, FlagPage, IdentityScope
from split_dest.split.records import Identity

#: Far more than is ever asked; the longest wait that an answer may ask for is an hour.
TIMEOUT_SECONDS, HOUR_SECONDS = 5.0, 3_600
IDENTITIES = [Identity("user", key, {"plan": "pro"}, 1) for key in ("u-1", "..", "ü")]
HEADERS = (
    b"Retry-After: 70",
    b"Retry-After: Wed, 21 Oct 2026 07:28:00 GMT",
    b"Retry-After: Wed, 21 Oct 2026 07:28:00 +99999999999999999999",
    b"X-RateLimit-Reset: 1700000000\r\nX-RateLimit-Reset-Seconds-Org: 1e999",
    b"Content-Encoding: gzip",
    b"Transfer-Encoding: chunked",
    b"Location: http://127.0.0.1:1/",
)
BODIES = (
    b"",
    b'[{"id":"1","name":"user"},{"id":"2","name":"account"}]',
    b'{"objects":[{"name":"f","trafficType":{"name":"User"}},{"name":"g"}],"totalCount":2}',
    b'{"failed":[{"object":{"key":"u-1"},"status":503},{"object":{"key":"u-2"},"status":400}]}',
    b"<html>",
    b"2\r\n[]\r\n0\r\n\r\n",
)


def seeds() -> Iterator[bytes]:
    """Yield responses of many statuses, with headers and bodies that Split sends."""
    for status in (200, 202, 204, 302, 400, 401, 404, 413, 429, 500, 503):
        for number, header in enumerate(HEADERS):
            text = BODIES[(status + number) % len(BODIES)]
            head = b"HTTP/1.1 %d Said\r\n%b\r\nContent-Length: %d\r\n\r\n" % (status, header, len(text))
            yield bytes([number]) + head + text
    yield from (bytes([n]) + b"HTTP/1.1 200 OK\r\n\r\n" + text for n in range(4) for text in BODIES)


class Server:
    """A server on loopback that responds to each request with fixed bytes and closes the connection."""

    def __init__(self) -> None:
        self.answer = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(self.answer)


@cache
def server() -> Server:
    """Return the server, starting it once."""
    return Server()


def try_one(data: bytes) -> None:
    """Each call returns the type that its caller expects, or raises an error with a remedy and a wait."""
    server().answer = data[1:]
    account = Account(server().url, "key", "authorization", "ws")
    try:
        result = call((data or b"\0")[0] % 4, HttpClient(TIMEOUT_SECONDS), account)
    except Refused as refused:
        assert_refusal(refused)
        return
    if isinstance(result, dict):
        for each in result.values():
            assert_refusal(each)
    elif isinstance(result, FlagPage):
        assert [name for name in result.traffic_types.values() if name != name.lower()] == []
        assert result.next_offset >= 0
    elif isinstance(result, HttpResponse):
        assert 200 <= result.status < 300


def call(number: int, http: HttpClient, account: Account) -> object:
    """Make one of the calls."""
    if number == 0:
        return http.send(split_admin.lookup_requests(account)[0])
    if number == 1:
        return len(split_admin.look_up(http, account))
    if number == 2:
        return split_admin.flag_page(http, account, 50)
    return split_admin.replace_identities(http, account, IdentityScope("t", "e"), IDENTITIES)


def assert_refusal(refused: Refused) -> None:
    """An error has a listed code, and a wait for which a lane can pause."""
    assert refused.code in REASONS
    assert refused.wait_seconds is None or 0 <= refused.wait_seconds <= HOUR_SECONDS
