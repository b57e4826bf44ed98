"""The Tracking API under gunicorn: what only shows over a real connection."""

import gzip
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import orjson
import pytest

from tests.support.endpoint import basic
from tests.support.service import Service, tracks


@pytest.fixture(scope="module")
def started_web(make_lasting_service: Callable[..., Service]) -> Service:
    """A web process without workers, whose destination has a write key."""
    service = make_lasting_service("    write_keys: [wk]\n")
    service.start_web()
    return service


@pytest.fixture
def web(started_web: Service) -> Service:
    """The same process with nothing received."""
    started_web.forget()
    return started_web


def chunked(service: Service, body: bytes) -> tuple[int, object]:
    """Return the answer to a body that is sent in chunks, without a length."""
    pieces = iter([body[start : start + 4096] for start in range(0, len(body), 4096)])
    answer = service.http.request(
        "POST", f"{service.url}/v1/import", body=pieces, headers={"Authorization": basic("wk")}, chunked=True
    )
    return answer.status, answer.json().get("code")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_chunked_bodies_are_read(web: Service, pack: Callable[[bytes], bytes]) -> None:
    """As mobile SDKs send them; the limit holds all the same."""
    assert chunked(web, pack(orjson.dumps({"batch": tracks(200)}))) == (200, None)
    assert chunked(web, pack(orjson.dumps({"batch": tracks(5000)}))) == (400, "body_too_large")
    assert web.lane().received == 200


def test_a_body_that_ends_early_shall_be_sent_again(web: Service) -> None:
    """SDKs try again after 408, and nothing of the cut body is stored."""
    body = orjson.dumps(tracks(1)[0])
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('wk')}\r\nContent-Length: {len(body) + 9}"
    at = urlsplit(web.url)

    with socket.create_connection((at.hostname, at.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65_536)

    assert b" 408 " in answer.partition(b"\r\n")[0]
    assert b"access-control-allow-origin: *" in answer.lower()
    assert web.lane().received == 0


def test_telemetry_leaves_its_connection_in_order(web: Service) -> None:
    """Its body is not looked at; the next call on the same connection is read from its beginning."""
    for _ in range(3):
        telemetry = web.post({"series": [{"type": "Counter", "tags": {"a": "x" * 20_000}}]}, "/v1/m")
        answer = web.post(tracks(1)[0], "/v1/track", Authorization=basic("wk"))

        assert (telemetry.status, answer.status) == (200, 200)


def test_a_long_address_is_still_a_picture(web: Service) -> None:
    """As long as gunicorn takes it."""
    answer = web.http.request("GET", f"{web.url}/v1/pixel/track?{'a.' * 1900}b=1&writeKey=wk")

    assert (answer.status, answer.data[:6]) == (200, b"GIF89a")


@pytest.mark.parametrize("path", ["track", "track/", "foo", "", "track/extra"])
@pytest.mark.parametrize("size", [10, 7000])
def test_a_pixel_is_a_picture_at_every_address(web: Service, path: str, size: int) -> None:
    """Long addresses, wrong ones, unknown keys: whoever opens the mail sees nothing broken."""
    query = f"writeKey=wk&userId=u&event=Opened&properties.subject={'x' * size}"

    answer = web.http.request("GET", f"{web.url}/v1/pixel/{path}?{query}")

    assert (answer.status, answer.headers["Content-Type"], answer.data[:3]) == (200, "image/gif", b"GIF")
    assert web.lane().received == int(path.rstrip("/") == "track")
